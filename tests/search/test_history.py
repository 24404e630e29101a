"""What samplers and pruners see of a study."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.pruners import NopPruner
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from search.sampling.buffered_trial import BufferedTrialStorage
from search.sampling.history import BEST, subsampled
from search.sampling.proposal import fixed_params
from search.sampling.pruners import PRUNERS, make_pruner
from search.sampling.ranking import JUDGED, best_judged, frozen_rank_key
from search.sampling.samplers import make_sampler
from search.study.trials import open_trial, suggest_configuration
from spaces import Space, load_space
from spaces.trials import random_trial
from storage import SharedStudy, create_study
from storage.objective import Objective
from storage.records import SlotOrder
from storage.testkit import HIGHER, LOWER, claimed, example_manifest
from tests.helpers.optuna_values import report

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


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
    assert subsampled(trials, 3, HIGHER, seed=0) == trials


def test_of_a_large_study_the_limit_of_finished_trials_is_seen_in_their_order() -> None:
    trials = numbered([complete(number / 1000) for number in range(1000)])
    seen = [trial.number for trial in subsampled(trials, 300, HIGHER, seed=0)]
    assert len(seen) == 300
    assert seen == sorted(seen)


@pytest.mark.parametrize(("goal", "best"), [(HIGHER, range(900, 1000)), (LOWER, range(100))])
def test_the_best_are_always_seen(goal: Objective, best: range) -> None:
    trials = numbered([complete(number / 1000) for number in range(1000)])
    assert len(best) == BEST
    assert set(best) <= {trial.number for trial in subsampled(trials, 300, goal, seed=0)}


@pytest.mark.parametrize("goal", [HIGHER, LOWER])
@given(scores=st.lists(st.sampled_from([0.1, 0.2, 0.3, math.inf, -math.inf]), min_size=5), data=st.data())
def test_the_best_of_many_are_those_of_the_one_order(goal: Objective, scores: list[float], data: st.DataObject) -> None:
    kinds = [TrialState.COMPLETE] * 5 + [TrialState.PRUNED, TrialState.FAIL]
    trials = numbered([of_state(data.draw(st.sampled_from(kinds)), score) for score in scores])
    in_order = sorted((one for one in trials if one.state in JUDGED), key=partial(frozen_rank_key, goal))
    count = data.draw(st.integers(0, 6))
    assert best_judged(trials, count, goal) == in_order[:count]


def of_state(state: TrialState, score: float) -> FrozenTrial:
    value = score if state is TrialState.COMPLETE else None
    return create_trial(state=state, value=value, intermediate_values={1: score})


def test_all_that_are_running_are_seen_too() -> None:
    trials = numbered([complete(number / 1000) if number % 2 else running() for number in range(1000)])
    seen = subsampled(trials, 200, HIGHER, seed=0)
    assert sum(trial.state is TrialState.RUNNING for trial in seen) == 500
    assert len(seen) == 700


def test_pruned_trials_that_came_far_go_before_those_that_did_not() -> None:
    far, near = [pruned(0.1, 0.1) for _ in range(BEST)], [pruned(0.9) for _ in range(400)]
    seen = {trial.number for trial in subsampled(numbered(near + far), 150, HIGHER, seed=0)}
    assert set(range(400, 500)) <= seen


def test_the_others_are_drawn_by_the_seed() -> None:
    trials = numbered([complete(number / 1000) for number in range(1000)])
    once, again, otherwise = (subsampled(trials, 300, HIGHER, seed=seed) for seed in (1, 1, 2))
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
        looks, look = [], shared.trials.history.trials

        def noted() -> list[FrozenTrial]:
            looks.append(look())
            return looks[-1]

        monkeypatch.setattr(shared.trials.history, "trials", noted)
        monkeypatch.setattr(shared.trials.storage, "get_all_trials", None)
        suggest_configuration(shared, space, lease, number, NopPruner())
        assert len(looks) == 1
        assert shared.trials.get(number).system_attrs == {}  # nothing is announced beforehand


def random_params(space: Space, seed: int) -> Mapping[str, Any]:
    trial = random_trial(seed)
    space.suggest(trial)
    return trial.params


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_a_sampler_that_learns_proposes_the_same_as_with_all_that_is_stored(sampler: str, sqlite_url: str) -> None:
    space = load_space("bn_dropout")
    with create_study(sqlite_url, "s", example_manifest(sampler=sampler)) as shared:
        fill(shared, space)
        number = shared.study.ask().number
        drawn = [
            proposed(shared, space, number, look)
            for look in (shared.trials.history.trials, lambda: shared.trials.storage.get_all_trials(shared.study_id))
        ]
    assert drawn[0] == drawn[1]


def fill(shared: SharedStudy, space: Space) -> None:
    """Gives a study trials of every kind, as its sampler and pruner would have made them."""
    rng = random.Random(0)
    for slot in range(40):
        sampler = make_sampler(shared.manifest.sampler, 1, slot)
        study = optuna.load_study(study_name=shared.name, storage=shared.trials.storage, sampler=sampler)
        trial = study.ask()
        space.suggest(trial)
        for epoch in range(1, rng.randint(2, 4)):
            trial.report(rng.random(), epoch)
        state = rng.choice([TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, None])
        if state is not None:
            study.tell(trial, rng.random() if state is TrialState.COMPLETE else None, state)


def proposed(
    shared: SharedStudy, space: Space, number: int, look: Callable[[], Sequence[FrozenTrial]]
) -> dict[str, Any]:
    """What is proposed for a trial by a sampler that sees these trials."""
    storage = BufferedTrialStorage(shared, look)
    sampler = make_sampler(shared.manifest.sampler, shared.manifest.seed, slot=77)
    study = optuna.load_study(study_name=shared.name, storage=cast("BaseStorage", storage), sampler=sampler)
    trial = Trial(study, shared.trials.ids[number])
    space.suggest(trial)
    return trial.params


# "asha" pauses trials, which the ledger decides: tests/search/test_promotion.py.
@pytest.mark.parametrize("pruner", sorted(PRUNERS.keys() - {"none", "asha"}))
def test_a_pruner_decides_the_same_as_with_all_that_is_stored(pruner: str, tmp_path: Path) -> None:
    decided = []
    for name in ("history", "stored"):
        with create_study(f"sqlite:///{tmp_path / name}.db", "s", example_manifest()) as shared:
            decided.append(
                decisions(shared, shared.trials.pruning_study if name == "history" else shared.study, pruner)
            )
    assert decided[0] == decided[1]
    assert {False, True} <= set(decided[0])


def decisions(shared: SharedStudy, study: Study, pruner: str) -> list[bool]:
    """What a pruner says after the epochs of some trials, of which two are always running side by side."""
    rng, found, reached = random.Random(0), [], {0: 0, 1: 0}
    for _ in reached:
        shared.study.ask()
    for _ in range(80):
        number = rng.choice(list(reached))
        reached[number] += 1
        report(shared, number, rng.random(), reached[number])
        found.append(make_pruner(pruner, 9).prune(study, shared.trials.get(number)))
        if found[-1] or reached[number] == 9:
            value = None if found[-1] else rng.random()
            shared.study.tell(number, value, TrialState.PRUNED if found[-1] else TrialState.COMPLETE)
            reached.pop(number)
            reached[shared.study.ask().number] = 0
    return found
