"""Which of a study's trials are of this program: others may have been added with Optuna, as what is known already."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from storage import SharedStudy


def own_trials(shared: SharedStudy, states: Sequence[TrialState] | None = None) -> list[FrozenTrial]:
    """The trials of the study's slots, by number; with `states`, those in one of them. What others say of themselves is
    whatever their makers wanted: it is in no summary, and nothing is written into them.

    Raises:
        StorageUnreachable: the database doesn't answer.
    """
    own = {slot.trial_number for slot in shared.ledger.slots()}
    with shared.translated():
        trials = shared.study.get_trials(deepcopy=False, states=None if states is None else tuple(states))
    return [trial for trial in trials if trial.number in own]
