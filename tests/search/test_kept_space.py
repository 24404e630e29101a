"""A user's own space travels as text with its study, and is run only where it is trusted and unchanged."""

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from search.errors import UsageError
from search.host.ends import End
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.studies.removal import delete_study
from search.study.kept_space import KeptSpace, artifact_name, forget, keep_space, unpacked_space
from search.workers.fleet import FleetSettings, FleetWorker
from search.workers.join import study_folder
from search.workers.placement import WorkerPlacement
from search.workers.settings import WorkerSettings
from spaces import resolve
from storage import SharedStudy, create_study
from storage.open_database import OpenDatabase
from tests.helpers.comparisons import Comparisons

SPACE = """
from rates import LOWEST
from spaces.configuration import Block, Configuration
from spaces.offering import offering
from spaces.optimizer import suggest_optimizer
from spaces.space import Space

def suggest(trial):
    rates = offering(trial, ranges={"learning_rate": (LOWEST, 0.1)})
    return Configuration(blocks=(Block((8,)),), dense=(16,), optimizer=suggest_optimizer(rates, ("adam",)))

space = Space(name="own", version=1, question="Which rate?", suggest=suggest)
"""


@pytest.fixture
def comparisons(
    tmp_path_factory: pytest.TempPathFactory, sqlite_with_tables_url: str, capsys: pytest.CaptureFixture[str]
) -> Comparisons:
    return Comparisons(sqlite_with_tables_url, tmp_path_factory.mktemp("kept"), capsys)


@pytest.fixture
def own(comparisons: Comparisons) -> Iterator[Path]:
    """A space's file with one that it imports, and one that it doesn't."""
    home = comparisons.folder / "project"
    home.mkdir()
    (home / "own.py").write_text(SPACE)
    (home / "rates.py").write_text("LOWEST = 1e-4\n")
    (home / "other.py").write_text("raise SystemExit\n")
    yield home / "own.py"
    forget(home)


@pytest.fixture
def shared(comparisons: Comparisons, own: Path) -> SharedStudy:
    """A search of that space, whose source is kept as a launch does."""
    workers = WorkerSettings(artifacts=comparisons.folder / "artifacts")
    options = LaunchOptions(
        space=str(own), storage=comparisons.url, study_name="mine", epochs=2, sampler="random", workers=workers
    )
    plan = make_plan(options)
    shared = create_study(comparisons.url, "mine", msgspec.structs.replace(plan.manifest, pruner="none"))
    shared.ledger.order_up_to(2, plan.orders.__getitem__)
    keep_space(study_folder(shared, None), shared.manifest)
    return shared


def move_away(own: Path) -> None:
    """Makes this a host without the space's files."""
    own.parent.rename(own.parent.with_name("elsewhere"))
    forget(own.parent)


def kept_file(shared: SharedStudy) -> Path:
    folder = study_folder(shared, None)
    return folder.models / artifact_name(folder.stamp)


def change(shared: SharedStudy, **files: str) -> None:
    """Replaces files in what is kept."""
    kept = msgspec.json.decode(kept_file(shared).read_bytes(), type=KeptSpace)
    named = {name.replace("__", "/") + ".py": text.encode() for name, text in files.items()}
    kept_file(shared).write_bytes(msgspec.json.encode(KeptSpace(kept.main, {**kept.files, **named})))


def test_it_is_unpacked_with_what_it_imports_and_leaves_no_trace(shared: SharedStudy, own: Path) -> None:
    move_away(own)
    with shared, ExitStack() as held:
        ref = unpacked_space(study_folder(shared, None), shared.manifest, held)
        home = Path(ref.rpartition(":")[0]).parent
        assert sorted(path.name for path in home.iterdir()) == ["own.py", "rates.py"]
        assert home.parent.stat().st_mode & 0o077 == 0
        found = resolve(ref, expected=shared.manifest.space_fingerprint)
        assert found.space.name == "own"
        assert Path(str(sys.modules["rates"].__file__)).parent == home
    assert not home.parent.exists()
    assert "rates" not in sys.modules
    assert str(home) not in sys.path


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"rates": "raise SystemExit('was run')"}, "nothing of it was run"),
        ({"more": "LOWEST = 1"}, "nothing of it was run"),
        ({"..__rates": "LOWEST = 1"}, "has files of other places"),
    ],
)
def test_what_isn_t_the_study_s_space_is_not_run(
    files: dict[str, str], said: str, shared: SharedStudy, own: Path
) -> None:
    move_away(own)
    change(shared, **files)
    with shared, ExitStack() as held, pytest.raises(UsageError, match=said):
        unpacked_space(study_folder(shared, None), shared.manifest, held)


def test_what_is_damaged_or_gone_is_said(shared: SharedStudy) -> None:
    folder = study_folder(shared, None)
    with shared, ExitStack() as held:
        kept_file(shared).write_bytes(b"{")
        with pytest.raises(UsageError, match="is damaged"):
            unpacked_space(folder, shared.manifest, held)
        kept_file(shared).unlink()
        with pytest.raises(UsageError, match=r"no source of the study's space is kept.*run the launch again"):
            unpacked_space(folder, shared.manifest, held)


def test_a_module_of_this_host_is_not_taken_for_one_of_the_space(
    shared: SharedStudy, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_away(own)
    monkeypatch.syspath_prepend(own.parent.with_name("elsewhere"))
    with shared, ExitStack() as held, pytest.raises(UsageError, match=r"a module of that name is on this host"):
        unpacked_space(study_folder(shared, None), shared.manifest, held)


def serve(comparisons: Comparisons, *, trust: bool) -> End:
    """One worker that serves all studies until none needs it."""
    settings = WorkerSettings(artifacts=comparisons.folder / "artifacts", wait=0.0, trust_spaces=trust)
    place = WorkerPlacement("cpu")
    with OpenDatabase(comparisons.url) as database:
        return FleetWorker(database, FleetSettings(idle_exit=0.0), settings, place, comparisons.stub()).run()


def test_a_host_without_the_file_runs_it_only_if_told_to_trust_it(
    shared: SharedStudy, own: Path, comparisons: Comparisons, caplog: pytest.LogCaptureFixture
) -> None:
    move_away(own)
    with shared:
        with caplog.at_level(logging.WARNING):
            serve(comparisons, trust=False)
        assert shared.ledger.counts().waiting == 2
        assert "leaves out the study mine: the study's space can't be found" in caplog.text
        assert "--trust-spaces" in caplog.text
        serve(comparisons, trust=True)
        assert shared.ledger.counts().complete == 2
        assert "rates" not in sys.modules
        delete_study(shared)
    assert not kept_file(shared).exists()


def test_a_pool_tells_its_workers_whether_to_trust() -> None:
    assert "--trust-spaces" in WorkerSettings(trust_spaces=True).for_one_worker()
    assert not [flag for flag in WorkerSettings().for_one_worker() if flag.startswith("--trust-spaces")]
