"""Where a space has few combinations, each is tried before any is tried again."""

import pytest
from optuna.trial import TrialState

from spaces import Space
from spaces.configuration import Configuration
from spaces.space import Trial
from storage import SharedStudy
from tests.helpers.lab import Lab

TWELVE = 12


def suggest_one_of_twelve(trial: Trial) -> Configuration:
    units = trial.suggest_int("units", 8, 32, step=8)
    if trial.suggest_categorical("layers", [1, 2]) == 2:
        return Configuration(dense=(units, trial.suggest_int("second", 4, 8, step=4)))
    return Configuration(dense=(units,))


SPACE = Space(name="twelve", question="Which?", suggest=suggest_one_of_twelve)


def combinations(shared: SharedStudy) -> list[str]:
    return [str(sorted(trial.params.items())) for trial in shared.study.get_trials(deepcopy=False)]


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_each_combination_is_tried_before_any_is_tried_again(lab: Lab, sampler: str) -> None:
    shared = lab.study(TWELVE + 3, sampler=sampler, epochs=1)
    lab.work(lab.context(space=SPACE))
    tried = combinations(shared)
    assert len(set(tried[:TWELVE])) == TWELVE
    assert set(tried[TWELVE:]) <= set(tried[:TWELVE])


def test_a_replicate_says_of_which_trial_and_has_a_seed_of_its_own(lab: Lab) -> None:
    shared = lab.study(TWELVE + 1, sampler="random", epochs=1)
    lab.work(lab.context(space=SPACE))
    *firsts, last = shared.study.get_trials(deepcopy=False)
    assert all("replicate_of" not in trial.user_attrs for trial in firsts)
    same = firsts[last.user_attrs["replicate_of"]]
    assert same.params == last.params
    assert same.user_attrs["seed"] != last.user_attrs["seed"]


def test_what_a_failed_trial_tried_is_tried_again(lab: Lab) -> None:
    shared = lab.study(TWELVE + 1, sampler="random", epochs=1)
    lab.acts = {0: [{"fail": ["space_error", "it went wrong"]}]}
    lab.work(lab.context(space=SPACE))
    failed, *others = shared.study.get_trials(deepcopy=False)
    assert failed.state is TrialState.FAIL
    assert len({str(trial.params) for trial in others}) == TWELVE


def test_the_same_seed_proposes_the_same_combinations_to_a_single_worker(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = lab.study(TWELVE, epochs=1, seed=5)
    lab.work(lab.context(space=SPACE))
    again = type(lab)(f"sqlite:///{tmp_path_factory.mktemp('again')}/again.db", tmp_path_factory.mktemp("files"))
    second = again.study(TWELVE, epochs=1, seed=5)
    again.work(again.context(space=SPACE))
    assert combinations(first) == combinations(second)
    again.close()


def test_a_trial_that_goes_on_keeps_its_parameters_even_if_another_has_the_same(lab: Lab) -> None:
    shared = lab.study(2, sampler="random", epochs=2)
    lab.acts = {0: [{"die_before": 2}]}
    one = Space(
        name="one", question="Which?", suggest=lambda trial: Configuration(dense=(trial.suggest_int("u", 1, 2),))
    )
    lab.work(lab.context(space=one))
    trials = shared.study.get_trials(deepcopy=False)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 2
    assert sorted(trial.params["u"] for trial in trials) == [1, 2]
    assert all("replicate_of" not in trial.user_attrs for trial in trials)
