"""By which value a trial is ranked: that of its last epoch, or the mean of its last few.

The mean of the last epochs is less a matter of luck than one of them; measured in docs/benchmarks.md. The model that a
trial keeps is that of its last epoch in any case.
"""

from collections.abc import Sequence
from typing import Literal, assert_never, get_args

from spaces.epoch_scores import EpochScores
from spaces.metrics import METRICS, MetricName

Select = Literal["last", "smooth"]
SELECTS: tuple[Select, ...] = get_args(Select)
SMOOTH_EPOCHS = 3


def smoothed_epochs(epochs: int) -> int:
    """Over how many of its last epochs the value of a trial of that many is a mean, with `smooth`."""
    return max(1, min(SMOOTH_EPOCHS, epochs // 2))


def selection_value(select: Select, metric: MetricName, curve: Sequence[EpochScores]) -> float | None:
    """The value of a trial after these epochs; None where the last one's isn't a finite number, or there is none.

    `smooth` is the mean of the last three epochs, and of the second half of them while there are fewer than six.
    Epochs among them whose value isn't a finite number are left out.
    """
    if not curve:
        return None
    last = METRICS[metric].of(curve[-1])
    match select:
        case "last":
            return last
        case "smooth":
            if last is None:
                return None
            tail = curve[-smoothed_epochs(len(curve)) :]
            values = [value for scores in tail if (value := METRICS[metric].of(scores)) is not None]
            return sum(values) / len(values)
    assert_never(select)
