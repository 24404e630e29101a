"""What a study is shown as: words, tables, pictures, and notes and figures for dashboards."""
