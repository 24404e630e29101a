"""Were trials stopped that were as good as those that went on?"""

import numpy as np

from search.check.finding import Finding
from search.check.record import Run, SearchRecord

CHECK = "pruning"
FEWEST_PRUNED = 5
FEWEST_COMPLETE = 5
MOST = 0.2


def check_pruning(record: SearchRecord) -> Finding:
    """Counts the pruned trials whose score, where they were stopped, was within one standard error of the median that
    the best quarter of the completed trials had after as many epochs.
    """
    if not record.runs:
        return Finding(CHECK, "not enough data", "no trial is finished")
    pruned = [run for run in record.runs if run.state == "pruned" and run.scores and np.isfinite(run.last)]
    if not any(run.state == "pruned" for run in record.runs):
        return Finding(CHECK, "ok", "no trial was pruned")
    ranked = record.ranked
    if len(pruned) < FEWEST_PRUNED or len(ranked) < FEWEST_COMPLETE:
        return Finding(
            CHECK,
            "not enough data",
            f"{len(pruned)} pruned and {len(ranked)} completed trials; it takes {FEWEST_PRUNED} of each",
        )
    best = ranked[: max(FEWEST_COMPLETE, len(ranked) // 4)]
    close = [run for run in pruned if _is_close(record, run, best)]
    share = len(close) / len(pruned)
    numbers = {"pruned": len(pruned), "close": len(close), "share": share}
    words = f"{len(close)} of {len(pruned)} pruned trials were as good as the best when they were stopped"
    if share > MOST:
        without = f"launch --space {record.space} --study-name {record.name}-unpruned --pruner none"
        return Finding(CHECK, "look", f"{words}: the pruner may have stopped a winner", numbers, without)
    return Finding(CHECK, "ok", words, numbers)


def _is_close(record: SearchRecord, run: Run, best: tuple[Run, ...]) -> bool:
    then = [other.scores[len(run.scores) - 1] for other in best if len(other.scores) >= len(run.scores)]
    if not then:
        return False
    median = float(np.median(then))
    error = record.standard_error(median) if record.accuracy else float(np.std(then))
    return run.last >= median - error
