"""Clusters for the tests: the one that the environment names, else a test bed that is started for the module."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.helpers.cluster import Cli, Kube, SlurmCluster, require_tool, words


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """The Slurm of SLURM_CONF, else the test bed with three nodes of four processors."""
    if os.environ.get("SLURM_CONF"):
        yield SlurmCluster(None, {})
        return
    tool = require_tool("slurm-testbed")
    if os.geteuid() != 0:
        pytest.skip(f"the test bed {tool} has to be started by root")
    folder = Path("/tmp/search-slurm-testbed")  # noqa: S108 - nodes are other users' in part, and paths of sockets short
    with FileLock(f"{folder}.lock"):  # its ports are the machine's
        environment = {"SLURM_TESTBED": str(folder), "SLURM_CONF": str(folder / "slurm.conf")}
        words(tool, "stop", environment=environment)  # of a run that was killed
        words(tool, "start", "3", environment=environment)
        yield SlurmCluster(tool, environment)
        words(tool, "stop", environment=environment)


@pytest.fixture
def shared_folder(tmp_path: Path) -> Path:
    """A folder that all nodes share: SEARCH_TEST_SHARED_DIR, or any where the nodes are this machine."""
    given = os.environ.get("SEARCH_TEST_SHARED_DIR")
    return tmp_path if given is None else Path(given) / tmp_path.name


@pytest.fixture
def cli(postgres_url: str, shared_folder: Path, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """Commands on a host that submits to the Slurm; the tests of another engine have a fixture of their own."""
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    yield Cli(postgres_url, shared_folder, slurm.environment)
    if slurm.tool is not None:
        slurm("scancel", "--me")  # what a test leaves that has failed isn't the next one's


@pytest.fixture(scope="session")
def make_cli() -> type[Cli]:
    return Cli


@pytest.fixture(scope="session")
def need_tool() -> Callable[[str], Path]:
    return require_tool


@pytest.fixture(scope="module")
def kube_tool() -> Kube:
    """The stand-in's tool, installed."""
    tool, folder = require_tool("kube-testbed"), Path("/tmp/search-kube-testbed")  # noqa: S108 - one a machine
    environment = {"KUBE_TESTBED": str(folder), "KUBE_TESTBED_PYTHON": sys.executable}
    with FileLock(f"{folder}.install.lock"):
        subprocess.run([tool, "install"], env={**os.environ, **environment}, check=True)
    return Kube(tool, str(folder / "venv" / "bin" / "python"), environment)
