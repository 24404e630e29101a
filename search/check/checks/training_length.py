"""Is training long enough, and not too long? Do the best still improve when it ends, or were they best at its start?"""

import numpy as np
from scipy import stats

from search.check.finding import Finding
from search.check.record import SearchRecord

CHECK = "training length"
FEWEST_EPOCHS = 5
FEWEST_RUNS = 5
MOST_RUNS = 20
LEVEL = 0.05
MARGIN = 0.005


def check_training_length(record: SearchRecord) -> Finding:
    """Compares the scores of good runs at the end with those a fifth of the training earlier (one-sided t-test), and
    counts the runs that were best within the first tenth.

    Which runs are good is decided at the epoch in the middle of the two, so that noise at neither end decides.
    """
    runs = [run for run in record.complete if len(run.scores) >= FEWEST_EPOCHS and np.isfinite(run.scores).all()]
    if len(runs) < FEWEST_RUNS:
        return Finding(
            CHECK,
            "not enough data",
            f"{len(runs)} completed trials of {FEWEST_EPOCHS} epochs or more; it takes {FEWEST_RUNS}",
        )
    step = max(2, max(len(run.scores) for run in runs) // 5)
    middle = -1 - step // 2
    good = sorted(runs, key=lambda run: -run.scores[middle])[: min(MOST_RUNS, max(FEWEST_RUNS, len(runs) // 4))]
    gains = np.array([run.scores[-1] - run.scores[-1 - step] for run in good])
    early = sum(int(np.argmax(run.scores)) < max(1, len(run.scores) // 10) for run in good)
    gain, margin = float(gains.mean()), MARGIN if record.accuracy else MARGIN * abs(float(np.median(gains))) + 1e-12
    spread = float(gains.std(ddof=1))
    p = float(stats.ttest_1samp(gains, 0.0, alternative="greater").pvalue) if spread > 0 else float(gain <= 0)
    numbers = {"runs": len(good), "epochs": step, "gain": gain, "p": p, "best_in_first_tenth": early}
    words = f"the best {len(good)} trials gained {record.points(gain)} in their last {step} epochs"
    if 2 * early > len(good):
        return Finding(
            CHECK,
            "look",
            f"{early} of the best {len(good)} trials were best within the first tenth of their training: it is too "
            "long, or the learning rate too high",
            numbers,
            f"spaces {record.space}",
        )
    if p <= LEVEL and gain > margin:
        more = f"launch --space {record.space} --study-name {record.name}-longer --epochs {2 * record.epochs}"
        return Finding(CHECK, "look", f"{words}, and may gain more in a longer training", numbers, more)
    return Finding(CHECK, "ok", words, numbers)
