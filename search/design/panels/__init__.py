"""The figures of a comparison, a kind a file: for the report and, stored with the study, for dashboards."""
