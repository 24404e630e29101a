"""What a container may use is what is counted: control groups of both versions, as files of a made-up system."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from search.host import cgroup, machine
from search.host.cgroup import Limits, container_limits
from search.host.examination import memory_finding

GB = 10**9


def system(root: Path, groups: str, **files: str) -> Path:
    """A system with these groups of this process, and with files by their path below sys/fs/cgroup."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, content in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def test_a_container_of_version_2_has_its_own_files_at_the_top(tmp_path: Path) -> None:
    files = {
        "cpu.max": "150000 100000\n",
        "memory.max": f"{4 * GB}\n",
        "memory.current": f"{3 * GB}\n",
        "memory.stat": f"anon {GB}\ninactive_file {2 * GB}\n",
    }
    assert container_limits(system(tmp_path, "0::/\n", **files)) == Limits(1.5, 4 * GB, 3 * GB)


def test_of_nested_groups_the_tightest_counts(tmp_path: Path) -> None:
    files = {
        "user/job/cpu.max": "max 100000",
        "user/cpu.max": "200000 100000",
        "user/job/memory.max": "max",
        "user/memory.max": str(8 * GB),
        "user/memory.current": str(2 * GB),
    }
    assert container_limits(system(tmp_path, "0::/user/job\n", **files)) == Limits(2.0, 8 * GB, 6 * GB)


@pytest.mark.parametrize("visible", [True, False])
def test_a_container_of_version_1_may_not_see_the_path_of_its_group(tmp_path: Path, visible: bool) -> None:
    inside = "docker/abc/" if visible else ""
    files = {
        f"cpu,cpuacct/{inside}cpu.cfs_quota_us": "50000",
        f"cpu,cpuacct/{inside}cpu.cfs_period_us": "100000",
        f"memory/{inside}memory.limit_in_bytes": str(2 * GB),
        f"memory/{inside}memory.usage_in_bytes": str(GB),
        f"memory/{inside}memory.stat": f"total_inactive_file {GB // 2}",
    }
    groups = "4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n0::/\n"
    assert container_limits(system(tmp_path, groups, **files)) == Limits(0.5, 2 * GB, 3 * GB // 2)


def test_without_limits_there_are_none(tmp_path: Path) -> None:
    files = {
        "cpu/cpu.cfs_quota_us": "-1",
        "cpu/cpu.cfs_period_us": "100000",
        "memory/memory.limit_in_bytes": "9223372036854771712",
        "memory/memory.usage_in_bytes": str(GB),
    }
    assert container_limits(system(tmp_path / "one", "4:cpu:/\n3:memory:/\n", **files)) == Limits()
    assert container_limits(tmp_path / "nothing there") == Limits()


@pytest.mark.parametrize(
    ("limits", "workers"), [(Limits(0.5), 1), (Limits(2.9), 2), (Limits(8.0, 4 * GB, 3 * GB + 1), 2), (Limits(), 64)]
)
def test_workers_are_counted_by_what_the_container_may_use(
    monkeypatch: pytest.MonkeyPatch, limits: Limits, workers: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=500 * GB, total=512 * GB))
    for module in (machine, cgroup):
        monkeypatch.setattr(module, "container_limits", lambda: limits)
    monkeypatch.delenv("SEARCH_PROCESSORS", raising=False)
    monkeypatch.delenv("SEARCH_THREADS", raising=False)
    assert machine.default_workers() == workers
    assert machine.threads_each() == max(1, min(64, int(limits.processors or 64)))


def test_the_doctor_tells_of_the_containers_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (machine, cgroup):
        monkeypatch.setattr(module, "container_limits", lambda: Limits(1.0, GB, GB // 2))
    finding = memory_finding()
    assert finding.verdict == "problem"
    assert finding.found.startswith("0.5 of 1.0 GB free, which is what this container may use of ")
