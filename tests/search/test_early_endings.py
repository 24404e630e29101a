"""A trial whose configuration ends it early is complete, and its value is that of the model that is kept."""

from typing import Any

import pytest
from optuna.trial import TrialState

from tests.helpers.lab import Lab

SCORES = [0.3, 0.7, 0.6, 0.5, 0.4]


@pytest.mark.parametrize(
    ("act", "value", "reason"),
    [
        ({"over_after": 4}, 0.5, "early stopping: as told"),
        ({"over_after": 4, "kept_epoch": 2}, 0.7, "early stopping: as told; kept the model of epoch 2"),
        ({"kept_epoch": 2}, 0.7, "kept the model of epoch 2"),
        ({"over_after": 4, "kept_epoch": 4}, 0.5, "early stopping: as told"),
        ({}, 0.4, None),
    ],
    ids=["stopped", "stopped and gone back", "gone back", "the last is the best", "to the end"],
)
def test_the_value_is_that_of_the_kept_model_and_the_reason_is_stored(
    lab: Lab, act: dict[str, Any], value: float, reason: str | None
) -> None:
    lab.acts = {0: [{"scores": SCORES, **act}]}
    shared = lab.study(1, epochs=5)
    lab.work()
    [trial] = shared.study.get_trials()
    assert (trial.state, trial.value, trial.user_attrs.get("reason")) == (TrialState.COMPLETE, value, reason)
    assert len(trial.intermediate_values) == act.get("over_after", 5)


def test_an_attempt_that_takes_over_knows_the_epoch_that_is_kept(lab: Lab) -> None:
    lab.acts = {0: [{"scores": SCORES, "die_before": 4}, {"scores": SCORES, "kept_epoch": 2}]}
    shared = lab.study(1, epochs=5)
    lab.work()
    assert [trial.value for trial in shared.study.get_trials()] == [0.7]
