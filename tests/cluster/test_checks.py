"""What no cluster can do is refused before anything is submitted."""

import sys
from pathlib import Path
from typing import Any

import click
import psutil
import pytest

from search.cluster.checks import require_server, require_shared_files
from search.cluster.engines.slurm import Slurm
from search.cluster.file_systems import is_shared
from search.cluster.quantities import as_bytes
from search.cluster.testing import example_fleet
from search.errors import UsageError
from search.study.folders import StudyFolder
from tests.helpers.cluster import Cli


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """File systems by the folder where they are mounted."""
    found = {"/": "ext4"}

    def partitions(**_: Any) -> list[Any]:
        return [type("Part", (), {"mountpoint": place, "fstype": kind}) for place, kind in found.items()]

    monkeypatch.setattr(psutil, "disk_partitions", partitions)
    return found


def test_a_sqlite_file_is_refused(make_cli: type[Cli], tmp_path: Path) -> None:
    cli = make_cli(f"sqlite:///{tmp_path / 'search.db'}", tmp_path)
    done = cli.cluster("up", "--workers", "2", on="slurm", code=2)
    assert "SQLite is a file of one host: give --storage postgresql://" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_local_folder_is_refused_and_a_shared_one_or_a_store_is_fine(
    mounted: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.cluster.engines.slurm.nodes_are_here", lambda: False)
    folder = StudyFolder(tmp_path / "a" / "artifacts", "S", "3314ed85")
    with pytest.raises(UsageError, match=r"on a disk of this host \(ext4\).*--artifact-store s3:.*--shared-artifacts"):
        require_shared_files(Slurm(), example_fleet(tmp_path / "a"), folder)
    require_shared_files(
        Slurm(), example_fleet(tmp_path / "a"), StudyFolder(folder.artifacts, "S", "3314ed85", "s3://bucket/prefix")
    )
    mounted[str(tmp_path / "a")] = "nfs4"
    require_shared_files(Slurm(), example_fleet(tmp_path / "a"), folder)


@pytest.mark.parametrize(
    ("kind", "shared"), [("lustre", True), ("fuse.juicefs", True), ("overlay", False), ("xfs", False)]
)
def test_file_systems_of_networks_are_known(mounted: dict[str, str], kind: str, *, shared: bool) -> None:
    mounted["/work"] = kind
    assert is_shared(Path("/work/artifacts")) is shared


def test_a_machine_without_slurm_is_told_where_to_go(make_cli: type[Cli], postgres_url: str, tmp_path: Path) -> None:
    cli = make_cli(postgres_url, tmp_path, {"PATH": str(Path(sys.executable).parent)})
    cli.order(1)
    done = cli.cluster("up", "--workers", "1", on="slurm", code=2)
    assert "on this machine: run this on a host that submits to Slurm, such as a login node" in done.stderr
    assert not list(tmp_path.glob("artifacts/*/cluster"))


def test_postgres_is_a_server() -> None:
    require_server("postgresql://user:password@host/studies")


@pytest.mark.parametrize(("typed", "amount"), [("800M", 800 * 2**20), ("16G", 16 * 2**30), ("1T", 2**40)])
def test_memory_is_typed_with_units(typed: str, amount: int) -> None:
    assert as_bytes(*flag(), typed) == amount


@pytest.mark.parametrize("typed", ["16", "16g", "G", "0M", "-1G", "1e3M"])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(click.BadParameter, match=r"isn't an amount of memory such as 800M or 16G"):
        as_bytes(*flag(), typed)


def flag() -> tuple[click.Context, click.Parameter]:
    command = click.Command("command", params=[click.Option(["--memory"])])
    return click.Context(command), command.params[0]
