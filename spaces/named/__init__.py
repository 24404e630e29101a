"""The built-in spaces, one per file. They are composed from the axes, the modules in `spaces/` with functions
`suggest_…`; `spaces/registry.py` has their names.
"""
