"""Whatever is typed, or stands in a file of flags: an answer, or exit code 2 with a sentence and nothing made."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.__main__ import main
from search.commands.config_file import flag_values
from search.commands.values import may_be_empty
from search.commands.verbs import VERBS
from search.errors import UsageError
from search.launch import main as launch
from search.study.folders import study_root
from search.study.location import Places, typed_places
from search.study.study_name import require_study_name
from storage import check_url, hide_password
from storage.errors import StorageUsageError
from tests.helpers.paths import ROOT

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# What has gone wrong before, in one place or another.
HOSTILE = st.sampled_from(
    ["\0", "\udce9", "日本" * 100, "a" * 300, "a" * 5000, "\x1b[2J", "..", "/", "%", "%00", "~", "~x", ":", "[", "nan"]
)
VALUES = st.lists(HOSTILE | st.text(max_size=9), min_size=1, max_size=3).map("".join)


def refused(done: Result) -> bool:
    """Whether it ended with code 2 and a sentence."""
    return done.exit_code == 2 and "Error: " in done.stderr and "Traceback" not in done.stderr


def planned(*arguments: object) -> Result:
    """A dry run of a launch; whatever it raises besides SystemExit is raised here."""
    return CliRunner().invoke(
        launch, ["--space", "bn_dropout", "--dry-run", *map(str, arguments)], catch_exceptions=False
    )


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "10000")


@pytest.mark.parametrize("name", ["日" * 35, "a" * 300, "é" * 40, "." * 100, "a\0b", "a\nb", "caf\udce9", "/" * 80])
def test_a_name_that_no_folder_can_have_is_refused_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(launch, ["--space", "bn_dropout", "--n-workers", "0", "--study-name", name])
    assert refused(done), done.output
    assert list(tmp_path.iterdir()) == []


@given(st.text(st.characters(), min_size=1) | HOSTILE)
@MANY
def test_every_other_name_is_that_of_a_folder(tmp_path: Path, name: str) -> None:
    try:
        require_study_name(name)
    except UsageError as error:
        assert "--study-name" in str(error)  # noqa: PT017  most of them are fine
    else:
        root = study_root(tmp_path, name)
        root.mkdir()
        (tmp_path / f"checkpoint-{root.name}-00007-1234.npz").touch()
        assert root.parent == tmp_path
        root.rmdir()


URL_PARTS = st.lists(
    HOSTILE
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["@", "?", "u:p@", "x.db", "host", ":5432", ":99999999", "[::1]", "&", "password=p", "file:"]),
    max_size=6,
)
SCHEMES = st.sampled_from(
    ["sqlite://", "sqlite:///", "sqlite:////", "postgresql://", "postgres://u:p@", "mysql://", ""]
)


@given(SCHEMES, URL_PARTS)
@MANY
def test_any_url_is_taken_or_refused_with_a_sentence(scheme: str, parts: list[str]) -> None:
    url = scheme + "".join(parts)
    hide_password(url.encode(errors="replace").decode())
    try:
        full = check_url(url)
    except StorageUsageError as error:
        assert len(str(error)) > 20  # noqa: PT017  some of them are fine
    else:
        assert full.startswith(("sqlite:////", "postgresql+psycopg://"))


@pytest.mark.parametrize("url", ["sqlite://u:p@/x.db", "sqlite://:1/x.db", "sqlite://u@/x.db", "sqlite://h/x.db"])
def test_what_a_sqlite_url_cannot_have_is_refused(tmp_path: Path, url: str) -> None:
    done = planned("--storage", url)
    assert refused(done), done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", ["--timeout", "--trial-timeout", "--trial-memory", "--trainer-memory", "--outage"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "1e300", "NaN"])
def test_a_number_that_is_none_is_refused_by_every_flag(flag: str, value: str) -> None:
    done = planned(flag, value)
    assert refused(done)
    assert flag in done.stderr


@pytest.mark.parametrize(
    "space", ["~x.py", "~x.py:y", "..:x", ":x", "x:", "a b:c", "a" * 300 + ".py", "é.é:x", "os:path"]
)
def test_a_reference_to_no_space_is_refused(space: str) -> None:
    assert refused(planned("--space", space))


@given(st.sampled_from([f for o in launch.params for f in o.opts if f.startswith("--")]), VALUES)
@MANY
def test_any_value_of_any_flag_is_taken_or_refused(tmp_path: Path, flag: str, value: str) -> None:
    done = planned(f"{flag}={value}")
    assert done.exit_code == 0 or refused(done), done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"dashboard", "doctor"}))
@pytest.mark.parametrize("value", ["\0", "caf\udce9", "a" * 5000])
def test_every_command_refuses_text_that_nothing_can_hold(tmp_path: Path, verb: str, value: str) -> None:
    command: Any = main.get_command(None, verb)  # type: ignore[arg-type]
    for option in command.params:
        flags = [flag for flag in option.opts if flag.startswith("--")]
        if flags and not option.is_flag and not option.count:
            done = CliRunner().invoke(command, [f"{flags[0]}={value}"], catch_exceptions=False)
            assert refused(done), (flags, done.output)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"dashboard", "doctor"}))
def test_every_command_refuses_what_a_shell_makes_of_a_variable_that_isnt_set(tmp_path: Path, verb: str) -> None:
    command: Any = main.get_command(None, verb)  # type: ignore[arg-type]
    for option in command.params:
        flags = [flag for flag in option.opts if flag.startswith("--")]
        if flags and not option.is_flag and not option.count and not may_be_empty(option):
            for typed in ([f"{flags[0]}="], [flags[0], ""], [flags[0], " "]):
                done = CliRunner().invoke(command, typed, catch_exceptions=False)
                assert refused(done), (typed, done.output)
                assert f"{flags[0]} has an empty value" in done.output
    assert list(tmp_path.iterdir()) == []


CONFIGS = {
    "a list": ("n-trials = [1]", "n-trials is a list, and has to be one number or text"),
    "a date": ("n-trials = 2020-01-01", "n-trials is a date or time"),
    "a time": ("timeout = 07:32:00", "timeout is a date or time"),
    "a table": ("[n-trials]\nx = 1", "n-trials is a table"),
    "true": ("n-trials = true", "n-trials is true or false"),
    "a fraction": ("n-trials = 1.5", "'1.5' isn't a whole number"),
    "text for a switch": ('dry-run = "no"', "dry-run is text, and has to be true or false"),
    "a number for a switch": ("dry-run = 0", "dry-run is a number"),
    "true for a count": ("verbose = true", "verbose is true or false, and has to be a whole number"),
    "nan": ("timeout = nan", "isn't a finite number"),
    "inf": ("timeout = inf", "isn't a finite number"),
    "brackets": ("n-trials = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    "tables": ("a = " + "{a = " * 3000 + "1" + "}" * 3000, "my.toml"),
    "digits": ("n-trials = " + "9" * 5000, "my.toml"),
    "NUL": ('space = "a\\u0000b"', "text without NUL"),
    "NUL in a path": ('artifacts = "a\\u0000b"', "text without NUL"),
    "an empty name": ('study-name = ""', "study-name has an empty value"),
    "itself": ('config = "my.toml"', "There is no setting 'config'"),
}


@pytest.mark.parametrize(("text", "message"), CONFIGS.values(), ids=CONFIGS)
def test_a_wrong_file_of_flags_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "my.toml").write_text(text)
    done = planned("--config", "my.toml")
    assert refused(done), done.output
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["my.toml"]


@pytest.mark.parametrize("content", [b"\xff\xfe\0", b"n-trials = \xe9", b"\0", b"a" * 2**21])
def test_a_file_that_holds_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "my.toml").write_bytes(content)
    assert refused(planned("--config", "my.toml"))


def test_a_file_of_flags_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("n-trials = 7\ngpus = 0\ntimeout = 5\nverbose = 1", encoding="utf-8-sig")
    assert planned("--config", "my.toml", "--gpus", "none").exit_code == 0


TOML = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=9)
    | st.dates()
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from([*launch.params]).map(lambda option: str(option.name)), TOML, max_size=3))
def test_values_of_a_file_are_taken_as_text_or_refused(document: dict[str, object]) -> None:
    try:
        taken = flag_values(launch, document)
    except ValueError as error:
        assert len(str(error)) > 20  # noqa: PT017  some of them are fine
    else:
        assert {type(value) for value in taken.values()} <= {str, bool, int, list}


def test_a_folder_that_is_not_utf_8_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(bytes(tmp_path / "caf") + b"\xe9"))
    odd.mkdir()
    command = [sys.executable, "-m", "search.launch", "--space", "bn_dropout", "--n-workers", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for flags in ((), ("--storage", f"sqlite:///{tmp_path}/search.db", "--artifacts", "mine")):
        done = subprocess.run([*command, *flags], cwd=odd, env=environment, capture_output=True, text=True)
        assert done.returncode == 2, done.stderr
        assert "isn't UTF-8" in done.stderr
        assert "Traceback" not in done.stderr
    assert list(odd.iterdir()) == []
    assert list(tmp_path.iterdir()) == [odd]


def test_files_are_as_private_as_the_umask_says(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "search.launch", "--space", "bn_dropout", "--n-trials", "1", "--epochs", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name, umask, forbidden in (("private", 0o077, 0o077), ("shared", 0o007, 0o007)):
        folder = tmp_path / name
        folder.mkdir()
        subprocess.run([*command, "-q"], cwd=folder, env=environment, umask=umask, capture_output=True, check=True)
        made = list(folder.rglob("*"))
        assert {"search.db", "logs", "models"} <= {path.name for path in made}
        assert [path for path in made if path.stat().st_mode & forbidden] == []


HUNTER = "hunter2"


@pytest.mark.parametrize("url", [f"postgresql://me:{HUNTER}\udcff@h/d", f"me:{HUNTER}@h/" + "d" * 5000])
def test_a_url_that_can_t_be_used_is_refused_without_its_password(url: str) -> None:
    for verb in ("status", "best", "launch", "worker", "confirm"):
        done = CliRunner().invoke(main, [verb, "--storage", url, "--study-name", "x"])
        assert HUNTER not in done.output, done.output
        assert done.exit_code == 2
    with pytest.raises(StorageUsageError) as caught:
        check_url(url)
    assert HUNTER not in str(caught.value)


def test_a_url_in_a_file_of_flags_is_refused_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "flags.toml").write_text(f'storage = "postgresql://me:{HUNTER}\\u0000@h/d"')
    done = CliRunner().invoke(main, ["status", "--config", "flags.toml"])
    assert refused(done), done.output
    assert HUNTER not in done.output


def test_names_that_are_typed_stay_names_whatever_files_are_there(tmp_path: Path) -> None:
    for name in ("cnn", "digits", "own"):
        (tmp_path / name).mkdir()
    (tmp_path / "own.py").touch()
    assert typed_places("cnn", "digits") == Places("cnn", "digits")
    assert typed_places("own.py:space", "own") == Places(f"{tmp_path}/own.py:space", f"{tmp_path}/own")
    assert typed_places("own.py", None) == Places(f"{tmp_path}/own.py", None)


@given(VALUES)
@MANY
def test_a_place_that_is_typed_is_taken_or_refused_with_a_sentence(value: str) -> None:
    for space, dataset in ((value, None), (f"{value}.py:space", None), (None, value)):
        with contextlib.suppress(UsageError):
            typed_places(space, dataset)
    assert typed_places(value, None).space != str(Path.cwd())
