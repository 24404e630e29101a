"""Infeasible trials: what a space vetoes, and what breaks a limit that only training shows. They aren't failures."""

from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from search.errors import SearchFailed
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.launching.running import require_success
from search.launching.wording import result_text
from search.trainers.protocol import Failed
from search.training.jobs.failures import failure_kind, failure_reason
from search.training.jobs.job import require_within
from search.views.facts import gather_facts
from search.workers.settle import settle
from spaces import Configuration, Infeasible, Space, Trial
from spaces.configuration import Dropout
from spaces.contract import check_space
from spaces.errors import SpaceError
from spaces.grid import grid
from spaces.limits import parse_limits
from spaces.space import choose
from storage import SharedStudy
from storage.ending import EndingRule, FinishedTrial, reason_to_end
from tests.helpers.lab import Lab

VETO = "a wide first layer isn't wanted"


def suggest(trial: Trial) -> Configuration:
    """Half of the choices are vetoed."""
    width = choose(trial, "width", (32, 64, 128, 256))
    if width > 64:
        raise Infeasible(VETO)
    rate = trial.suggest_float("rate", 0.0, 0.5)
    return Configuration(dense=(width,), dropout=(Dropout("before_dense", rate),))


SPACE = Space(name="vetoing", question="Which width?", suggest=suggest)


def vetoing(lab: Lab, n_trials: int, sampler: str = "random") -> SharedStudy:
    shared = lab.study(n_trials, own=SPACE, sampler=sampler)
    lab.work(lab.context(space=SPACE))
    return shared


def test_what_a_space_vetoes_ends_as_infeasible_with_its_parameters_and_reason(lab: Lab) -> None:
    shared = vetoing(lab, 8)
    counts = shared.ledger.counts()
    assert (counts.failed, counts.complete + counts.infeasible) == (0, 8)
    assert counts.infeasible == shared.ledger.counts().by_state()["infeasible"] > 0
    for trial in gather_facts(shared).trials:
        assert (trial.params["width"] > 64) == (trial.state == "infeasible")
        if trial.state == "infeasible":
            assert (trial.reason, trial.epochs, trial.value) == (VETO, 0, None)


def test_plain_optuna_sees_a_pruned_trial_that_violates_a_constraint(lab: Lab) -> None:
    shared = vetoing(lab, 8)
    study = optuna.load_study(study_name=shared.name, storage=lab.url)
    for trial in study.get_trials():
        vetoed = trial.params["width"] > 64
        assert trial.state is (TrialState.PRUNED if vetoed else TrialState.COMPLETE)
        assert trial.constraints == ({"feasible": 1.0} if vetoed else {})
        assert trial.user_attrs["outcome"] == ("infeasible" if vetoed else "complete")
    assert study.best_trial.params["width"] <= 64


def test_the_sampler_learns_what_is_not_wanted(lab: Lab) -> None:
    shared = vetoing(lab, 30, "tpe")
    states = [trial.state for trial in gather_facts(shared).trials]
    drawn, learned = Counter(states[:10]), Counter(states[10:])  # TPE's first ten are drawn at random
    assert drawn["infeasible"] >= 5
    assert learned["infeasible"] <= 4


def test_a_trial_that_trains_too_long_ends_as_infeasible_and_is_no_failure(lab: Lab) -> None:
    """The stub's epochs take 0.01 s each."""
    shared = lab.study(2, limits={"train_seconds": 0.015}, sampler="random")
    lab.work()
    facts = gather_facts(shared)
    assert [(trial.state, trial.epochs) for trial in facts.trials] == [("infeasible", 2)] * 2
    assert facts.trials[0].reason == "train_seconds 0.02 is more than 0.015"
    [violation] = {value for trial in shared.study.get_trials() for value in trial.constraints.values()}
    assert violation == pytest.approx(0.02 / 0.015 - 1)
    assert "Infeasible trials, which broke a limit" in result_text(facts, LaunchOptions(space="bn_dropout"))
    with pytest.raises(SearchFailed, match="2 x infeasible: train_seconds"):
        require_success(facts)


def test_a_trial_within_its_time_is_as_without_a_limit(lab: Lab) -> None:
    shared = lab.study(2, limits={"train_seconds": 600.0}, sampler="random")
    lab.work()
    assert shared.ledger.counts().complete == 2


def test_what_the_trainer_finds_infeasible_is_no_failure_and_settling_it_again_changes_nothing(lab: Lab) -> None:
    lab.acts = {0: [{"fail": ["infeasible", "parameters 5,000 is more than 1,000"]}]}
    shared, context = lab.study(2), lab.context()
    trainer, _ = context.trainer.process()
    lab.work(context)
    assert context.trainer.current is trainer, "it has left the job by itself, and isn't waited for"
    assert (shared.ledger.counts().infeasible, shared.ledger.counts().failed) == (1, 0)
    [finished] = [done for done in shared.ledger.outcomes() if done.outcome.state == "infeasible"]
    before = shared.trials.get(finished.trial_number or 0)
    settle(shared, lab.files(shared), finished)
    assert shared.trials.get(finished.trial_number or 0).constraints == before.constraints == {"feasible": 1.0}


def test_a_model_that_is_too_large_or_vetoed_is_told_apart_from_a_mistake() -> None:
    require_within({"parameters": 1000.0}, 1000)
    with pytest.raises(Infeasible, match="parameters 1,001 is more than 1,000") as raised:
        require_within({"parameters": 1000.0}, 1001)
    assert failure_kind(raised.value) == "infeasible"
    assert failure_kind(SpaceError("no")) == "space_error"
    assert Failed(1, failure_kind(raised.value), failure_reason(raised.value)).reason == str(raised.value)


def test_a_space_that_vetoes_is_a_space_and_its_grid_has_what_it_allows() -> None:
    check_space(SPACE)
    assert {params["width"] for params in grid(SPACE)} == {32, 64}


def test_infeasible_trials_end_no_search_for_want_of_progress() -> None:
    rule = EndingRule("maximize", patience=2)
    complete = FinishedTrial("complete", 0.5, 0)
    assert reason_to_end(rule, [complete, *(FinishedTrial("infeasible", None, n) for n in (1, 2, 3))]) is None


def test_a_time_limit_is_planned_for_any_space(tmp_path: Path) -> None:
    assert parse_limits("train_seconds=600") == {"train_seconds": 600.0}
    options = LaunchOptions(space="cnn", storage=f"sqlite:///{tmp_path}/s.db", limit="train_seconds=600")
    plan = make_plan(options)
    assert plan.manifest.limits == {"train_seconds": 600.0}
    assert not any("limits" in note for note in plan.notes)
