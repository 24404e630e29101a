"""What the tests of designed comparisons share: a database, and workers in this process whose trainer is a stub."""

from pathlib import Path

import pytest

from tests.helpers.comparisons import Comparisons


@pytest.fixture
def comparisons(tmp_path: Path, sqlite_with_tables_url: str, capsys: pytest.CaptureFixture[str]) -> Comparisons:
    return Comparisons(sqlite_with_tables_url, tmp_path, capsys)
