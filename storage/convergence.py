"""What the next trials of a search can be expected to gain: an upper bound with 90 % confidence.

Trials' values have a tail towards the better ones. Beyond a high threshold, a tail that ends somewhere, as those of
accuracies and losses do, falls at least as fast as an exponential one, so the exponential errs on the side of expecting
more. The threshold is the value that the ten best trials
exceed, or a third of them if there are fewer than thirty. With k excesses of mean m, and an unknown
scale, the chance that a trial exceeds the threshold by more than x is (k / n) (1 + x / (k m))^-k, and the best of the
next trials stays below the bound with the chance that each of them does. A sampler that learns makes later trials
better than earlier ones: only the later half counts. `tests/storage/test_convergence.py` simulates how often the bound
holds.
"""

from collections.abc import Sequence

CONFIDENCE = 0.9
FEWEST = 20  # trials that count, before which there is no bound
TAIL = 3  # at most one of this many completed trials is beyond the threshold
MOST_EXCESSES = 10


def gain_bound(losses: Sequence[float | None], horizon: int) -> float | None:
    """The upper 90 % bound of how much the best of the next `horizon` trials is better than the best so far, never
    negative. None if there are too few trials to tell.

    `losses` are the trials' values in the order in which they finished, less being better; None for a trial without a
    value, such as a pruned one, which counts as one in the bulk of the trials.
    """
    recent = losses[len(losses) // 2 :]
    known = sorted(loss for loss in recent if loss is not None)
    best = min((loss for loss in losses if loss is not None), default=None)
    k = min(len(known) // TAIL, MOST_EXCESSES)
    if best is None or len(recent) < FEWEST or k < 2:
        return None
    threshold = known[k]
    mean = sum(threshold - loss for loss in known[:k]) / k
    chance = (1 - CONFIDENCE ** (1 / horizon)) * len(recent) / k  # of a trial beyond the threshold, to pass the bound
    excess = k * mean * (chance ** (-1 / k) - 1) if chance < 1 else 0.0
    return max(0.0, excess - (threshold - best))
