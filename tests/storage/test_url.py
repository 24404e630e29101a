"""What may stand in a storage URL, what is said about the rest, and that looking leaves no trace."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import check_url
from storage.errors import NotAStudyDatabase, StorageUsageError, UrlError
from storage.study import create_study, open_study
from storage.testkit import example_manifest

NOBODY = 65534


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_url("sqlite:///search.db") == f"sqlite:///{tmp_path / 'search.db'}"


def test_checking_creates_nothing(tmp_path: Path, sqlite_url: str) -> None:
    check_url(sqlite_url)
    assert contents(tmp_path) == {}


def test_checking_a_study_in_use_leaves_it_as_it_is(tmp_path: Path, sqlite_url: str) -> None:
    with create_study(sqlite_url, "demo", example_manifest()):
        before = contents(tmp_path)
        check_url(sqlite_url)
        assert contents(tmp_path).keys() == before.keys()
    before = contents(tmp_path)
    check_url(sqlite_url)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_postgres_is_reached_through_psycopg_3(scheme: str) -> None:
    assert check_url(f"{scheme}://user:pa%40ss@host:5433/db") == "postgresql+psycopg://user:pa%40ss@host:5433/db"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "isn't a database URL"),
        ("search.db", "isn't a database URL"),
        ("sqlite:/search.db", "isn't a database URL"),
        ("mysql://user@host/db", "no support for 'mysql'"),
        ("redis://host", "no support for 'redis'"),
        ("sqlite+aiosqlite:///search.db", "no support for 'sqlite\\+aiosqlite'"),
        ("sqlite://", "in memory can't be shared"),
        ("sqlite:///:memory:", "in memory can't be shared"),
        ("sqlite://search.db", "more than a path"),
        ("sqlite:///search.db?mode=ro", "more than a path"),
        ("sqlite:////no/such/place/search.db", "'/no/such/place' of the database 'search.db' doesn't exist"),
        ("sqlite:////tmp", "is a directory"),
        ("postgresql://user@host", "names no database"),
        ("postgresql://user@host:port/db", "isn't a database URL"),
        ("postgresql://user:p@ss@host/db", "has a second @: in a password, write @ as %40"),
        ("postgresql://user@host/db?ssl_mode=require", "no connection option 'ssl_mode'; did you mean 'sslmode'"),
    ],
)
def test_a_bad_url_is_refused_with_what_would_do(url: str, message: str) -> None:
    with pytest.raises(UrlError, match=message):
        check_url(url)


def test_a_url_that_cannot_be_read_is_quoted_without_its_password() -> None:
    with pytest.raises(UrlError) as caught:
        check_url("postgresql://user:secret/with@slash@host:db")
    assert "secret" not in str(caught.value)
    assert "slash" not in str(caught.value)


@pytest.fixture
def foreign_file(tmp_path: Path) -> Path:
    """A SQLite database of something else."""
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.commit()
    connection.close()
    return path


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path, foreign_file: Path) -> None:
    before = contents(tmp_path)
    with pytest.raises(NotAStudyDatabase, match="something other than studies \\(tables: orders\\)"):
        create_study(f"sqlite:///{foreign_file}", "demo", example_manifest())
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "content", [b"not a database, but longer than the magic string", b"short", b"SQLite format 3\x00" + b"\xff" * 2000]
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(NotAStudyDatabase, match="isn't a SQLite database"):
        create_study(f"sqlite:///{path}", "demo", example_manifest())
    assert contents(tmp_path) == {"notes.txt": content}


def test_an_empty_file_will_do(tmp_path: Path) -> None:
    (tmp_path / "search.db").touch()
    with create_study(f"sqlite:///{tmp_path / 'search.db'}", "demo", example_manifest()) as study:
        assert study.created


def test_opening_a_study_in_a_missing_file_creates_nothing(tmp_path: Path, sqlite_url: str) -> None:
    with pytest.raises(StorageUsageError, match="there is no database"):
        open_study(sqlite_url, "demo")
    assert contents(tmp_path) == {}


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that the process can't write, for the test's length: permissions mean nothing to root."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield path
        finally:
            os.seteuid(user)
            path.chmod(0o755)


def test_a_read_only_directory_is_refused(read_only_folder: Path) -> None:
    with pytest.raises(UrlError, match="can't be written: SQLite keeps its log next to the database"):
        check_url(f"sqlite:///{read_only_folder}/search.db")


def test_checking_the_url_leaves_this_process_its_locks_on_the_database(sqlite_url: str) -> None:
    """Closing any file descriptor of a file ends all of the process' locks on it (POSIX). SQLite takes care of its own;
    without the locks, the process that closes the database removes its log although others still write there.
    """
    leave_wal = (
        "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode=DELETE').fetchone())"
    )
    path = sqlite_url.removeprefix("sqlite:///")
    with create_study(sqlite_url, "s", example_manifest()) as shared:
        assert shared.ledger.counts().total == 0
        check_url(sqlite_url)
        other = subprocess.run([sys.executable, "-c", leave_wal, path], capture_output=True, text=True)
    assert "database is locked" in other.stderr
