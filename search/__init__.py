"""Hyperparameter search for Keras image models: `python -m search` lists the commands."""
