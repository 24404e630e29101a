"""On which images a metric can be measured."""

from collections.abc import Iterable

from spaces.metrics import METRICS, MetricName

MOST_LOGITS = 2_000_000  # validation images times classes: 8 MB, which each batch of an epoch writes


def why_not_measurable(names: Iterable[MetricName], classes: int, images: int) -> str | None:
    """Why one of the metrics can't be measured on that many images of that many classes, and what to do; None if all
    can.
    """
    for name in names:
        metric = METRICS[name]
        if classes < metric.least_classes:
            return (
                f"{name} takes {metric.least_classes} classes or more, and these images have {classes}: with so few, "
                "every image counts as right. Choose another metric, such as val_accuracy"
            )
        if metric.of_probabilities is not None and classes * images > MOST_LOGITS:
            return (
                f"{name} is made of all logits of the validation images, {images} times {classes}, which is more than "
                f"the {MOST_LOGITS:,} that are kept: use fewer images (--limit-train, --validation-share), or a metric "
                "that is counted, such as val_balanced_accuracy or val_macro_f1"
            )
    return None
