"""The trial of a slot: made once, and continued with its parameters when a worker died in between."""

from typing import Any

import optuna
import pytest
from optuna.pruners import NopPruner
from optuna.trial import TrialState

from search.study.trials import open_trial, suggest_configuration
from spaces import load_space
from spaces.errors import SpaceError
from spaces.space import Space, Trial
from storage import SharedStudy
from storage.errors import LeaseLost
from storage.records import Lease, Scalar, SlotOrder
from storage.testkit import order_all
from tests.helpers.lab import Lab

SPACE = load_space("bn_dropout")


def claimed(shared: SharedStudy, worker: str = "one", lease_s: float = 30.0) -> Lease:
    lease = shared.ledger.claim(worker, lease_s)
    assert lease is not None
    return lease


def test_a_slot_gets_one_trial_however_often_it_is_asked_for(lab: Lab) -> None:
    shared = lab.study(2)
    lease = claimed(shared)
    assert open_trial(shared, SPACE, lease) == open_trial(shared, SPACE, lease) == 0
    shared.ledger.release(lease, failure="killed")
    assert open_trial(shared, SPACE, claimed(shared, "two")) == 0
    assert open_trial(shared, SPACE, claimed(shared, "three")) == 1
    assert [trial.user_attrs["slot"] for trial in shared.study.get_trials()] == [0, 1]


def test_a_slot_with_fixed_parameters_has_them_from_the_start(lab: Lab) -> None:
    shared = lab.study(0)
    params: dict[str, Scalar] = {
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch_norm": "none",
        "dropout_position": "none",
    }
    order_all(shared.ledger, [SlotOrder(seed=1, params=params)])
    number = open_trial(shared, SPACE, claimed(shared))
    assert shared.study.get_trials()[number].params == params


def test_a_trial_of_another_program_is_left_alone(lab: Lab) -> None:
    shared = lab.study(1)
    shared.study.ask()
    lease = claimed(shared)
    shared.ledger.release(lease, failure="killed")
    assert open_trial(shared, SPACE, claimed(shared)) == 1
    assert shared.study.get_trials()[0].state is TrialState.RUNNING


class Killed(BaseException):
    """What a kill does to the code that runs."""


def dying(space: Space, after: int) -> Space:
    """The space, whose worker is killed after this many parameters."""

    def suggest(trial: Trial) -> Any:
        return space.suggest(Mortal(trial, after))

    return Space(name=space.name, question=space.question, suggest=suggest)


class Mortal:
    """A trial that answers this many questions."""

    def __init__(self, trial: Any, answers: int) -> None:
        self._trial = trial
        self._left = answers

    def __getattr__(self, name: str) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Killed
        return getattr(self._trial, name)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("history", [0, 15])
def test_a_worker_killed_between_two_parameters_makes_no_difference_to_them(
    lab: Lab, sampler: str, history: int
) -> None:
    shared = lab.study(1, sampler=sampler, seed=5)
    for number in range(history):
        trial = shared.study.ask()
        SPACE.suggest(trial)
        shared.study.tell(trial, number / history)
    lease = claimed(shared)
    number = open_trial(shared, SPACE, lease)
    found = []
    for answers in range(1, 4):
        with pytest.raises(Killed):
            suggest_configuration(shared, dying(SPACE, answers), lease, number, NopPruner())
        shared.study.sampler = optuna.samplers.RandomSampler()
        open_trial(shared, SPACE, lease)
    interrupted = suggest_configuration(shared, SPACE, lease, number, NopPruner())

    shared.study.tell(number, state=TrialState.FAIL)
    shared.ledger.release(lease)
    found.append(fresh_configuration(shared, lease))
    assert found == [interrupted]


def test_a_worker_that_loses_its_slot_while_it_draws_leaves_nothing_of_it(lab: Lab) -> None:
    shared = lab.study(1, sampler="tpe")
    for number in range(15):
        trial = shared.study.ask()
        SPACE.suggest(trial)
        shared.study.tell(trial, number / 15)

    def suggest(trial: Trial) -> Any:
        configuration = SPACE.suggest(trial)
        shared.ledger.release(lease, failure="killed")
        claimed(shared, "another")
        return configuration

    lease = claimed(shared)
    number = open_trial(shared, SPACE, lease)
    with pytest.raises(LeaseLost):
        suggest_configuration(shared, Space(name="slow", question="?", suggest=suggest), lease, number, NopPruner())
    left = shared.study.get_trials()[number]
    assert (left.params, left.system_attrs) == ({}, {})


def fresh_configuration(shared: SharedStudy, lease: Lease) -> Any:
    """What the slot's sampler proposes for a trial that nothing interrupts."""
    from search.sampling.samplers import make_sampler

    shared.study.sampler = make_sampler(shared.manifest.sampler, shared.manifest.seed, lease.slot)
    return SPACE.suggest(shared.study.ask())


def test_an_error_in_the_space_is_told_as_one(lab: Lab) -> None:
    def suggest(trial: Trial) -> Any:
        raise ValueError("no such thing")

    shared = lab.study(1)
    lease = claimed(shared)
    number = open_trial(shared, SPACE, lease)
    broken = Space(name="broken", question="?", suggest=suggest)
    with pytest.raises(SpaceError, match="the space 'broken' failed to suggest: ValueError: no such thing"):
        suggest_configuration(shared, broken, lease, number, NopPruner())
