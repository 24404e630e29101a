"""Whether validation has images of every class, as most metrics assume."""

from spaces.metrics import METRICS
from storage import Manifest


def absent_classes_note(manifest: Manifest) -> str | None:
    """A note on classes without validation images, where a metric is measured that averages over classes; None if there
    are none.
    """
    counts = manifest.class_counts.get("validation", ())
    absent = [name for name, count in zip(manifest.classes, counts, strict=False) if not count]
    measured = [name for name in (manifest.objective, *manifest.report_metrics) if METRICS[name].asked_for]
    if not absent or not measured:
        return None
    verb = "is" if len(measured) == 1 else "are"
    return f"validation has no image of {', '.join(absent)}: {', '.join(measured)} {verb} that of the other classes"
