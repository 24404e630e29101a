"""Images for a model: the split, preprocessing, augmentation, batches."""
