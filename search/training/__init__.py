"""From a configuration to a trained model and its scores: data sets, model, optimizer, epochs, checkpoints.

Keras is imported here and nowhere else, and only when something is built or trained: the data sets are read without it.
"""
