"""What the tests of the search share: studies, workers in this process whose trainer is a stub, and real launches."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from click.testing import CliRunner, Result

from search.commands.worker_flags import WorkerFlags
from search.host.shutdown import Shutdown
from search.launch import main as launch_command
from search.launching.planning import LaunchOptions, make_orders, make_plan
from search.sampling.pruners import make_pruner
from search.study.folders import StudyFolder
from search.study.space import study_space
from search.trainers.protocol import DataSource
from search.trainers.requests import TRAINER_NAME
from search.workers.loop import work
from search.workers.workbench import Limits, Trainer, Workbench
from spaces import Space, resolve
from storage import Manifest, SharedStudy, create_study, open_study

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "benchmarks" / "stub_trainer.py"
NAME = "study"
PATIENCE_S = 120.0

MANIFEST = Manifest(
    space="bn_dropout",
    space_version=1,
    space_fingerprint="",
    dataset="digits",
    dataset_fingerprint="",
    image_shape=(8, 8, 1),
    classes=tuple("0123456789"),
    n_train=1151,
    n_validation=287,
    n_test=359,
    epochs=3,
    batch_size=64,
    objective="val_accuracy",
    direction="maximize",
    sampler="random",
    pruner="none",
    seed=0,
    artifacts="artifacts",
    created_at="2026-01-01T00:00:00+00:00",
)


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """What the condition gives as soon as it is true; fails with `what` was waited for if it never is."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain for {what}"
        time.sleep(0.02)
    return found


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., Any]:
    return wait_until


def kill_child(pid: int) -> None:
    """Ends a child of this process with SIGKILL, and leaves it to others to notice.

    A process with threads can look like a zombie while some of them are still ending and nobody can wait for it yet.
    """
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


@pytest.fixture(name="kill_child")
def kill_child_fixture() -> Callable[[int], None]:
    return kill_child


@dataclass
class Lab:
    """A study in a SQLite file, and workers on it in this process, with stub trainers that do as `acts` say."""

    url: str
    folder: Path
    acts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    _opened: list[SharedStudy] = field(default_factory=list)
    _benches: list[Workbench] = field(default_factory=list)

    def study(
        self, n_trials: int, *, space: str = "bn_dropout", own: Space | None = None, **changes: Any
    ) -> SharedStudy:
        """Makes the study, with so many slots."""
        artifacts = str(self.folder / "artifacts")
        manifest = msgspec.structs.replace(MANIFEST, space=space, artifacts=artifacts, **changes)
        shared = create_study(self.url, NAME, manifest)
        self._opened.append(shared)
        orders = make_orders(own or study_space(manifest, resolve(space).space), manifest, n_trials)
        shared.ledger.order_up_to(n_trials, orders.__getitem__)
        return shared

    def bench(self, limits: Limits | None = None, space: Space | None = None) -> Workbench:
        """What a worker works with, on connections of its own."""
        shared = open_study(self.url, NAME)
        self._opened.append(shared)
        shared.study.pruner = make_pruner(shared.manifest.pruner, shared.manifest.epochs)
        script = self.folder / "script.json"
        script.write_text(json.dumps(self.acts))
        source = resolve(shared.manifest.space)
        files = self.files(shared)
        environment = {"PYTHONPATH": str(ROOT)}
        bench = Workbench(
            worker_id=f"worker-{len(self._benches)}",
            shared=shared,
            space=space or study_space(shared.manifest, source.space),
            space_ref=source.ref,
            data=DataSource("digits"),
            folder=files,
            trainer=Trainer(files, environment, 4000.0, (sys.executable, str(STUB), str(script))),
            limits=limits or Limits(outage_s=1.0),
        )
        self._benches.append(bench)
        return bench

    def files(self, shared: SharedStudy) -> StudyFolder:
        """The study's files."""
        return StudyFolder(self.folder / "artifacts", NAME, shared.key.stamp)

    def work(self, bench: Workbench | None = None, shutdown: Shutdown | None = None) -> None:
        """Works, as a worker does, until nothing is left to do."""
        work(bench or self.bench(), shutdown or Shutdown(), deadline=time.monotonic() + PATIENCE_S)

    def close(self) -> None:
        for bench in self._benches:
            bench.trainer.discard()
        for shared in self._opened:
            shared.close()


@pytest.fixture
def lab(sqlite_with_tables_url: str, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(sqlite_with_tables_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def lab_in(tmp_path: Path) -> Iterator[Callable[[str], Lab]]:
    """A lab on a study "study" that is there already, in any database."""
    made: list[Lab] = []

    def at(url: str) -> Lab:
        made.append(Lab(url, tmp_path))
        return made[-1]

    yield at
    for lab in made:
        lab.close()


@pytest.fixture
def with_real_trainer() -> Iterator[Callable[[Workbench], Workbench]]:
    """Gives a workbench the trainer that holds Keras, in the place of the stub."""
    made: list[Trainer] = []

    def equip(bench: Workbench) -> Workbench:
        environment = {"PYTHONPATH": str(ROOT), "SEARCH_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
        made.append(Trainer(bench.folder, environment, 4000.0))
        return replace(bench, trainer=made[-1])

    yield equip
    for trainer in made:
        trainer.discard()


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[], None]], threading.Thread]]:
    """Starts something in a thread; whatever it raises is raised at the end of the test."""
    threads: list[threading.Thread] = []
    errors: list[BaseException] = []

    def start(action: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                action()
            except BaseException as error:  # noqa: BLE001 - raised again below
                errors.append(error)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    for error in errors:
        raise error


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the launch command in this process, in a folder of its own, and gives its exit code and output."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    for name in [name for name in os.environ if name.startswith(("SEARCH_", "OPTUNA_"))]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Result:
        runner = CliRunner(env=dict(env or {}), catch_exceptions=False)
        return runner.invoke(launch_command, [str(argument) for argument in arguments])

    return run


class Launch:
    """A real `python -m search.launch`, and the processes that it starts."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str]) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SEARCH_", "OPTUNA_"))}
        paths = {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"}
        self._errors = (folder / "stderr.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error::ResourceWarning", "-m", "search.launch", *arguments],
            cwd=folder,
            env={**inherited, **paths, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.seen: dict[int, psutil.Process] = {}

    def finish(self) -> str:
        """Waits for its end and gives what it printed; remembers the exit code."""
        printed, _ = self.process.communicate(timeout=PATIENCE_S)
        self._errors.close()
        return printed

    @property
    def errors(self) -> str:
        """What it said on standard error, and earlier launches in the same folder before it."""
        return (self.folder / "stderr.txt").read_text()

    @property
    def code(self) -> int:
        """Its exit code."""
        code: int = self.process.returncode
        return code

    def children(self, role: str) -> list[psutil.Process]:
        """Its living processes of a role: worker, trainer or trainer_server."""
        return [child for child in self.descendants() if is_of(child, role)]

    def descendants(self) -> list[psutil.Process]:
        """The living processes that it or they started; those once seen are known also after it has ended."""
        roots = [*self.seen.values()]
        if psutil.pid_exists(self.process.pid):
            roots.append(psutil.Process(self.process.pid))
        for root in roots:
            try:
                self.seen |= {child.pid: child for child in root.children(recursive=True)}
            except psutil.NoSuchProcess:
                continue
        return [child for child in self.seen.values() if is_running(child)]

    def end(self) -> None:
        """Ends whatever is left of it."""
        left = self.descendants()
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        for child in [*left, *self.descendants()]:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_of(process: psutil.Process, role: str) -> bool:
    """Whether it has that role; a trainer that was forked has the command of its server."""
    try:
        if process.name() == TRAINER_NAME:
            return role == "trainer"
        return f"search.{role}" in process.cmdline()
    except psutil.Error:
        return False


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Launch]]:
    """Starts real launches in a folder of their own."""
    started: list[Launch] = []

    def start(*arguments: str | Path, folder: Path | None = None, env: Mapping[str, str] | None = None) -> Launch:
        text = tuple(str(argument) for argument in arguments)
        started.append(Launch(folder or tmp_path / "launch", text, env or {}))
        return started[-1]

    yield start
    for each in started:
        each.end()


@dataclass
class Prepared:
    """A study made before its first launch, so that a dead worker's slot is free again after `lease_s` seconds."""

    url: str
    name: str
    arguments: tuple[str, ...]
    _watched: SharedStudy | None = None

    def open(self) -> SharedStudy:
        """The study."""
        return open_study(self.url, self.name)

    def watched(self) -> SharedStudy:
        """The study, open until the end of the test: opening it at each look would take a processor from those who
        are waited for.
        """
        if self._watched is None:
            self._watched = self.open()
        return self._watched

    def epochs(self) -> int:
        """How many epochs have been recorded so far."""
        return self.watched().ledger.epoch_count()

    def close(self) -> None:
        if self._watched is not None:
            self._watched.close()


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Callable[..., Prepared]]:
    """Makes a study that a launch then joins."""

    def make(lease_s: float = 2.0, **options: Any) -> Prepared:
        folder = tmp_path / "launch"
        folder.mkdir(exist_ok=True)
        url = f"sqlite:///{folder / 'search.db'}"
        workers = WorkerFlags(artifacts=folder / "search-artifacts")
        wanted = LaunchOptions(space="bn_dropout", storage=url, study_name=NAME, workers=workers)
        plan = make_plan(replace(wanted, **options))
        manifest = msgspec.structs.replace(plan.manifest, lease_s=lease_s)
        with create_study(url, NAME, manifest) as shared:
            shared.ledger.order_up_to(plan.n_trials, plan.orders.__getitem__)
        arguments = ("--space", plan.manifest.space, "--storage", url, "--study-name", NAME, "-f", "json")
        made.append(Prepared(url, NAME, arguments))
        return made[-1]

    made: list[Prepared] = []
    yield make
    for each in made:
        each.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk with room for logs, and for no checkpoint."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mounting isn't allowed here: {mounted.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def manifest() -> Manifest:
    """The manifest of a small study."""
    return MANIFEST
