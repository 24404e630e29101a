"""What a search found, as one record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from search.study.baselines import BASELINE, BaselineResult, baseline_results
from search.study.model_problems import model_problem
from search.study.own_trials import own_trials
from search.study.reasons import counted
from search.study.test_score import TestScore, last_of_search, recorded_looks
from search.views.lessons import Lesson, lessons
from storage import Manifest, SharedStudy
from storage.objective import Objective
from storage.records import SlotCounts

TOP = 5


@dataclass(frozen=True)
class TrialLine:
    """A completed trial for the table: its number, objective, parameters, how many epochs it ran, and the baseline that
    it is, if it is one.
    """

    number: int
    value: float
    params: dict[str, Any]
    epochs: int
    baseline: str | None = None


@dataclass(frozen=True)
class Summary:
    """The state of a study and its best trials, best first. `failures` counts reasons of failed trials,
    `model_problems` why models of completed ones can't be kept. `looks` are those at the test images, of
    which `test` is the last of a search's best. `duration_s` is this launch's wall time in seconds.
    """

    study_name: str
    manifest: Manifest
    counts: SlotCounts
    top: tuple[TrialLine, ...]
    lessons: tuple[Lesson, ...]
    failures: dict[str, int]
    test: TestScore | None
    stop_reason: str | None
    duration_s: float
    baselines: tuple[BaselineResult, ...] = ()
    model_problems: Mapping[str, int] = field(default_factory=dict)
    looks: tuple[TestScore, ...] = ()

    @property
    def best(self) -> TrialLine | None:
        """The best trial, None if none is complete."""
        return self.top[0] if self.top else None

    @property
    def done(self) -> bool:
        """Whether every trial that was ordered is finished."""
        return self.counts.finished == self.counts.total


def summarize(shared: SharedStudy, duration_s: float) -> Summary:
    """Sums up the study as it is now."""
    goal = shared.manifest.goal
    trials, looks = own_trials(shared), recorded_looks(shared)
    return Summary(
        study_name=shared.name,
        manifest=shared.manifest,
        counts=shared.ledger.counts(),
        top=best_trials(trials, TOP, goal),
        lessons=lessons(trials, goal),
        failures=failure_reasons(trials),
        model_problems=counted(filter(None, (model_problem(trial.user_attrs) for trial in trials))),
        test=last_of_search(looks),
        looks=looks,
        stop_reason=shared.ledger.stop_reason(),
        duration_s=duration_s,
        baselines=baseline_results(trials),
    )


def best_trials(trials: list[FrozenTrial], count: int, goal: Objective) -> tuple[TrialLine, ...]:
    """The best completed trials, best first; of equals, the earlier one."""
    complete = [
        TrialLine(
            trial.number,
            trial.value,
            trial.params,
            len(trial.intermediate_values),
            trial.user_attrs.get(BASELINE),
        )
        for trial in trials
        if trial.state is TrialState.COMPLETE and trial.value is not None
    ]
    return tuple(goal.ranked(complete, lambda line: (line.value, line.number))[:count])


def failure_reasons(trials: list[FrozenTrial]) -> dict[str, int]:
    """How often each reason ended a trial as failed, the most frequent first."""
    reasons = [
        f"{trial.user_attrs.get('failure', 'unknown')}: {trial.user_attrs.get('reason', 'no reason was stored')}"
        for trial in trials
        if trial.state is TrialState.FAIL
    ]
    return counted(reasons)
