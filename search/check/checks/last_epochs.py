"""Do scores jump about more from epoch to epoch than the best trials differ?"""

import numpy as np

from search.check.finding import Finding
from search.check.record import SearchRecord

CHECK = "last epochs"
TOP = 5
STEPS = 4
DEVIATIONS = 2.0


def check_last_epochs(record: SearchRecord) -> Finding:
    """Compares the spread of the last epochs of the best trials (the deviation of steps, over the square root of 2)
    with the distance between the first and the fifth of them: less than two deviations don't order them.
    """
    top = [
        run for run in record.ranked[:TOP] if len(run.scores) > STEPS and np.isfinite(run.scores[-STEPS - 1 :]).all()
    ]
    if len(top) < TOP:
        return Finding(CHECK, "not enough data", f"{len(top)} of the best {TOP} trials have more than {STEPS} epochs")
    steps = np.concatenate([np.diff(run.scores[-STEPS - 1 :]) for run in top])
    spread, distance = float(steps.std(ddof=1) / np.sqrt(2)), top[0].last - top[-1].last
    numbers = {"spread": spread, "distance": distance}
    words = (
        f"scores of the best {TOP} trials vary by {record.points(spread)} from epoch to epoch, and the first and fifth "
        f"are {record.points(distance)} apart"
    )
    if distance < DEVIATIONS * spread:
        again = f"confirm --search {record.name} --top {TOP}"
        return Finding(CHECK, "look", f"{words}: which is first is a matter of the last epoch", numbers, again)
    return Finding(CHECK, "ok", words, numbers)
