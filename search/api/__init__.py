"""Searching from Python: `run`, `load`, and their result."""
