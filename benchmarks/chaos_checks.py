"""What a study must look like after any amount of chaos, counted from plain Optuna, the ledger and the trainers' notes.

A trainer notes each epoch when it begins it. An epoch that begins a second time, in a later attempt at the same slot,
was work lost, or done twice by an attempt that had been overtaken without knowing it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import msgspec
import optuna
import sqlalchemy as sa
from stub_trainer import Begun, drawn_score

from search.study.space import configuration_of
from spaces import load_space
from spaces.arms import ARM
from spaces.selection import Select
from storage import SharedStudy, open_study
from storage.comparison import Comparison
from storage.records import SlotRow
from storage.tables import epochs as epochs_table
from storage.tables import rungs
from storage.testkit import plain_client
from storage.transaction import reading

SCORE = "val_accuracy"
STATES = {
    "complete": "COMPLETE",
    "pruned": "PRUNED",
    "diverged": "PRUNED",
    "infeasible": "PRUNED",
    "failed": "FAIL",
}

# Each of these is 0 after a run in which nothing was lost and nothing done twice.
MUST_BE_ZERO = (
    "running",
    "waiting",
    "slots_without_result",
    "slots_with_two_trials",
    "trials_without_slot",
    "results_not_told",
    "results_that_differ",
    "writes_by_fenced_workers",
    "epochs_missing",
    "epochs_reported_twice",
    "epochs_that_differ",
    "scores_that_differ_from_an_uninterrupted_run",
)


@dataclass(frozen=True)
class Death:
    """A process that was killed, in Unix seconds."""

    pid: int
    at: float


@dataclass(frozen=True)
class Recorded:
    """A row of the ledger's epochs."""

    epoch: int
    token: int
    score: float | None
    at: float


@dataclass(frozen=True)
class Study:
    """All that is known of a study: `epochs` are the ledger's, by trial, in order; `comparison` is a race's design."""

    slots: Sequence[SlotRow]
    trials: Mapping[int, optuna.trial.FrozenTrial]
    epochs: Mapping[int, Sequence[Recorded]]
    n_epochs: int
    comparison: Comparison | None = None
    select: Select = "smooth"


Attempts = Mapping[int, Mapping[int, Sequence[Begun]]]


def examine(url: str, name: str, begun: Path, deaths: Sequence[Death]) -> dict[str, int]:
    """The counts, those of `MUST_BE_ZERO` among them."""
    with open_study(url, name, wait_s=30) as shared:
        study, fates = read_study(shared, url), read_fates(shared)
    attempts = read_attempts(begun)
    states = Counter(trial.state.name for trial in study.trials.values())
    outcomes = Counter(slot.outcome.state if slot.outcome else "none" for slot in study.slots)
    return {
        "finished": states["COMPLETE"] + states["PRUNED"] + states["FAIL"],
        "complete": outcomes["complete"],
        "pruned": outcomes["pruned"],
        "failed": outcomes["failed"],
        "ended_while_paused": sum(slot.outcome is not None and slot.outcome.kind == "paused" for slot in study.slots),
        "promotions": fates["promoted"],
        "trials_to_finish": fates["finishing"],
        "running": states["RUNNING"],
        "waiting": states["WAITING"],
        **count_slots(study),
        **count_epochs(study),
        "writes_by_fenced_workers": sum(fenced_writes(slot, study, attempts) for slot in study.slots),
        **count_work(attempts, deaths),
        "claims": sum(slot.token for slot in study.slots),
    }


def read_study(shared: SharedStudy, url: str) -> Study:
    """Optuna's part as a program sees it that knows nothing of ours."""
    with plain_client(url) as storage:
        study_id = storage.get_study_id_from_name(shared.name)
        trials = {trial.number: trial for trial in storage.get_all_trials(study_id)}
    columns = (epochs_table.c[name] for name in ("trial_number", "epoch", "token", SCORE, "recorded_at"))
    query = sa.select(*columns).where(epochs_table.c.study_id == study_id)
    found: dict[int, list[Recorded]] = defaultdict(list)
    with reading(shared.engine) as connection:
        for number, *row in connection.execute(query.order_by(epochs_table.c.trial_number, epochs_table.c.epoch)):
            found[number].append(Recorded(*row))
    manifest = shared.manifest
    return Study(shared.ledger.slots(), trials, found, manifest.epochs, manifest.comparison, manifest.select)


def read_fates(shared: SharedStudy) -> Counter[str]:
    """What has become of trials at rungs."""
    with reading(shared.engine) as connection:
        return Counter(connection.scalars(sa.select(rungs.c.fate).where(rungs.c.study_id == shared.study_id)))


def read_attempts(begun: Path) -> Attempts:
    """The epochs that trainers began, by slot and token."""
    found: dict[int, dict[int, list[Begun]]] = defaultdict(lambda: defaultdict(list))
    for line in begun.read_bytes().splitlines():
        note = msgspec.json.decode(line, type=Begun)
        found[note.slot][note.token].append(note)
    return found


def count_slots(study: Study) -> dict[str, int]:
    """Whether each slot has one trial, one result, and the trial the same."""
    made_for = Counter(trial.user_attrs.get("slot") for trial in study.trials.values())
    bound = {slot.trial_number for slot in study.slots}
    bound_slots = [(slot, slot.trial_number) for slot in study.slots if slot.trial_number is not None]
    told = [(slot, study.trials[number]) for slot, number in bound_slots if number in study.trials]
    return {
        "slots_without_result": sum(slot.outcome is None for slot in study.slots),
        "slots_with_two_trials": sum(count > 1 for count in made_for.values()),
        "trials_without_slot": len(study.trials.keys() - bound),
        "results_not_told": sum(slot.outcome is not None and not slot.confirmed for slot in study.slots),
        "results_that_differ": sum(not same_result(slot, trial, study) for slot, trial in told),
    }


def same_result(slot: SlotRow, trial: optuna.trial.FrozenTrial, study: Study) -> bool:
    """Whether Optuna's trial says what the ledger does, and the value is that of the last epochs."""
    if slot.outcome is None or STATES[slot.outcome.state] != trial.state.name:
        return False
    rows = study.epochs.get(trial.number, ())
    if len(rows) != slot.outcome.epochs:
        return False
    return slot.outcome.state == "failed" or slot.outcome.value == trial.value == value_after(rows, study.select)


def value_after(rows: Sequence[Recorded], select: Select) -> float | None:
    """A trial's value after these epochs: that of the last, or the mean of the last three, of half of them if there are
    fewer than six.
    """
    scores = [row.score for row in rows[-(1 if select == "last" else max(1, min(3, len(rows) // 2))) :]]
    finite = [score for score in scores if score is not None]
    return None if scores[-1] is None else sum(finite) / len(finite)


def count_epochs(study: Study) -> dict[str, int]:
    """Whether the epochs of each trial are those that it was trained, once each, and their scores right."""
    counts = Counter(dict.fromkeys(("epochs_missing", "epochs_reported_twice", "epochs_that_differ"), 0))
    counts["scores_that_differ_from_an_uninterrupted_run"] = 0
    for slot in study.slots:
        trial = study.trials.get(-1 if slot.trial_number is None else slot.trial_number)
        if trial is None or slot.outcome is None:
            continue
        rows = study.epochs.get(trial.number, ())
        wanted = study.n_epochs if slot.outcome.state == "complete" else slot.outcome.epochs
        numbers = [row.epoch for row in rows]
        counts["epochs_missing"] += len(set(range(1, wanted + 1)) - set(numbers))
        counts["epochs_reported_twice"] += len(numbers) - len(set(numbers))
        counts["epochs_that_differ"] += trial.intermediate_values != values_after(rows, study.select)
        right = undisturbed(trial, slot.seed, wanted, study.comparison)
        counts["scores_that_differ_from_an_uninterrupted_run"] += [row.score for row in rows] != right
    return dict(counts)


def values_after(rows: Sequence[Recorded], select: Select) -> dict[int, float | None]:
    """A trial's value after each of its epochs."""
    return {row.epoch: value_after(rows[: number + 1], select) for number, row in enumerate(rows)}


def undisturbed(
    trial: optuna.trial.FrozenTrial, seed: int, epochs: int, comparison: Comparison | None = None
) -> list[float]:
    """The scores of the trial's parameters, as a run gives them that nothing interrupts."""
    if not trial.params:
        return []
    if comparison is None:
        configuration = load_space("bn_dropout").suggest(optuna.trial.FixedTrial(trial.params))
    else:
        arms = {arm.name: arm.configuration for arm in comparison.arms}
        configuration = configuration_of(arms[trial.params[ARM]])
    return [drawn_score(configuration, seed, epoch) for epoch in range(1, epochs + 1)]


def fenced_writes(slot: SlotRow, study: Study, attempts: Attempts) -> int:
    """How many of the slot's epochs were recorded under a token after a newer one was in use."""
    rows = study.epochs.get(-1 if slot.trial_number is None else slot.trial_number, ())
    by_time = sorted(rows, key=lambda row: row.at)
    out_of_order = sum(earlier.token > later.token for earlier, later in pairwise(by_time))
    out_of_order += sum(earlier.token > later.token for earlier, later in pairwise(rows))
    never_claimed = sum(row.token > slot.token for row in rows)
    starts = {token: notes[0].at for token, notes in attempts.get(slot.slot, {}).items()}
    late = sum(any(row.at > start for token, start in starts.items() if token > row.token) for row in rows)
    return out_of_order + never_claimed + late


def count_work(attempts: Attempts, deaths: Sequence[Death]) -> dict[str, int]:
    """How many epochs were begun, and how many again because an attempt was killed, or was overtaken while it lived."""
    killed: list[int] = []
    overtaken: list[int] = []
    for tokens in attempts.values():
        ordered = [tokens[token] for token in sorted(tokens)]
        for number, attempt in enumerate(ordered[:-1]):
            later = {note.epoch for notes in ordered[number + 1 :] for note in notes}
            again = sum(note.epoch in later for note in attempt)
            (killed if was_killed(attempt, ordered[number + 1][0].at, deaths) else overtaken).append(again)
    return {
        "epochs_begun": sum(len(notes) for tokens in attempts.values() for notes in tokens.values()),
        "attempts_killed": len(killed),
        "most_epochs_lost_by_a_kill": max(killed, default=0),
        "epochs_lost_by_kills": sum(killed),
        "attempts_overtaken": len(overtaken),
        "epochs_trained_twice_by_overtaken_attempts": sum(overtaken),
    }


def was_killed(attempt: Sequence[Begun], next_began: float, deaths: Sequence[Death]) -> bool:
    """Whether the attempt's trainer or worker was killed before the next attempt began."""
    involved = {note.pid for note in attempt} | {note.worker for note in attempt}
    return any(death.pid in involved and attempt[0].at <= death.at <= next_began for death in deaths)
