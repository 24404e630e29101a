"""Batch normalization's moving averages lag behind for hundreds of steps; no pruner may take that for a poor model."""

from collections.abc import Callable

from optuna.trial import TrialState

from search.workers.context import WorkerContext
from storage.records import Scalar, SlotOrder
from storage.testkit import order_all
from tests.helpers.lab import Lab

PLAIN: dict[str, Scalar] = {"batch_norm": "none", "dropout_position": "none"}
POOR: dict[str, Scalar] = {**PLAIN, "optimizer": "sgd", "learning_rate": 0.001}
FAIR: dict[str, Scalar] = {**PLAIN, "optimizer": "adam", "learning_rate": 0.0002}
GOOD: dict[str, Scalar] = {"dropout_position": "none", "optimizer": "adam", "learning_rate": 0.002}
BEFORE = {**GOOD, "batch_norm": "before_activation"}
AFTER = {**GOOD, "batch_norm": "after_activation"}


def test_asha_keeps_good_trials_with_batch_normalization_and_ends_poor_ones(
    lab: Lab, with_real_trainer: Callable[[WorkerContext], WorkerContext]
) -> None:
    """Eighteen steps per epoch: with Keras' momentum of 0.99 the averages would hold 17 % of the truth after one."""
    shared = lab.study(0, pruner="asha-stop", epochs=2)
    params = [FAIR, POOR, POOR, BEFORE, POOR, POOR, AFTER]
    order_all(shared.ledger, [SlotOrder(seed=number, params=given) for number, given in enumerate(params)])
    lab.work(with_real_trainer(lab.context()))
    trials = shared.study.get_trials()
    kept = [trial.number for trial in trials if trial.state is TrialState.COMPLETE]
    assert kept == [0, 3, 6]
    assert min(trials[number].intermediate_values[1] for number in (3, 6)) > 0.5
