"""A study as text, tables, pictures, and as notes and figures for dashboards."""
