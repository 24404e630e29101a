"""From a configuration to a Keras model and its optimizer, and from a trained model to its files."""
