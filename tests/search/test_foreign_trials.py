"""Trials that were added from other studies, with whatever is written in them, cost neither study anything."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from click.testing import CliRunner, Result
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.best import main as best_command
from search.export import main as export_command
from search.report.command import main as report_command
from search.report.making import markdown_of
from search.status import main as status_command
from search.study.folders import StudyFolder
from search.views.dashboard_attributes import get_note
from search.views.facts import gather_facts
from search.views.figures import store_figures
from search.views.notes import note_failures
from search.workers.keeping import MODEL, keep_file, kept_model
from search.workers.settle import MODEL_ATTR, clear_settled_slots, settle
from storage import SharedStudy, create_study
from storage.artifacts import FolderStore
from storage.kept import KeptFiles
from storage.records import Outcome, SlotOrder
from storage.testkit import bound
from tests.helpers.lab import Lab
from tests.helpers.launches import PrepareStudy, StartLaunch

UNUSABLE = ["../../x", "/etc/passwd", "", ".", "\0", "a" * 5000, 7, None, ["a"], {"a": 1}, str(uuid.UUID(int=1))]


@pytest.fixture
def other(lab: Lab) -> Iterator[SharedStudy]:
    """A second study in the lab's database, whose files are in the same store."""
    manifest = lab.study(0).manifest
    with create_study(lab.url, "other", manifest) as shared:
        yield shared


def folder_of(lab: Lab, shared: SharedStudy) -> StudyFolder:
    return StudyFolder(lab.folder / "artifacts", shared.name, shared.key.stamp)


def complete(lab: Lab, shared: SharedStudy, value: float) -> int:
    """A further trial with that value, settled, whose attempt has left a model; returns its number."""
    shared.ledger.order_up_to(shared.ledger.counts().total + 1, SlotOrder)
    lease = shared.ledger.claim("one", 30.0)
    assert lease is not None
    number = shared.study.ask().number
    bound(shared.ledger, lease, number)
    folder = folder_of(lab, shared)
    model = folder.model(lease.slot, lease.token, lease.worker_id)
    model.parent.mkdir(parents=True)
    model.write_text(f"{shared.name}: {value}")
    shared.ledger.finish(lease, Outcome("complete", value, epochs=3))
    (finished,) = shared.ledger.unconfirmed()
    settle(shared, folder, finished)
    return number


def models(lab: Lab) -> set[str]:
    return {path.read_text() for path in (lab.folder / "artifacts" / "models").iterdir()}


def foreign(attribute: Any) -> FrozenTrial:
    """A complete trial of another study, better than all, that says this of its model, and more that we can't use."""
    attributes = {MODEL_ATTR: attribute, "slot": "seven", "token": -1, "outcome": 5, "baseline": 3, "epochs": "many"}
    attributes |= {"reason": ["a"], "failure": {"b": 1}, "device": None, "host": 7, "seed": "x", "parameters": "[/x]"}
    return create_trial(
        value=0.999, params={"x": 0.5}, distributions={"x": FloatDistribution(0, 1)}, user_attrs=attributes
    )


def test_a_study_that_was_begun_with_the_trials_of_another_leaves_their_models_alone(
    lab: Lab, other: SharedStudy
) -> None:
    shared = lab.study(0)
    for value in (0.1, 0.2, 0.3):
        complete(lab, shared, value)
    for trial in shared.study.get_trials():
        other.study.add_trial(trial)
    for value in (0.4, 0.5, 0.6, 0.7):
        complete(lab, other, value)
    assert models(lab) == {"study: 0.1", "study: 0.2", "study: 0.3", "other: 0.5", "other: 0.6", "other: 0.7"}
    assert [kept_model(other, number) is not None for number in range(7)] == [False] * 4 + [True] * 3


@pytest.mark.parametrize("attribute", UNUSABLE, ids=lambda value: str(value)[:12])
def test_what_a_foreign_trial_says_of_its_model_is_neither_believed_nor_removed(attribute: Any, lab: Lab) -> None:
    shared = lab.study(0, top_models=1)
    store = lab.folder / "artifacts" / "models"
    store.mkdir(parents=True)
    stranger = store / str(uuid.UUID(int=1))
    stranger.write_text("a stranger's")
    shared.study.add_trial(foreign(attribute))
    for value in (0.1, 0.2):
        complete(lab, shared, value)
    clear_settled_slots(shared, folder_of(lab, shared))
    assert kept_model(shared, 0) is None
    assert models(lab) == {"a stranger's", "study: 0.2"}


def test_what_foreign_trials_say_of_themselves_is_in_no_summary_and_nothing_is_written_into_them(lab: Lab) -> None:
    shared = lab.study(1)
    shared.study.add_trial(foreign("x"))
    for kind in (["a"], {"b": 1}, None):
        shared.study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"failure": kind, "reason": ["a"]}))
    complete(lab, shared, 0.5)
    summary = gather_facts(shared)
    note_failures(shared, summary)
    store_figures(shared, summary)
    markdown = markdown_of(shared)
    assert "0.999" not in markdown
    assert "Trial 4 is the best of 1 completed trial" in markdown
    assert [trial.value for trial in summary.top] == [0.5]
    assert (summary.baselines, summary.failures, summary.model_problems) == ((), {}, {})
    assert [get_note(shared, shared.trials.ids[number]) for number in range(4)] == [""] * 4


def test_a_name_in_the_record_that_is_no_artifact_s_is_neither_fetched_nor_removed(lab: Lab) -> None:
    shared = lab.study(0, top_models=1)
    precious = lab.folder / "artifacts" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("a stranger's")
    for number, name in enumerate(["../precious.txt", str(precious), "precious.txt"]):
        shared.kept.begin(name, number, MODEL)
        shared.kept.complete(name)
    for value in (0.1, 0.2):
        complete(lab, shared, value)
    clear_settled_slots(shared, folder_of(lab, shared))
    assert precious.read_text() == "a stranger's"
    assert models(lab) == {"study: 0.2"}


class Killed(BaseException):
    """What a kill does to the code that runs."""


@pytest.mark.parametrize("step", ["begin", "write", "complete"])
def test_a_kill_while_a_model_is_stored_leaves_no_file_and_the_model_is_kept_by_the_next(
    step: str, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = lab.study(0)
    owner = FolderStore if step == "write" else KeptFiles
    whole: Callable[..., Any] = getattr(owner, step)

    def killed_after(self: Any, *arguments: Any) -> None:
        whole(self, *arguments)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(owner, step, killed_after)
        with pytest.raises(Killed):
            complete(lab, shared, 0.5)
    folder = folder_of(lab, shared)
    (finished,) = shared.ledger.unconfirmed()
    settle(shared, folder, finished)
    clear_settled_slots(shared, folder)
    assert models(lab) == {"study: 0.5"}
    assert kept_model(shared, 0) == shared.study.trials[0].user_attrs[MODEL_ATTR]
    assert [file.stored for file in shared.kept.of_trial(0)] == [True]


def test_a_model_that_is_surpassed_while_it_is_stored_leaves_no_file(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = lab.study(0)
    number = shared.study.ask().number
    model = lab.folder / "model.keras"
    model.write_text("late")
    trial = shared.study.get_trials()[number]
    begin = shared.kept.begin

    def begun_and_removed(artifact_id: str, *arguments: Any) -> None:
        begin(artifact_id, *arguments)
        shared.kept.forget(artifact_id)

    monkeypatch.setattr(shared.kept, "begin", begun_and_removed)
    folder = folder_of(lab, shared)
    folder.models.mkdir(parents=True)
    with pytest.raises(Exception, match="isn't needed any more"):
        keep_file(shared, folder, trial, model, MODEL)
    assert models(lab) == set()


def exported(*arguments: str | Path) -> Result:
    """What search.export does with the arguments, in this process, which has imported Keras."""
    return CliRunner().invoke(export_command, [*map(str, arguments)])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2.4
def test_a_search_with_foreign_trials_runs_and_is_shown_and_exported(
    launch: StartLaunch, prepared: PrepareStudy, keras: Any, tmp_path: Path
) -> None:
    study = prepared(n_trials=1, epochs=1, limit_train=100)
    with study.open() as shared:
        shared.study.add_trials([foreign(value) for value in UNUSABLE])
    running = launch(*study.arguments, "--n-workers", 1)
    running.finish()
    assert running.code == 0, running.errors
    assert "Traceback" not in running.errors
    where = ("--storage", study.url, "--study-name", study.name)
    for command, more in (
        (best_command, ()),
        (status_command, ()),
        (report_command, ("-o", str(tmp_path / "report.html"))),
    ):
        shown = CliRunner().invoke(command, [*where, *more])
        assert shown.exit_code == 0, (command.name, shown.output, shown.exception)
    whole = exported(*where, "-o", tmp_path / "model.keras")
    assert whole.exit_code == 0, whole.output
    for retrain in ((), ("--retrain",)):
        refused = exported(*where, "--trial", "0", "-o", tmp_path / "0.keras", *retrain)
        assert (refused.exit_code, "Traceback" in refused.stderr) == (2, False), refused.stderr
        assert isinstance(refused.exception, SystemExit)
    assert len(optuna.load_study(study_name=study.name, storage=study.url).trials) == len(UNUSABLE) + 1
