"""From a study to the record that the checks look at."""

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from search.check.finding import Finding
from search.check.image_copies import CHECK, check_copies
from search.check.record import NumberRange, Run, SearchRecord
from search.datasets import load_dataset
from search.errors import UsageError
from search.study.images_split import study_split
from search.study.location import require_images_there
from search.study.test_score import look_at
from search.views.facts import StudyFacts, TrialFacts
from search.workers.join import data_source
from storage import Manifest
from storage.objective import Objective


def record_of(facts: StudyFacts) -> SearchRecord:
    """The search as it stands.

    Raises:
        UsageError: the study is a comparison, which has statistics of its own.
    """
    manifest = facts.manifest
    if not manifest.is_search:
        raise UsageError(
            f"{facts.name} is a comparison, whose answer comes with its own intervals: "
            f"python -m search.report --study-name {facts.name}. Checks are for searches"
        )
    finished = [trial for trial in facts.trials if trial.state not in ("running", "paused")]
    finished.sort(key=lambda trial: (trial.ended is None, trial.ended, trial.number))
    distributions = _distributions(finished)
    ranges = {name: _range(found) for name, found in distributions.items() if _is_number(found)}
    record = SearchRecord(
        name=facts.name,
        space=manifest.space,
        runs=tuple(_run(trial, manifest.goal) for trial in finished),
        ranges=ranges,
        choices=tuple(name for name in distributions if name not in ranges),
        epochs=manifest.epochs,
        accuracy=manifest.goal.is_share,
        n_validation=manifest.n_scored,
        n_test=manifest.n_test,
    )
    look = None if facts.best is None else look_at(facts.looks, facts.best.number)
    return replace(record, test=None if look is None else look.accuracy)


def copies_of(manifest: Manifest, data_dir: Path | None) -> Finding:
    """The check of the study's images, where they are on this host."""
    source = data_source(manifest, data_dir)
    try:
        require_images_there(manifest)
        data = load_dataset(source.dataset, source.data_dir, source.resizing)
    except UsageError as error:
        return Finding(CHECK, "not enough data", f"the images can't be read here: {error}")
    if manifest.dataset_fingerprint not in ("", data.fingerprint()):
        return Finding(CHECK, "not enough data", f"the images of {source.dataset} here aren't those of the study")
    parts = study_split(data, manifest, manifest.seed)
    return check_copies(parts.x_train, {"validation": parts.x_val, "test": parts.x_test})


def _run(trial: TrialFacts, goal: Objective) -> Run:
    assert trial.state != "running" and trial.state != "paused"  # noqa: S101, PT018 - those were left out
    scores = [_oriented(goal, goal.of(row)) for row in trial.curve]
    if trial.complete and trial.value is not None and scores:
        scores[-1] = _oriented(goal, trial.value)  # that of the epoch whose model is kept
    training = [math.nan if row.accuracy is None else row.accuracy for row in trial.curve]
    return Run(trial.number, trial.state, dict(trial.params), tuple(scores), tuple(training))


def _oriented(goal: Objective, value: float | None) -> float:
    """The value as something of which more is better; NaN where there is none."""
    return math.nan if value is None else -goal.loss(value)


def _distributions(trials: Iterable[TrialFacts]) -> dict[str, BaseDistribution]:
    """The distribution of each parameter; those with a single value tell nothing."""
    found: dict[str, BaseDistribution] = {}
    for trial in trials:
        found.update(trial.distributions)
    return {name: distribution for name, distribution in found.items() if not distribution.single()}


def _is_number(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, FloatDistribution | IntDistribution)


def _range(distribution: Any) -> NumberRange:
    step = distribution.step if not distribution.log else None
    return NumberRange(distribution.low, distribution.high, step, distribution.log)
