"""The database of whoever names none."""

DEFAULT_STORAGE = "sqlite:///search.db"
