"""Notes and figures for optuna-dashboard, stored in the study's attributes in its format.

optuna-dashboard has functions for this, but importing them imports scikit-learn: more than a second of processor time,
at the start of a search, while its workers import Keras. A test compares the attributes with those that these functions
write, so that a new format is noticed.
"""

from typing import TYPE_CHECKING, Any

from storage import SharedStudy

if TYPE_CHECKING:
    import plotly.graph_objects as go

LONGEST = 2045  # characters of one attribute; a longer text goes on in the next


def get_note(shared: SharedStudy, trial_id: int | None = None) -> str:
    """The note of the study or of the trial with this id, "" if there is none."""
    attributes = _attributes(shared)
    parts, number = list[str](), 0
    while (part := attributes.get(f"{_note(trial_id)}note_str:{number}")) is not None:
        parts.append(part)
        number += 1
    return "".join(parts)


def save_note(shared: SharedStudy, text: str, trial_id: int | None = None) -> None:
    """Stores a note of the study or of a trial, replacing an earlier one."""
    version = f"{_note(trial_id)}note_ver"
    shared.trials.storage.set_study_system_attr(shared.study_id, version, _attributes(shared).get(version, 0) + 1)
    _save_text(shared, f"{_note(trial_id)}note_str:", text)


def save_figure(shared: SharedStudy, name: str, figure: "go.Figure") -> None:
    """Stores a figure, replacing one of this name, which consists of letters, digits, hyphens and underscores."""
    _save_text(shared, f"dashboard:plot_data:{name}:", figure.to_json())


def _note(trial_id: int | None) -> str:
    return "dashboard:" if trial_id is None else f"dashboard:{trial_id}:"


def _attributes(shared: SharedStudy) -> dict[str, Any]:
    return shared.trials.storage.get_study_system_attrs(shared.study_id)


def _save_text(shared: SharedStudy, key: str, text: str) -> None:
    """Writes the parts of a text, and empties those that a longer one before has left."""
    before = sum(name.startswith(key) for name in _attributes(shared))
    parts = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    for number, part in enumerate([*parts, *[""] * (before - len(parts))]):
        shared.trials.storage.set_study_system_attr(shared.study_id, f"{key}{number}", part)
