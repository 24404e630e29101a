"""The built-in spaces, one a file. They are composed from the axes, which are the `suggest_…` modules beside this
package; `spaces/registry.py` has their names.
"""
