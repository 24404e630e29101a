"""What the tests of the search share: studies, workers in this process whose trainer is a stub, and real launches."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from search.launch import main as launch_command
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.trainers.serving import SERVER
from search.workers.context import WorkerContext
from search.workers.settings import WorkerSettings
from search.workers.trainer_client import TrainerClient
from storage import Manifest, create_study
from tests.helpers.lab import MANIFEST, NAME, Lab
from tests.helpers.launches import Launch, Prepared, PrepareStudy, RunLaunch, StartLaunch
from tests.helpers.paths import ROOT
from tests.helpers.waiting import PATIENCE_S


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
def with_real_trainer(
    server_of_trainers: str | None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[WorkerContext], WorkerContext]]:
    """Gives a context the trainer that holds Keras, in place of the stub."""
    made: list[TrainerClient] = []
    if server_of_trainers is not None:
        monkeypatch.setenv(SERVER, server_of_trainers)

    def equip(context: WorkerContext) -> WorkerContext:
        environment = {"PYTHONPATH": str(ROOT), "SEARCH_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
        made.append(TrainerClient(context.folder, environment, 4000.0))
        return replace(context, trainer=made[-1])

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
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunLaunch:
    """Runs the launch command in this process, in a folder of its own, and gives its exit code and output."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    for name in [name for name in os.environ if name.startswith(("SEARCH_", "OPTUNA_"))]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path | int, env: Mapping[str, str] | None = None) -> Result:
        runner = CliRunner(env=dict(env or {}), catch_exceptions=False)
        return runner.invoke(launch_command, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def launch(tmp_path: Path, server_of_trainers: str | None) -> Iterator[StartLaunch]:
    """Starts real launches in a folder of their own."""
    started: list[Launch] = []

    def start(
        *arguments: str | Path | int,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        own_server: bool = False,
    ) -> Launch:
        text = tuple(str(argument) for argument in arguments)
        server = None if own_server else server_of_trainers
        started.append(Launch(folder or tmp_path / "launch", text, env or {}, server))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[PrepareStudy]:
    """Makes a study that a launch then joins."""

    def make(lease_s: float = 2.0, **options: Any) -> Prepared:
        folder = tmp_path / "launch"
        folder.mkdir(exist_ok=True)
        url = f"sqlite:///{folder / 'search.db'}"
        workers = WorkerSettings(artifacts=folder / "search-artifacts")
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
