"""The default database."""

DEFAULT_STORAGE = "sqlite:///search.db"
