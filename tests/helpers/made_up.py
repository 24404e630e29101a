"""Facts that are made up: trials and studies of which each number is known."""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import TrialState, create_trial

from search.study.snapshot import Snapshot
from search.study.test_score import TestScore
from search.views.facts import State, StudyFacts, TrialFacts
from search.workers.settle import STATES
from storage import Manifest
from storage.records import Outcome, SlotCounts, SlotRow, SlotSettings
from storage.testkit import example_epoch

NO_DISTRIBUTIONS: Mapping[str, BaseDistribution] = {}


def trial_facts(
    number: int,
    value: float | None = 0.5,
    params: Mapping[str, Any] | None = None,
    epochs: int = 5,
    *,
    state: State = "complete",
    distributions: Mapping[str, BaseDistribution] = NO_DISTRIBUTIONS,
    baseline: str | None = None,
) -> TrialFacts:
    """A trial in its own slot."""
    frozen = create_trial(state=TrialState.FAIL, params={}, distributions={})
    frozen.number, frozen.params = number, dict(params or {})
    frozen.state = TrialState.RUNNING if state in ("running", "paused") else STATES[state]
    frozen.distributions = {name: distributions[name] for name in frozen.params if name in distributions}
    slot = SlotRow(
        slot=number,
        state="leased" if state == "running" else "paused" if state == "paused" else "done",
        token=1,
        worker_id=None,
        trial_number=number,
        seed=0,
        params=None,
        settings=SlotSettings(baseline=baseline),
        failures=0,
        last_failure=None,
        outcome=None if state == "running" or state == "paused" else Outcome(state, value, epochs=epochs),
        confirmed=state not in ("running", "paused"),
    )
    curve = tuple(example_epoch(epoch) for epoch in range(1, epochs + 1))
    return TrialFacts(frozen, slot, value, curve, "host cpu (1)", "cpu")


def study_facts(
    manifest: Manifest,
    trials: Sequence[TrialFacts] = (),
    *,
    counts: SlotCounts | None = None,
    failures: Mapping[str, int] | None = None,
    stop_reason: str | None = None,
    test: TestScore | None = None,
) -> StudyFacts:
    """A study named "demo" of these trials, whose last look at the test images is `test`."""
    counts = SlotCounts(total=len(trials), complete=len(trials)) if counts is None else counts
    snapshot = Snapshot(counts, None, 0, stop_reason, failures=failures or {})
    return StudyFacts("demo", manifest, snapshot, tuple(trials), () if test is None else (test,))
