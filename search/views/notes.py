"""Notes in Markdown for dashboards: writing them, and the note of a failed trial.

Optuna's dashboard keeps the notes of trials with the study, so that they may be written after a trial has ended.
"""

from collections.abc import Mapping
from types import MappingProxyType

from search.views.dashboard_attributes import get_note, save_note
from search.views.facts import StudyFacts, TrialFacts
from search.views.markdown import escaped
from search.views.number import plural
from spaces.failure_kind import FailureKind
from storage import SharedStudy

WHAT_TO_DO: Mapping[FailureKind, str] = MappingProxyType(
    {
        "out_of_memory": "Let fewer workers share the memory (`--n-workers`, `--workers-per-gpu`), or smaller batches.",
        "timeout": "Raise `--trial-timeout`, or let trials have fewer epochs.",
        "crash": "The log of its trainer, in the study's folder `logs`, has what it said last.",
        "space_error": "The space's own code raised this: mend it, raise its version, and search in another study.",
        "data_error": "The images couldn't be used: look at the data set.",
        "storage_error": "A file couldn't be read or written: look at the disk.",
    }
)


def failure_note(trial: TrialFacts) -> str:
    """What went wrong in a trial, and what to do about it."""
    advice = next((words for kind, words in WHAT_TO_DO.items() if kind == trial.kind), "")
    return f"**Failed** after {plural(trial.epochs, 'epoch')}: {escaped(trial.reason)}\n\n{advice}".strip()


def note_failures(shared: SharedStudy, facts: StudyFacts) -> None:
    """Gives each failed trial its note."""
    for trial in facts.trials:
        if trial.state == "failed":
            write_note(shared, failure_note(trial), trial.number)


def write_note(shared: SharedStudy, text: str, trial_number: int | None = None) -> None:
    """Writes a note of the study or of a trial, unless it is that already."""
    owner = None if trial_number is None else shared.trials.ids[trial_number]
    if get_note(shared, owner) != text:
        save_note(shared, text, owner)
