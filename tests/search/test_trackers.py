"""TensorBoard and MLflow have every epoch of every trial, once, and cost the search nothing when they fail."""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from search.trackers.follower import Follower, Part
from search.trackers.tracker import EndedTrial, Tracker
from search.trackers.tracking import Tracking
from spaces.epoch_scores import EpochScores
from storage import SharedStudy
from storage.records import Outcome
from storage.testkit import example_epoch
from tests.helpers.lab import Lab
from tests.helpers.launches import RunLaunch

# MLflow uses what SQLAlchemy and others have deprecated.
OF_MLFLOW = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


class Notebook:
    """A tracker that keeps all in mind, and fails where it is told to."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.calls = 0
        self.epochs: dict[int, list[int]] = {}
        self.ended: dict[int, EndedTrial] = {}

    def begin(self, number: int) -> int | None:
        self.calls += 1
        if self.fails:
            raise ConnectionError("no server")
        return None if number in self.ended else len(self.epochs.setdefault(number, []))

    def record(self, number: int, epochs: Sequence[EpochScores]) -> None:
        self.epochs[number] += [row.epoch for row in epochs]

    def end(self, number: int, trial: EndedTrial) -> None:
        self.ended[number] = trial

    def close(self) -> None:
        pass


def follow(shared: SharedStudy, tracker: Tracker) -> None:
    with Follower(shared, {"the notebook": lambda: tracker}):
        pass


@pytest.fixture
def searched(lab: Lab) -> SharedStudy:
    """Three trials, one of which was pruned."""
    lab.acts = {1: [{"diverge_at": 2}]}
    shared: SharedStudy = lab.study(3)
    lab.work()
    return shared


def test_a_tracker_gets_each_epoch_and_each_end_once_however_often_it_looks(searched: SharedStudy) -> None:
    notebook = Notebook()
    part = Part(searched, "the notebook", lambda: notebook)
    part.catch_up()
    part.catch_up()
    follow(searched, notebook)  # as the next launch does
    slots = {trial.number: trial.user_attrs["slot"] for trial in searched.study.trials}
    assert {slots[number]: epochs for number, epochs in notebook.epochs.items()} == {
        0: [1, 2, 3],
        1: [1, 2],
        2: [1, 2, 3],
    }
    assert {trial.outcome.state for trial in notebook.ended.values()} == {"complete", "diverged"}
    assert all("optimizer" in trial.params and "host" in trial.attributes for trial in notebook.ended.values())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.trackers.follower.LAST_WAITS_S", (0.0, 0.0, 0.0))


@pytest.mark.usefixtures("impatient")
def test_a_tracker_that_fails_is_said_so_once_and_costs_the_others_nothing(
    searched: SharedStudy, caplog: pytest.LogCaptureFixture
) -> None:
    broken, well = Notebook(fails=True), Notebook()
    with Follower(searched, {"broken": lambda: broken, "well": lambda: well}):
        pass
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        "broken didn't take a trial and is asked again later, the search goes on: ConnectionError: no server",
        "broken doesn't have all of the study: the next launch hands the rest over",
    ]
    assert len(well.ended) == 3


class Flaky(Notebook):
    """A notebook on a server: each call whose number is among `failing` raises, half of them after it has worked."""

    def __init__(self, failing: Sequence[int]) -> None:
        super().__init__()
        self.failing = failing
        self.asked = 0

    def begin(self, number: int) -> int | None:
        begun: int | None = self._over_the_network(lambda: super(Flaky, self).begin(number))
        return begun

    def record(self, number: int, epochs: Sequence[EpochScores]) -> None:
        self._over_the_network(lambda: super(Flaky, self).record(number, epochs))

    def end(self, number: int, trial: EndedTrial) -> None:
        self._over_the_network(lambda: super(Flaky, self).end(number, trial))

    def _over_the_network(self, call: Callable[[], Any]) -> Any:
        self.asked += 1
        if self.asked in self.failing and self.asked % 2:
            raise ConnectionError("the request was lost")
        answer = call()
        if self.asked in self.failing:
            raise TimeoutError("the answer was lost")
        return answer


@pytest.mark.parametrize("failing", [(1,), (2,), (3,), (4,), (2, 4, 5, 7), range(1, 12)])
def test_an_outage_of_a_tracker_loses_nothing_and_repeats_nothing(
    searched: SharedStudy, failing: Sequence[int], caplog: pytest.LogCaptureFixture
) -> None:
    whole, flaky = Notebook(), Flaky(failing)
    follow(searched, whole)
    part = Part(searched, "flaky", lambda: flaky)
    rounds = 0
    while not part.catch_up():
        rounds += 1
        assert rounds < 30
    part.close()
    assert rounds
    assert flaky.epochs == whole.epochs
    assert flaky.ended.keys() == whole.ended.keys()
    assert [record.levelno for record in caplog.records].count(logging.WARNING) == 1


def test_a_tracker_that_cannot_be_made_at_first_is_made_later(searched: SharedStudy) -> None:
    notebook, refusals = Notebook(), iter((ConnectionError("no server"), ConnectionError("no server")))

    def make() -> Tracker:
        for error in refusals:
            raise error
        return notebook

    part = Part(searched, "late", make)
    assert [part.catch_up() for _ in range(3)] == [False, False, True]
    assert len(notebook.ended) == 3


def test_a_trial_that_a_tracker_cannot_take_keeps_no_other_from_it(searched: SharedStudy) -> None:
    class Choosy(Notebook):
        def begin(self, number: int) -> int | None:
            if number == 0:
                raise ValueError("no such parameter")
            return super().begin(number)

    choosy = Choosy()
    part = Part(searched, "choosy", lambda: choosy)
    assert not part.catch_up()
    assert sorted(choosy.ended) == [1, 2]


def test_tensorboard_has_each_epoch_once_after_it_failed(
    searched: SharedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search.trackers.tensorboard import TensorBoard

    made = TensorBoard(tmp_path / "tb", "study", searched.key.stamp)
    part = Part(searched, "TensorBoard", lambda: made)
    with monkeypatch.context() as patched:
        patched.setattr(msgspec.json, "format", lambda *_, **__: 1 / 0)
        assert not part.catch_up()  # all epochs were written, and the end failed
    assert part.catch_up()
    folders = [path for path in (tmp_path / "tb" / "study").iterdir() if path.is_dir()]
    assert len(folders) == 3
    for folder in folders:
        assert len(list(folder.glob("events.*"))) == 1
        assert (folder / "trial.json").exists()


def test_tensorboard_has_the_curves_and_facts_of_each_trial(searched: SharedStudy, tmp_path: Path) -> None:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import RecordWriter  # noqa: F401 - the format that is read below

    with Follower(searched, Tracking(tensorboard=tmp_path / "tb").makers(searched.name, searched.key.stamp)):
        pass
    (complete, *_) = [trial for trial in searched.study.trials if trial.user_attrs["slot"] == 0]
    folder = tmp_path / "tb" / "study" / f"trial-{complete.number:05d}"
    (file,) = folder.glob("events.*")
    values = [
        (event.step, value.simple_value)
        for event in map(Event.FromString, records(file.read_bytes()))
        for value in event.summary.value
        if value.tag == "accuracy/validation"
    ]
    assert values == [(epoch, pytest.approx(score)) for epoch, score in complete.intermediate_values.items()]
    assert msgspec.json.decode((folder / "trial.json").read_bytes())["optimizer"] == complete.params["optimizer"]


def records(content: bytes) -> list[bytes]:
    """The records of an event file: each a length and its checksum, 12 bytes, then the data and its checksum."""
    found = []
    while content:
        length = int.from_bytes(content[:8], "little")
        found.append(content[12 : 12 + length])
        content = content[16 + length :]
    return found


def test_a_log_of_tensorboard_that_was_broken_off_is_written_again_and_a_complete_one_stays(
    searched: SharedStudy, tmp_path: Path
) -> None:
    makers = Tracking(tensorboard=tmp_path).makers("study", searched.key.stamp)
    broken_off = makers["TensorBoard"]()
    broken_off.begin(0)
    broken_off.close()
    with Follower(searched, makers):
        pass
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("events.*")}
    assert len(before) == 3
    with Follower(searched, makers):
        pass
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("events.*")} == before


def test_tensorboard_leaves_what_others_have_put_there_alone(searched: SharedStudy, tmp_path: Path) -> None:
    theirs = tmp_path / "study" / "trial-00000" / "photo.jpg"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("a stranger's")
    with Follower(searched, Tracking(tensorboard=tmp_path).makers("study", searched.key.stamp)):
        pass
    assert list((tmp_path / "study").rglob("*")) == [theirs.parent, theirs]
    assert len(list((tmp_path / f"study {searched.key.stamp[:8]}").rglob("events.*"))) == 3


def test_tensorboard_clears_nothing_but_its_files_of_a_trial_that_was_broken_off(
    searched: SharedStudy, tmp_path: Path
) -> None:
    maker = Tracking(tensorboard=tmp_path).makers("study", searched.key.stamp)["TensorBoard"]
    broken_off = maker()
    broken_off.begin(0)
    broken_off.close()
    notes = tmp_path / "study" / "trial-00000" / "notes.txt"
    notes.write_text("a stranger's")
    maker().begin(0)
    assert notes.read_text() == "a stranger's"
    assert len(list(tmp_path.rglob("events.*"))) == 1


@OF_MLFLOW
@pytest.mark.parametrize("kind", ["TensorBoard", "MLflow"])
def test_a_study_that_is_begun_again_under_its_name_has_its_own_records(
    kind: str, searched: SharedStudy, tmp_path: Path
) -> None:
    tracking = (
        Tracking(tmp_path / "tb", None) if kind == "TensorBoard" else Tracking(None, f"sqlite:///{tmp_path}/m.db")
    )
    for stamp in ("a" * 32, searched.key.stamp):
        tracker = tracking.makers("study", stamp)[kind]()
        assert [tracker.begin(number) for number in range(3)] == [0, 0, 0]
        for number in range(3):
            tracker.record(number, searched.ledger.epochs(number))
            tracker.end(number, EndedTrial(Outcome("complete", 0.5), {}, {}))
        tracker.close()
        assert [tracker.begin(number) for number in range(3)] == [None] * 3


@OF_MLFLOW
def test_further_metrics_of_an_epoch_are_recorded_too(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path}/m.db"
    for tracker in (make() for make in Tracking(tmp_path / "tb", uri).makers("study", "a" * 32).values()):
        tracker.begin(0)
        tracker.record(0, [example_epoch(metrics={"val_auc": 0.9})])
        tracker.close()
    (events,) = (tmp_path / "tb").rglob("events.*")
    assert b"auc/validation" in events.read_bytes()
    client = MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert run.data.metrics["val_auc"] == 0.9


def test_a_launch_has_them_follow(cli: RunLaunch, tmp_path: Path) -> None:
    done = cli("--space", "bn_dropout", "--n-workers", "0", "--n-trials", "1", "--tensorboard", tmp_path / "tb")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "tb" / "bn_dropout-digits").is_dir()


def test_a_tracker_whose_package_is_missing_is_refused_before_anything_is_made(
    cli: RunLaunch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "search.trackers.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    done = cli("--space", "bn_dropout", "--tensorboard", "logs")
    assert done.exit_code == 2
    assert "pip install tensorboardX" in done.stderr
    assert list(Path.cwd().iterdir()) == []


@OF_MLFLOW
def test_mlflow_has_a_run_for_each_trial_and_the_next_launch_adds_none(searched: SharedStudy, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for _ in range(2):
        with Follower(searched, Tracking(mlflow=uri).makers("study", searched.key.stamp)):
            pass
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("study")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.status for run in runs) == ["FINISHED", "FINISHED", "KILLED"]
    (first,) = [run for run in runs if run.data.tags["search.slot"] == "0"]
    trial = searched.study.trials[int(first.data.tags["search.trial"])]
    history = client.get_metric_history(first.info.run_id, "val_accuracy")
    assert {metric.step: metric.value for metric in history} == trial.intermediate_values
    assert first.data.params["optimizer"] == trial.params["optimizer"]
