"""The benchmark behind the tables of docs/statistics.md runs, and prints what they show."""

import json
import subprocess
import sys

from tests.helpers.paths import ROOT


def test_the_benchmark_prints_its_tables() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "benchmarks" / "coverage.py"), "--smoke"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert {row["n"] for row in result["coverage"]} == {5, 8}
    for table in ("coverage", "wrong_differences", "wrong_equivalences", "until_decided", "power_until_decided"):
        assert all(0 <= value <= 30 for row in result[table] for value in row.values() if isinstance(value, float))
