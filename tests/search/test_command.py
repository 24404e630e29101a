"""The command: where its values come from, what it prints where, its exit codes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from search.commands.cli import Verb, errors_as_exit_codes
from search.commands.config_file import settings
from search.errors import InfrastructureError, SearchFailed, UsageError
from search.host import exit_codes
from search.launch import main
from spaces.errors import SpaceError
from storage import open_study
from storage.errors import StorageUnreachable, StudyNotFound
from tests.helpers.launches import RunLaunch
from tests.helpers.paths import ROOT

PLANNED = ("--space", "bn_dropout", "--n-workers", "0")


def manifest_of(study: str = "bn_dropout-digits") -> Any:
    with open_study("sqlite:///search.db", study) as shared:
        return shared.manifest


def test_an_interrupt_that_a_library_makes_another_error_of_is_still_one() -> None:
    """As modules in C do that are interrupted while they are imported."""

    def initialize() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        ended = CliRunner().invoke(Verb("launch", callback=initialize), [])
        assert (ended.exit_code, ended.output) == (130, "")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_dry_run_says_what_it_would_do_and_does_nothing(cli: RunLaunch) -> None:
    result = cli("--space", "bn_dropout", "--n-trials", 7, "--dry-run")
    assert result.exit_code == 0
    assert "7 trials of up to 10 epochs, sampler tpe, pruner asha, seed 0" in result.stderr
    assert "Nothing was done" in result.stderr
    assert result.stdout == ""
    assert not list(Path.cwd().iterdir())


def test_json_is_all_that_is_on_standard_output(cli: RunLaunch) -> None:
    result = cli(*PLANNED, "-f", "json")
    assert json.loads(result.stdout)["trials"]["waiting"] == 40


def test_quiet_leaves_standard_error_empty(cli: RunLaunch) -> None:
    assert cli(*PLANNED, "-q").stderr == ""


def test_a_flag_comes_before_the_environment_before_the_file_before_the_default(cli: RunLaunch) -> None:
    Path("my.toml").write_text("epochs = 21\nbatch-size = 22\nseed = 23\n")
    environment = {"SEARCH_EPOCHS": "31", "SEARCH_BATCH_SIZE": "32"}
    result = cli(*PLANNED, "--config", "my.toml", "--epochs", 41, env=environment)
    assert result.exit_code == 0, result.output
    manifest = manifest_of()
    assert (manifest.epochs, manifest.batch_size, manifest.seed) == (41, 32, 23)
    assert (manifest.sampler, manifest.pruner) == ("tpe", "asha")


@pytest.mark.parametrize("variable", ["SEARCH_STORAGE", "OPTUNA_STORAGE"])
def test_the_storage_can_come_from_the_environment(variable: str, cli: RunLaunch) -> None:
    assert cli(*PLANNED, env={variable: "sqlite:///other.db"}).exit_code == 0
    assert Path("other.db").exists()
    assert not Path("search.db").exists()


def test_the_environment_chooses_the_format_too(cli: RunLaunch) -> None:
    assert json.loads(cli(*PLANNED, env={"SEARCH_FORMAT": "json"}).stdout)


def test_a_file_can_set_every_flag_by_its_name(cli: RunLaunch) -> None:
    assert {"format", "n-trials", "storage", "dry-run", "trial-timeout"} <= settings(main).keys()
    Path("my.toml").write_text('format = "json"\nn_trials = 3\nspace = "bn_dropout"\nn-workers = 0\n')
    assert json.loads(cli("--config", "my.toml").stdout)["trials"]["waiting"] == 3


def test_what_a_later_launch_does_not_say_is_as_in_the_study(cli: RunLaunch) -> None:
    cli(*PLANNED, "--n-trials", 4, "--epochs", 3, "--sampler", "random", "--seed", 9, "--dataset", "digits")
    result = cli(*PLANNED, "--n-trials", 6, "-f", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["trials"]["waiting"] == 6
    assert "continues the study as it is, 2 trials more" in result.stderr
    assert manifest_of().epochs == 3


def test_the_precision_is_a_setting_of_the_study(cli: RunLaunch) -> None:
    result = cli(*PLANNED, env={"SEARCH_PRECISION": "mixed_bfloat16"})
    assert "10 epochs in mixed_bfloat16" in result.stderr
    assert manifest_of().precision == "mixed_bfloat16"
    assert cli(*PLANNED, "--n-trials", 50).exit_code == 0
    assert manifest_of().precision == "mixed_bfloat16"


def test_a_study_that_was_made_but_never_filled_gets_the_default_number_of_trials(cli: RunLaunch) -> None:
    cli(*PLANNED)
    from storage import create_study

    with create_study("sqlite:///search.db", "empty", manifest_of()):
        pass
    result = cli(*PLANNED, "--study-name", "empty", "-f", "json")
    assert json.loads(result.stdout)["trials"]["waiting"] == 40


@pytest.mark.parametrize("name", ["a/b", "v1.2", "../up", "größe"])
def test_a_study_can_have_any_name(name: str, cli: RunLaunch) -> None:
    result = cli(*PLANNED, "--study-name", name, "-f", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["study_name"] == name
    assert {path.name for path in Path.cwd().iterdir()} <= {"search.db", "search.db.lock", "search-artifacts"}


def test_the_password_is_not_in_the_stored_command(cli: RunLaunch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["launch", "--storage", "sqlite:///secret.db", "--space", "bn_dropout"])
    cli(*PLANNED)
    assert manifest_of().command == "python -m search.launch --space bn_dropout"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("wrong"), 2),
        (SpaceError("wrong"), 2),
        (StudyNotFound("wrong"), 2),
        (SearchFailed("nothing worked"), 1),
        (StorageUnreachable("away"), 3),
        (InfrastructureError("broken"), 3),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_an_error_has_its_exit_code_and_one_message(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, errors_as_exit_codes():
        raise error
    assert ended.value.code == code
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"Error: {error}.\n" if str(error) else "")


def test_the_exit_codes_have_names() -> None:
    names = ("EXIT_DONE", "EXIT_FAILED", "EXIT_USAGE", "EXIT_STORAGE", "EXIT_UNFINISHED", "EXIT_INTERRUPTED")
    assert [getattr(exit_codes, name) for name in names] == [0, 1, 2, 3, 75, 130]


def test_a_file_name_in_a_message_keeps_its_case() -> None:
    @click.command(cls=Verb)
    def fails() -> None:
        raise UsageError("own.npz lacks y_train")

    assert CliRunner().invoke(fails).stderr == "Error: own.npz lacks y_train.\n"


def test_help_has_examples_and_loads_neither_keras_nor_a_database() -> None:
    script = (
        "import sys; from search.launch import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'keras', 'tensorflow', 'optuna', 'sqlalchemy', 'sklearn'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Examples:\n  python -m search.launch --space bn_dropout" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", ["launch", "worker"])
def test_every_flag_explains_itself(verb: str) -> None:
    command = __import__(f"search.{verb}", fromlist=["main"]).main
    assert [option.name for option in command.params if not option.help] == []
