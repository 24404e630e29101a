"""Is the best model better on the images that it was trained on?"""

import math

from search.check.finding import Finding
from search.check.record import SearchRecord

CHECK = "overfitting"
GAP = 0.05


def check_overfitting(record: SearchRecord) -> Finding:
    """The best trial's accuracy on training images less that on validation images, both after its last epoch. More than
    five points, beyond two standard errors of the validation accuracy, call for regularization or more images.
    """
    ranked = record.ranked
    if not record.accuracy or not ranked or not ranked[0].training or not math.isfinite(ranked[0].training[-1]):
        return Finding(CHECK, "not enough data", "it takes a completed trial, and an objective that counts images")
    best = ranked[0]
    gap, error = best.training[-1] - best.last, record.standard_error(best.last)
    numbers = {"trial": best.number, "training": best.training[-1], "validation": best.last, "gap": gap}
    words = f"trial {best.number} has {best.training[-1]:.2%} on training and {best.last:.2%} on validation images"
    if gap - 2 * error > GAP:
        return Finding(
            CHECK,
            "look",
            f"{words}: it has learnt its images by heart. More of them, augmentation or regularization may help",
            numbers,
            "launch --space regularization --dry-run",
        )
    return Finding(CHECK, "ok", words, numbers)
