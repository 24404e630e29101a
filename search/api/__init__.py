"""Searching from Python: `run`, `load`, and the result that they give."""
