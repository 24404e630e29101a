"""A trial as one record, with everything that is known of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from search.study.configurations import trial_model
from search.study.trial_attributes import TrialAttributes
from search.views.facts import State, StudyFacts, TrialFacts
from spaces.epoch_scores import EpochScores
from spaces.errors import SpaceError
from spaces.metrics import MetricName
from storage import Manifest


class TrialRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One trial. `value` is the objective's, of a trial that didn't complete the last one, None before the first epoch.

    `began` and `ended` are in ISO 8601, by the clocks of the workers' hosts; `seconds` is the time from one to the
    other, `training_seconds` that of its epochs alone. `model_parameters` is how many weights the model has. `scores`
    are those of its last epoch, `metrics` those that the study reports, of the epoch whose value counts.
    `configuration` is None if an earlier release didn't store it and it isn't known.
    """

    trial: int
    state: State
    value: float | None
    epochs: int
    seconds: float | None
    training_seconds: float
    began: str | None
    ended: str | None
    slot: int
    attempts: int
    seed: int
    baseline: str | None
    replicate: int | None
    replicate_of: int | None
    worker: str
    device: str
    model_parameters: int | None
    failure: str | None
    reason: str
    scores: Mapping[str, float | None]
    metrics: Mapping[MetricName, float]
    params: Mapping[str, Any]
    configuration: Mapping[str, Any] | None


GROUPS = ("scores", "metrics", "params")  # of several values each
PLAIN = tuple(name for name in TrialRecord.__struct_fields__ if name not in (*GROUPS, "configuration"))


def trial_rows(facts: StudyFacts) -> list[TrialRecord]:
    """The study's trials by number."""
    return [trial_row(trial, facts.manifest) for trial in facts.trials]


def trial_row(trial: TrialFacts, manifest: Manifest) -> TrialRecord:
    """One trial."""
    stored = TrialAttributes.of(trial.frozen.user_attrs)
    return TrialRecord(
        trial=trial.number,
        state=trial.state,
        value=trial.value,
        epochs=trial.epochs,
        seconds=(trial.ended - trial.began).total_seconds() if trial.began and trial.ended else None,
        training_seconds=sum(row.seconds for row in trial.curve),
        began=None if trial.began is None else trial.began.isoformat(),
        ended=None if trial.ended is None else trial.ended.isoformat(),
        slot=trial.slot.slot,
        attempts=trial.attempts,
        seed=trial.slot.seed,
        baseline=trial.baseline,
        replicate=trial.slot.settings.replicate,
        replicate_of=stored.replicate_of,
        worker=trial.worker,
        device=trial.device,
        model_parameters=stored.parameters,
        failure=trial.kind,
        reason=trial.reason,
        scores=last_scores(trial.curve),
        metrics=trial.metrics,
        params=dict(trial.params),
        configuration=configuration(trial, manifest),
    )


def last_scores(curve: Sequence[EpochScores]) -> dict[str, float | None]:
    """The scores of the last epoch by name, those of further metrics after the four that every epoch has."""
    if not curve:
        return {}
    last = curve[-1]
    four = {name: getattr(last, name) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
    return four | dict(sorted(last.metrics.items()))


def configuration(trial: TrialFacts, manifest: Manifest) -> dict[str, Any] | None:
    """The trial's configuration as a document, None if it isn't known."""
    try:
        document: dict[str, Any] = msgspec.json.decode(trial_model(manifest, trial.frozen).configuration.to_json())
    except SpaceError:
        return None
    return document
