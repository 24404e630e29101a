"""A comparison that is there, asked for again: with more replicates, or with another margin.

Looks that were planned together share a level. One that is added afterwards, because the answer so far wasn't enough,
gets half the level of the look before: however often replicates are added, a wrong verdict at any look then has a
probability of at most twice the level, and the answer says what it is. Where verdicts hold at any time, it costs
nothing: more replicates are more looks at the same level.
"""

import msgspec

from search.design.options import POINT, CompareOptions, StudyFlags
from search.errors import UsageError
from storage.comparison import Comparison, PlannedLook


def continued_with(stored: Comparison, asked: Comparison, flags: StudyFlags) -> Comparison:
    """The design with which a stored comparison goes on: the looks that it has, one more if more replicates are asked
    for than it ends with, and the margin that is asked for.

    Raises:
        UsageError: fewer replicates are asked for than it was planned with.
    """
    if stored.kind == "race":
        return _race_as_planned(stored, asked, flags)
    require_same_verdicts(stored, asked)
    last, wanted = stored.last_look, asked.last_look.replicates
    if stored.kind == "noise" and wanted != last.replicates and replicates_given(flags):
        raise UsageError(
            f"the study measures noise with {last.replicates} trainings, the cells of a square, which can't be "
            "extended: leave --seeds out to continue it, or give another --study-name"
        )
    if stored.kind == "ablation" and wanted != last.replicates and replicates_given(flags):
        raise UsageError(
            f"the ablation has {last.replicates} replicates, half of which chose its path, and can't be extended: "
            "leave --seeds out to continue it, or give another --study-name"
        )
    if replicates_given(flags) and wanted < last.replicates:
        raise UsageError(
            f"the comparison has {last.replicates} replicates of each arm, and {wanted} were asked for: leave --seeds "
            "out to continue it, or ask for more"
        )
    if stored.anytime:
        more = tuple(PlannedLook(size, last.level) for size in range(last.replicates + 1, wanted + 1))
    else:
        more = (PlannedLook(wanted, last.level / 2, added=True),) if wanted > last.replicates else ()
    looks = (*stored.looks, *more) if replicates_given(flags) else stored.looks
    return msgspec.structs.replace(asked, looks=looks, anytime=stored.anytime)


def require_same_verdicts(stored: Comparison, asked: Comparison) -> None:
    """Raises UsageError if a comparison with planned looks is to be judged at any time, or one that is so against
    another margin, with which its bets were made: both are fixed beforehand.
    """
    if asked.anytime and not stored.anytime:
        raise UsageError(
            "--anytime: it was begun with planned looks, and how it is judged must be fixed before its first score. "
            "Leave the flag out to continue it, or begin again under another --study-name"
        )
    if stored.anytime and asked.margin != stored.margin:
        raise UsageError(
            f"a margin of {asked.margin / POINT:g} points: it is judged at any time by bets that depend on the margin, "
            f"and must be fixed before its first score; give --margin {stored.margin / POINT:g} to continue it, or "
            "begin again under another --study-name"
        )


def _race_as_planned(stored: Comparison, asked: Comparison, flags: StudyFlags) -> Comparison:
    """A race keeps its looks: arms have left at them."""
    require_same_verdicts(stored, asked)
    if stored.arm_names != asked.arm_names:
        raise UsageError(
            f"the race was of {', '.join(stored.arm_names)}, and {', '.join(asked.arm_names)} were asked for: repeat "
            "the command that began it to see its answer, or race again under another --study-name"
        )
    if replicates_given(flags) and asked.last_look.replicates != stored.last_look.replicates:
        raise UsageError(
            f"the race was planned with {stored.last_look.replicates} replicates, and {asked.last_look.replicates} "
            "were asked for: leave --seeds out to continue it, or race again under another --study-name"
        )
    return msgspec.structs.replace(asked, looks=stored.looks, anytime=stored.anytime)


def replicates_given(flags: StudyFlags) -> bool:
    """Whether the flags say how many replicates there are to be."""
    return flags.seeds is not None or (isinstance(flags, CompareOptions) and flags.max_seeds is not None)


def total_level(comparison: Comparison, look: PlannedLook) -> float:
    """The probability of a wrong verdict at any of the looks up to this one, at most (Bonferroni's inequality; at any
    time that of one look).
    """
    if comparison.anytime:
        return look.level
    return sum(one.level for one in comparison.looks if one.replicates <= look.replicates)
