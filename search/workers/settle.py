"""Settling a finished slot: the trial's attributes and model, its end in Optuna, and cleaning up.

The result itself is already in the ledger; each step here can be repeated by anybody, at any time.
"""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from search.sampling.constraints import note_constraint
from search.study.folders import StudyFolder
from search.study.reported_metrics import reported_metrics
from search.study.trial_attributes import TrialAttributes
from search.workers.keeping import MODEL, keep_file, kept_file, remove_files
from search.workers.trial_files import keep_files
from storage import SharedStudy
from storage.errors import ArtifactError, StorageUsageError
from storage.records import FinishedSlot, Outcome

log = logging.getLogger(__name__)

MODEL_ATTR = "model_artifact"  # of search.study.trial_attributes
STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "diverged": TrialState.PRUNED,  # samplers learn from pruned trials, and ignore failed ones
    "infeasible": TrialState.PRUNED,  # with a constraint that it violates
    "failed": TrialState.FAIL,
}


def settle(
    shared: SharedStudy, folder: StudyFolder, finished: FinishedSlot, stats: TrialAttributes | None = None
) -> None:
    """Writes a finished slot's result into its trial, keeps the model if it is among the best, and cleans up."""
    number = finished.trial_number
    if number is None:
        raise ValueError(f"slot {finished.slot} has an outcome but no trial")
    try:
        _end_trial(shared, folder, finished, number, stats)
    except UpdateFinishedTrialError:
        log.debug("trial %d was ended before, by this worker or another", number)
    shared.ledger.confirm(finished.slot)
    folder.clear_slot(finished.slot)
    if finished.outcome.state == "complete" and number in (best := best_trial_numbers(shared)):
        drop_surpassed_models(shared, folder, best)


def clear_settled_slots(shared: SharedStudy, folder: StudyFolder) -> None:
    """Removes files that attempts without a lease wrote into a slot's folder after it was cleared, and files
    that killed workers stored partly.
    """
    for slot in shared.ledger.slots():
        if slot.confirmed:
            folder.clear_slot(slot.slot)
    folder.remove_empty()
    remove_files(shared, folder, shared.kept.broken_off())


def _end_trial(
    shared: SharedStudy, folder: StudyFolder, finished: FinishedSlot, number: int, stats: TrialAttributes | None
) -> None:
    outcome = finished.outcome
    attributes = _attributes(shared, number, outcome, stats)
    if outcome.state == "complete":
        shared.trials.fenced.annotate(number, attributes)  # files are kept of a trial that runs
        _keep_files(shared, folder, finished, shared.trials.get(number))
    if outcome.state == "infeasible":
        note_constraint(shared, number)
    _tell(shared, number, outcome, attributes)


def _keep_files(shared: SharedStudy, folder: StudyFolder, finished: FinishedSlot, trial: FrozenTrial) -> None:
    best = trial.number in best_trial_numbers(shared)
    if best:
        _keep_model(shared, folder, finished, trial)
    if best or folder.remote is None:  # a remote store takes time for each file
        keep_files(shared, folder, finished, trial)


def _attributes(shared: SharedStudy, number: int, outcome: Outcome, stats: TrialAttributes | None) -> dict[str, Any]:
    attributes = msgspec.structs.replace(
        stats or TrialAttributes(),
        outcome=outcome.state,
        epochs=outcome.epochs,
        reason=outcome.reason,
        failure=None if outcome.kind == "paused" else outcome.kind,
    )
    return {**attributes.stored(), **_metrics(shared, number, outcome)}


def _metrics(shared: SharedStudy, number: int, outcome: Outcome) -> dict[str, float]:
    """The metrics that the study reports, each an attribute: a column of dashboards."""
    if not shared.manifest.report_metrics:
        return {}
    found = reported_metrics(shared.manifest, list(shared.ledger.epochs(number)), outcome.value)
    return {str(name): value for name, value in found.items()}


def _tell(shared: SharedStudy, number: int, outcome: Outcome, attributes: Mapping[str, Any]) -> None:
    state = STATES[outcome.state]
    value = outcome.value if state is TrialState.COMPLETE else None
    shared.trials.fenced.end(number, state, value, attributes)


def _keep_model(shared: SharedStudy, folder: StudyFolder, finished: FinishedSlot, trial: FrozenTrial) -> None:
    model = folder.model(finished.slot, finished.token, finished.worker_id)
    try:
        artifact_id = kept_file(shared, folder, trial.number, MODEL)
        if artifact_id is None and model.is_file():
            artifact_id = keep_file(shared, folder, trial, model, MODEL)
    except (ArtifactError, StorageUsageError) as error:
        log.warning("the model of trial %d isn't kept: %s", trial.number, error)
        return
    if artifact_id is not None:
        shared.trials.storage.set_trial_user_attr(shared.trials.ids[trial.number], MODEL_ATTR, artifact_id)


def best_trial_numbers(shared: SharedStudy) -> set[int]:
    """The numbers of the trials that keep their model."""
    return {done.trial_number for done in best_slots(shared) if done.trial_number is not None}


def best_slots(shared: SharedStudy) -> list[FinishedSlot]:
    """The study's best completed slots, as many as keep their model, the best one first; in a comparison, the best of
    each arm.
    """
    manifest = shared.manifest
    ranked = shared.ledger.best(manifest.goal, manifest.models_kept)
    return ranked if manifest.comparison is None else manifest.comparison.best_of_arms(ranked)


def value_to_beat(shared: SharedStudy) -> float | None:
    """The worst of the values whose models are kept; None while there is room for more, and in a comparison."""
    most = shared.manifest.models_kept
    best = best_slots(shared) if most else []
    return best[-1].outcome.value if most and len(best) >= most else None


def drop_surpassed_models(shared: SharedStudy, folder: StudyFolder, best: set[int]) -> None:
    """Removes the models of trials that are no longer among the best. Their attribute stays, as a finished
    trial can't be changed.
    """
    remove_files(shared, folder, [model for model in shared.kept.named(MODEL) if model.trial_number not in best])
