"""After a slot's one result: its trial is told, the best models are kept, and any step may be repeated by anybody."""

from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from search.study.folders import StudyFolder
from search.workers.settle import MODEL_ATTR, best_trial_numbers, clear_settled_slots, settle
from storage import SharedStudy
from storage.records import FinishedSlot, Outcome
from storage.testkit import bound
from tests.helpers.lab import Lab

STAMP = "0123456789abcdef" * 2
COMPLETE = Outcome("complete", 0.5, epochs=3)


def finish(shared: SharedStudy, outcome: Outcome, folder: StudyFolder | None = None) -> FinishedSlot:
    """A slot with its result in the ledger, and its trial not told yet."""
    lease = shared.ledger.claim("one", 30.0)
    assert lease is not None
    number = shared.study.ask().number
    bound(shared.ledger, lease, number)
    shared.trials.storage.set_trial_user_attr(number + 1, "slot", lease.slot)
    if folder is not None:
        folder.slot(lease.slot).mkdir(parents=True)
        folder.model(lease.slot, lease.token, lease.worker_id).write_bytes(b"model of slot %d" % lease.slot)
    shared.ledger.finish(lease, outcome)
    return next(done for done in shared.ledger.outcomes() if done.slot == lease.slot)


class Killed(BaseException):
    """What a kill does to the code that runs."""


def die(*_: object) -> None:
    raise Killed


def models(files: StudyFolder) -> set[bytes]:
    return {path.read_bytes() for path in files.models.iterdir()}


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (COMPLETE, TrialState.COMPLETE),
        (Outcome("pruned", 0.2, "worse", epochs=1), TrialState.PRUNED),
        (Outcome("diverged", None, "not finite", "diverged", 1), TrialState.PRUNED),
        (Outcome("failed", None, "no memory", "out_of_memory"), TrialState.FAIL),
    ],
    ids=lambda value: getattr(value, "state", None),
)
def test_each_outcome_has_its_state_in_optuna(outcome: Outcome, state: TrialState, lab: Lab) -> None:
    shared = lab.study(1)
    files = lab.files(shared)
    settle(shared, files, finish(shared, outcome))
    trial = shared.study.trials[0]
    assert (trial.state, trial.user_attrs["outcome"]) == (state, outcome.state)
    assert trial.user_attrs.get("reason") == outcome.reason
    assert not shared.ledger.unconfirmed()


def test_settling_twice_changes_nothing(lab: Lab) -> None:
    shared = lab.study(1)
    files = lab.files(shared)
    finished = finish(shared, COMPLETE, files)
    settle(shared, files, finished)
    before = shared.study.get_trials()
    settle(shared, files, finished)
    assert shared.study.get_trials() == before
    assert models(files) == {b"model of slot 0"}


def test_a_worker_that_is_overtaken_while_it_settles_carries_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, other = lab.study(1), lab.context().shared
    files = lab.files(shared)
    finished = finish(shared, COMPLETE, files)
    keep = shared.trials.storage.set_trial_user_attr

    def overtaken(*arguments: Any) -> None:
        if not other.study.trials[0].state.is_finished():
            other.study.tell(0, 0.5)
        keep(*arguments)

    monkeypatch.setattr(shared.trials.storage, "set_trial_user_attr", overtaken)
    settle(shared, files, finished)
    assert not shared.ledger.unconfirmed()
    assert shared.study.trials[0].value == 0.5


def test_a_crash_before_the_trial_was_told_is_repaired_by_the_next(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = lab.study(1)
    files = lab.files(shared)
    finished = finish(shared, COMPLETE, files)
    with monkeypatch.context() as dying:
        dying.setattr("search.workers.settle._tell", die)
        with pytest.raises(Killed):
            settle(shared, files, finished)
    (left,) = shared.ledger.unconfirmed()
    settle(shared, files, left)
    assert shared.study.trials[0].state is TrialState.COMPLETE
    assert models(files) == {b"model of slot 0"}


def test_the_three_best_keep_their_models(lab: Lab) -> None:
    shared = lab.study(6)
    files = lab.files(shared)
    for value in (0.1, 0.6, 0.2, 0.5, 0.3, 0.4):
        settle(shared, files, finish(shared, Outcome("complete", value, epochs=3), files))
    assert best_trial_numbers(shared) == {1, 3, 5}
    assert models(files) == {b"model of slot 1", b"model of slot 3", b"model of slot 5"}
    assert all(MODEL_ATTR in shared.study.trials[number].user_attrs for number in (1, 3, 5))


def test_the_best_are_those_of_the_lowest_loss_where_a_loss_is_minimized(lab: Lab) -> None:
    shared = lab.study(4, objective="val_loss", direction="minimize", top_models=2)
    for value in (0.1, 0.6, 0.2, 0.5):
        finish(shared, Outcome("complete", value, epochs=3))
    assert best_trial_numbers(shared) == {0, 2}


def test_a_pruned_trial_is_never_among_the_best(lab: Lab) -> None:
    shared = lab.study(2, top_models=1)
    files = lab.files(shared)
    finish(shared, Outcome("pruned", 0.99, "worse", epochs=1))
    settle(shared, files, finish(shared, COMPLETE, files))
    assert best_trial_numbers(shared) == {1}
    assert models(files) == {b"model of slot 1"}


def test_a_folder_for_models_that_cannot_be_written_costs_the_models_and_nothing_else(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    shared = lab.study(1)
    files = lab.files(shared)
    finished = finish(shared, COMPLETE, files)
    files.models.write_text("a file where the folder should be")
    settle(shared, files, finished)
    assert shared.study.trials[0].state is TrialState.COMPLETE
    assert "isn't kept" in caplog.text


def test_checkpoints_are_cleared_and_what_a_late_writer_leaves_too(lab: Lab) -> None:
    shared = lab.study(2)
    files = lab.files(shared)
    finished = finish(shared, COMPLETE, files)
    settle(shared, files, finished)
    assert not files.slot(0).exists()
    for slot in (0, 1):
        files.slot(slot).mkdir(parents=True)
    clear_settled_slots(shared, files)
    assert [path.name for path in files.slot(0).parent.iterdir()] == ["00001"]


@pytest.mark.parametrize("name", ["a/b", "..", "../../up", "v1.2", "a b", "größe", "100%", "."])
def test_the_files_of_a_study_stay_in_its_folder_whatever_its_name(name: str, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "artifacts", name, STAMP)
    folder.logs.mkdir(parents=True)
    assert folder.logs.resolve().parent.parent == (tmp_path / "artifacts").resolve()
    assert folder.logs.parent.name not in ("", ".", "..", "models")


def test_studies_of_similar_names_have_folders_of_their_own(tmp_path: Path) -> None:
    names = ["a/b", "a.b", "a%2Fb", "a b", "ab"]
    assert len({StudyFolder(tmp_path, name, STAMP).logs for name in names}) == len(names)
