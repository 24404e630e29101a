"""Further metrics of the validation images, taken from the pass that gives loss and accuracy."""
