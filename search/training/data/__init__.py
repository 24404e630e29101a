"""What feeds a model with images: the split, preprocessing, augmentation, batches."""
