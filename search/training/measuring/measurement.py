"""The further metrics of a job, from its recorder after each pass over the validation images."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.training.lru_cache import LruCache
from search.training.measuring.limits import why_not_measurable
from search.training.measuring.scores import scores_of_logits
from spaces.class_counts import ClassCounts
from spaces.errors import SpaceError
from spaces.metrics import METRICS, MetricName

CACHED_RECORDERS = 4
NOT_FED = (
    "the model's own test_step doesn't call self.compute_metrics(x, y, y_pred) with the logits of every image once, "
    "from which further metrics are measured: let it, or measure val_accuracy and val_loss alone"
)


class Measurements:
    """Makes the measurements of jobs, and keeps their recorders, which compiled programs have in them."""

    def __init__(self) -> None:
        self._recorders = LruCache[tuple[int, int | bool], Any](CACHED_RECORDERS)

    def measurement(self, names: Sequence[MetricName], labels: NDArray[np.int64], classes: int) -> "Measurement | None":
        """How to measure those of the metrics that not every epoch has; None if there are none.

        Raises:
            SpaceError: one of them can't be measured on this many images and classes.
        """
        wanted = tuple(name for name in METRICS if name in names and METRICS[name].asked_for)
        if not wanted:
            return None
        if (problem := why_not_measurable(wanted, classes, len(labels))) is not None:
            raise SpaceError(problem)
        from search.training.measuring.recorders import ClassCounter, LogitsKeeper

        if any(METRICS[name].of_probabilities is not None for name in wanted):
            images = len(labels)
            recorder = self._recorders.get((classes, images), lambda: LogitsKeeper(classes, images))
        else:
            top5 = "val_top5" in wanted
            recorder = self._recorders.get((classes, top5), lambda: ClassCounter(classes, top5=top5))
        return Measurement(wanted, labels, recorder)


@dataclass(frozen=True, eq=False)
class Measurement:
    """Metrics to measure on images of these labels (n,), in their order, and what records the passes over them."""

    names: tuple[MetricName, ...]
    labels: NDArray[np.int64]
    recorder: Any

    @contextmanager
    def of_pass(self) -> Iterator[None]:
        """A pass over the images takes place within the block."""
        with self.recorder.on():
            yield

    def values(self) -> dict[str, float]:
        """The metrics of the last pass; NaN where one isn't defined.

        Raises:
            SpaceError: the pass didn't feed the recorder.
        """
        from search.training.measuring.recorders import ClassCounter, LogitsKeeper

        match self.recorder:
            case ClassCounter() as counter:
                counts = counter.counts(self.labels)
                if sum(counts.predicted) != len(self.labels):
                    raise SpaceError(NOT_FED)
                return {name: of_counts(name, counts) for name in self.names}
            case LogitsKeeper() as keeper:
                if keeper.kept != len(self.labels):
                    raise SpaceError(NOT_FED)
                return scores_of_logits(self.names, self.labels, keeper.logits())
            case _:
                raise TypeError(type(self.recorder))


def of_counts(name: MetricName, counts: ClassCounts) -> float:
    """A metric that is made of counts."""
    function = METRICS[name].of_counts
    assert function is not None  # noqa: S101  only such are asked for
    return function(counts)
