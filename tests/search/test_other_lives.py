"""A study that is begun again under its name, or restored from an older copy, takes nothing of its other life."""

import shutil
from pathlib import Path

import pytest

from search.study.folders import StudyFolder
from search.workers.settle import settle
from storage import SharedStudy
from storage.records import Lease, Outcome
from storage.testkit import bound
from tests.helpers.lab import Lab


class Killed(BaseException):
    """What a kill does to the code that runs."""


def die(*_: object) -> None:
    raise Killed


def killed_between_model_and_settling(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Works on the study until its first trial has a result, and leaves the trained model lying there."""
    with monkeypatch.context() as dying:
        dying.setattr("search.workers.attempt.settle", die)
        with pytest.raises(Killed):
            lab.work()


def database(shared: SharedStudy) -> Path:
    return Path(str(shared.engine.url.database))


def replace_database(lab: Lab, shared: SharedStudy, other: Path) -> None:
    """Puts another file in the place of the database, which no process has open any more."""
    lab.close()
    for path in database(shared).parent.glob(f"{database(shared).name}*"):
        path.unlink()
    shutil.copy(other, database(shared))


def kept_models(folder: StudyFolder) -> list[str]:
    files = [path.read_text(errors="replace") for path in folder.models.iterdir()]
    return [text for text in files if text.startswith("the model of")]


def test_a_study_begun_again_keeps_its_own_model_and_resumes_no_checkpoint_of_the_first(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path
) -> None:
    lab.acts = {0: [{"die_before": 2}, {"scores": [0.9, 0.9, 0.9]}]}
    first = lab.study(1, seed=1)
    killed_between_model_and_settling(lab, monkeypatch)
    assert list((lab.folder / "artifacts").rglob("model-2-*.keras"))
    replace_database(lab, first, sqlite_template)
    lab.acts = {0: [{"scores": [0.1, 0.2, 0.3]}]}
    second = lab.study(1, seed=2)
    lab.work()
    assert kept_models(lab.files(second)) == [
        f"the model of {second.key.stamp}/0, seed {second.ledger.slots()[0].seed}"
    ]
    assert [row.val_accuracy for row in second.ledger.epochs(0)] == [0.1, 0.2, 0.3]


def left_model(folder: StudyFolder, lease: Lease) -> Path:
    model = folder.model(lease.slot, lease.token, lease.worker_id)
    model.parent.mkdir(parents=True, exist_ok=True)
    model.write_text(f"the model of {lease.worker_id}")
    return model


@pytest.mark.parametrize("leaves_a_model", [True, False])
def test_a_study_restored_from_an_older_copy_keeps_no_model_of_the_attempts_that_came_after_the_copy(
    leaves_a_model: bool, lab: Lab
) -> None:
    shared = lab.study(1)
    folder = lab.files(shared)
    lease = shared.ledger.claim("before", 0.0)
    assert lease is not None
    bound(shared.ledger, lease, shared.study.ask().number)
    lab.close()
    copy = lab.folder / "copy.db"
    shutil.copy(database(shared), copy)
    later = shared.ledger.claim("after the copy", 0.0)
    assert later is not None
    left_model(folder, later)
    replace_database(lab, shared, copy)
    again = lab.study(1)
    mine = again.ledger.claim("after the restoration", 30.0)
    assert mine is not None
    assert (again.key.stamp, mine.token) == (shared.key.stamp, later.token)
    if leaves_a_model:
        left_model(folder, mine)
    again.ledger.finish(mine, Outcome("complete", 0.5, epochs=3))
    (finished,) = again.ledger.unconfirmed()
    folder.models.mkdir(parents=True, exist_ok=True)
    settle(again, folder, finished)
    assert kept_models(folder) == (["the model of after the restoration"] if leaves_a_model else [])
    assert not folder.slot(0).exists()
