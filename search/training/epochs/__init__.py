"""The epochs of a model, and the ways in which they are run."""
