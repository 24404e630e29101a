"""The figures of a search, a kind a file: for the report, notebooks and dashboards."""
