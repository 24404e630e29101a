"""Values in Optuna's trials, for pruners and samplers, without an epoch in the ledger."""

from storage import SharedStudy


def report(shared: SharedStudy, number: int, value: float, epoch: int) -> None:
    """Stores the objective after an epoch in the trial."""
    shared.trials.storage.set_trial_intermediate_value(shared.trials.ids[number], epoch, value)
