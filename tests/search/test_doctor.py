"""The doctor: what it finds, what it advises, and its exit code."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from search.doctor import main
from search.host import examination
from search.host.examination import (
    Finding,
    clock_finding,
    disk_finding,
    examine,
    gpu_finding,
    keras_findings,
    lock_finding,
    programs_finding,
    range_finding,
    storage_findings,
)
from search.host.gpus import Gpu
from search.host.installed import Installed, differing_from_lock, out_of_range
from search.host.program_folder import VARIABLE, make_executables_folder
from search.training.shared_programs.traced_files import open_traced_files
from search.views.findings_text import findings_text
from storage import create_study
from storage.testkit import example_manifest

GPU = Gpu(0, "GPU-1", "a model", 24_000)


def doctor(*arguments: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(main, list(arguments))


def test_a_healthy_machine_can_search(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(examination, "LITTLE_MEMORY_GB", 0.0)
    monkeypatch.setattr(examination, "LITTLE_DISK_GB", 0.0)
    monkeypatch.setattr(examination, "out_of_range", list)
    url = f"sqlite:///{tmp_path / 'search.db'}"
    create_study(url, "mine", example_manifest()).close()
    result = doctor("--storage", url, "-f", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["healthy"]
    found = {finding["name"]: finding["found"] for finding in document["findings"]}
    machine = ["python", "packages", "lock", "keras", "gpus", "memory", "disk", "programs"]
    assert list(found) == [*machine, "storage", "speed", "clock", "servers"]
    assert "studies: mine" in found["storage"]


def test_a_problem_gives_exit_code_1_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    sick = Finding("disk", "problem", "0.1 GB free", "Free some space.")
    monkeypatch.setattr(examination, "examine", lambda *_: [sick])
    result = doctor()
    assert result.exit_code == 1
    assert "PROBLEM  disk      0.1 GB free" in result.stdout
    assert "Free some space." in result.stdout


def test_a_backend_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    (finding,) = keras_findings([])
    assert finding.verdict == "problem"
    assert "openvino" in finding.advice


@pytest.mark.parametrize(
    ("gpus", "usable", "verdict"), [([], [], "ok"), ([GPU], ["gpu:0"], "ok"), ([GPU], [], "problem")], ids=str
)
def test_a_gpu_that_keras_cannot_use_is_a_problem(gpus: list[Gpu], usable: list[str], verdict: str) -> None:
    assert gpu_finding(gpus, usable).verdict == verdict


def test_a_database_that_is_not_there_yet_is_no_problem(sqlite_url: str) -> None:
    (finding,) = storage_findings(sqlite_url)
    assert (finding.verdict, "first launch makes it" in finding.found) == ("ok", True)


def test_a_new_database_has_no_study_yet_which_is_no_problem(empty_postgres_url: str) -> None:
    (finding,) = storage_findings(empty_postgres_url)
    assert (finding.verdict, finding.advice) == ("ok", "")
    assert "answers; no study yet: the first launch makes what it needs" in finding.found


def test_a_new_empty_file_is_no_problem_either(tmp_path: Path) -> None:
    (tmp_path / "search.db").touch()
    (finding,) = storage_findings(f"sqlite:///{tmp_path / 'search.db'}")
    assert finding.verdict == "ok"
    assert "no study yet" in finding.found


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_findings_are_broken_between_words_at_the_width_of_the_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    found = [
        Finding("packages", "problem", "; ".join(f"package-{n} is missing" for n in range(9)), "Install them. " * 9),
        Finding("gpus", "ok", "none: 1 worker on 1 processor"),
    ]
    text = findings_text(found)
    assert max(map(len, text.splitlines())) <= width
    assert all(f"package-{n}" in text.replace(";", "").split() for n in range(9))
    assert text.endswith("1 problem: a search won't run here.")


def test_a_file_that_is_no_database_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "search.db").write_text("no database")
    (finding,) = storage_findings(f"sqlite:///{tmp_path / 'search.db'}")
    assert finding.verdict == "problem"
    assert "--storage" in finding.advice


def test_a_password_is_not_shown() -> None:
    (finding,) = storage_findings("postgresql://me:geheim@127.0.0.1:1/db")
    assert finding.verdict == "problem"
    assert "geheim" not in findings_text([finding])


def test_clocks_that_differ_are_worth_knowing() -> None:
    assert clock_finding(0.2).verdict == "ok"
    assert clock_finding(-60.0).verdict == "note"


def test_a_folder_of_another_user_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    assert disk_finding(tmp_path).verdict == "problem"


def test_missing_packages_come_with_the_command_that_installs_them() -> None:
    finding = range_finding([Installed("keras", None, ">=3.10,<4")])
    assert "keras is missing, needed is >=3.10,<4" in finding.found
    assert "pip install 'keras>=3.10,<4'" in finding.advice


def test_a_package_in_its_range_is_not_mentioned() -> None:
    assert "numpy" not in [one.name for one in out_of_range()]


def test_versions_are_compared_with_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "constraints.txt"
    lock.write_text("# pinned\nnumpy==0.0.1\nunheard-of==1.0\n")
    (different,) = differing_from_lock(lock) or []
    assert (different.name, different.wanted) == ("numpy", "0.0.1")
    assert lock_finding([different]).verdict == "note"
    assert differing_from_lock(tmp_path / "none.txt") is None


def test_the_examination_creates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "keras_findings", lambda _: iter(()))
    examine(f"sqlite:///{tmp_path / 'search.db'}", tmp_path / "artifacts")
    assert not list(tmp_path.iterdir())


def test_traced_programs_are_counted_and_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "keras_findings", lambda _: iter(()))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "programs"))
    assert programs_finding().found == f"0 traced programs, 0.0 MB, in {tmp_path / 'programs'}"
    files = open_traced_files()
    assert files is not None
    for key in ("one", "another"):
        files.put(key, os.urandom(10**6))
    assert programs_finding().found == f"2 traced programs, 2.0 MB, in {tmp_path / 'programs'}"
    executables = make_executables_folder("a processor")
    assert executables is not None
    (executables / "steps-cache").write_bytes(os.urandom(10**6))
    found = programs_finding().found
    assert found == f"2 traced programs and 1 executables of JAX, 3.0 MB, in {tmp_path / 'programs'}"
    assert "3 traced programs are removed." in doctor("--clear-cache").stdout
    assert not executables.exists()
    assert programs_finding().found.startswith("0 traced programs")


def test_a_folder_of_programs_that_is_not_used_is_worth_knowing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    tmp_path.chmod(0o755)
    assert programs_finding().verdict == "note"
    assert f"chmod 700 {tmp_path}" in programs_finding().found
    monkeypatch.setenv(VARIABLE, "off")
    assert programs_finding().verdict == "ok"
