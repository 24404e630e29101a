"""What a sampler sees of a large study."""

from collections.abc import Mapping
from typing import Any

import pytest
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.sampling.history import BEST, thinned
from search.sampling.proposal import fixed_params
from search.study.trials import open_trial, suggest_configuration
from spaces import Space, load_space
from spaces.trials import random_trial
from storage import create_study
from storage.records import SlotOrder
from storage.testkit import claimed, example_manifest

MAXIMIZE = StudyDirection.MAXIMIZE


def numbered(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    for number, trial in enumerate(trials):
        trial.number = number
    return trials


def complete(value: float) -> FrozenTrial:
    return create_trial(value=value)


def pruned(*values: float) -> FrozenTrial:
    return create_trial(state=TrialState.PRUNED, intermediate_values=dict(enumerate(values, 1)))


def running() -> FrozenTrial:
    return create_trial(state=TrialState.RUNNING)


def test_a_small_study_is_seen_whole() -> None:
    trials = numbered([complete(0.5), pruned(0.1), running(), create_trial(state=TrialState.FAIL)])
    assert thinned(trials, 3, MAXIMIZE, seed=0) == trials


def test_of_a_large_study_so_many_finished_trials_are_seen_in_their_order() -> None:
    trials = numbered([complete(number / 1000) for number in range(1000)])
    seen = [trial.number for trial in thinned(trials, 300, MAXIMIZE, seed=0)]
    assert len(seen) == 300
    assert seen == sorted(seen)


@pytest.mark.parametrize(("direction", "best"), [(MAXIMIZE, range(900, 1000)), (StudyDirection.MINIMIZE, range(100))])
def test_the_best_are_always_seen(direction: StudyDirection, best: range) -> None:
    trials = numbered([complete(number / 1000) for number in range(1000)])
    assert len(best) == BEST
    assert set(best) <= {trial.number for trial in thinned(trials, 300, direction, seed=0)}


def test_all_that_are_running_are_seen_besides() -> None:
    trials = numbered([complete(number / 1000) if number % 2 else running() for number in range(1000)])
    seen = thinned(trials, 200, MAXIMIZE, seed=0)
    assert sum(trial.state is TrialState.RUNNING for trial in seen) == 500
    assert len(seen) == 700


def test_pruned_trials_that_came_far_go_before_those_that_did_not() -> None:
    far, near = [pruned(0.1, 0.1) for _ in range(BEST)], [pruned(0.9) for _ in range(400)]
    seen = {trial.number for trial in thinned(numbered(near + far), 150, MAXIMIZE, seed=0)}
    assert set(range(400, 500)) <= seen


def test_the_others_are_drawn_by_the_seed() -> None:
    trials = numbered([complete(number / 1000) for number in range(1000)])
    once, again, otherwise = (thinned(trials, 300, MAXIMIZE, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once != otherwise


def test_all_parameters_of_a_trial_are_drawn_from_one_look_at_the_history(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = load_space("bn_dropout")
    with create_study(sqlite_url, "s", example_manifest(sampler="tpe")) as shared:
        for seed in range(12):  # after ten, TPE learns from them
            params, distributions = fixed_params(space, random_params(space, seed))
            shared.study.add_trial(create_trial(value=seed / 12, params=params, distributions=distributions))
        shared.ledger.order_up_to(1, order_of=SlotOrder)
        lease = claimed(shared.ledger)
        number = open_trial(shared, space, lease)
        looks, look = [], shared.storage.get_all_trials

        def noted(*arguments: Any, **named: Any) -> list[FrozenTrial]:
            looks.append(arguments)
            return look(*arguments, **named)

        monkeypatch.setattr(shared.storage, "get_all_trials", noted)
        suggest_configuration(shared, space, lease, number)
    assert len(looks) == 1


def random_params(space: Space, seed: int) -> Mapping[str, Any]:
    trial = random_trial(seed)
    space.suggest(trial)
    return trial.params
