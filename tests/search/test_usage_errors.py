"""Wrong flags and variables: what is valid, where the value came from, what was probably meant."""

from importlib import import_module
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from search.__main__ import main as program
from search.commands.numbers import Number, WholeNumber, bounds
from search.commands.verbs import VERBS
from spaces.names import nearest_name
from tests.helpers.launches import RunLaunch

PLANNED = ("--space", "bn_dropout", "--n-workers", "0")


def message(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert not any(Path.cwd().glob("search*"))  # nothing was made
    return result.stderr.partition("Error: ")[2].strip()


@pytest.mark.parametrize(
    ("valid", "words"),
    [
        (WholeNumber(1, 256), "from 1 to 256"),
        (WholeNumber(2), "of at least 2"),
        (WholeNumber(0, 1_000_000), "from 0 to 1,000,000"),
        (Number(0, min_open=True), "above 0"),
        (Number(0, 1, min_open=True, max_open=True), "above 0 and below 1"),
        (Number(0, 100, min_open=True), "above 0 and up to 100"),
        (Number(max=3), "of at most 3"),
    ],
)
def test_bounds_are_said_in_words(valid: click.IntRange | click.FloatRange, words: str) -> None:
    assert bounds(valid) == words


@pytest.mark.parametrize("verb", VERBS)
def test_every_number_that_a_command_takes_says_its_bounds_in_words(verb: str) -> None:
    for parameter in import_module(f"search.{verb}").main.params:
        counts = isinstance(parameter, click.Option) and parameter.count
        assert counts or type(parameter.type) not in (click.IntRange, click.FloatRange), parameter.name


def test_a_bad_value_of_the_environment_is_blamed_on_its_variable(cli: RunLaunch) -> None:
    said = message(cli(*PLANNED, env={"SEARCH_EPOCHS": "abc"}))
    assert "the environment variable SEARCH_EPOCHS: 'abc' isn't a whole number from 1 to 100,000" in said
    assert "--epochs" not in said


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--objective", "macro_f2"), "There is no metric 'macro_f2'. Did you mean 'macro_f1'?"),
        (("--report-metrics", "auc,val_accurate"), "There is no metric 'val_accurate'. Did you mean 'val_accuracy'?"),
        (
            ("--dataset", "three.npz", "--objective", "top5"),
            "val_top5 takes 6 classes or more",
        ),
    ],
)
def test_a_metric_that_cannot_be_measured_is_refused(cli: RunLaunch, flags: tuple[str, ...], said: str) -> None:
    images, labels = np.random.default_rng(0).integers(0, 255, (60, 8, 8), np.uint8), np.arange(60) % 3
    np.savez("three.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert said in message(cli(*PLANNED, *flags))


def test_a_class_without_validation_images_is_named_where_a_metric_averages_over_classes(cli: RunLaunch) -> None:
    x, y = np.random.default_rng(0).integers(0, 255, (60, 8, 8), np.uint8), np.arange(60) % 3
    np.savez("lacking.npz", x_train=x, y_train=y, x_test=x, y_test=y, x_val=x[y < 2], y_val=y[y < 2])
    planned = cli(*PLANNED, "--dataset", "lacking.npz", "--report-metrics", "auc", "--dry-run")
    assert "validation has no image of 2: val_auc is that of the other classes" in planned.stderr
    assert "no image of" not in cli(*PLANNED, "--dataset", "lacking.npz", "--dry-run").stderr


def test_of_several_variables_the_one_that_is_set_is_blamed(cli: RunLaunch) -> None:
    said = message(cli(*PLANNED, env={"SEARCH_FORMAT": "xml"}))
    assert "the environment variable SEARCH_FORMAT: 'xml' is not one of 'table', 'json'" in said


def test_a_switch_in_the_environment_is_true_or_false(cli: RunLaunch) -> None:
    said = message(cli(*PLANNED, env={"SEARCH_BASELINES": "maybe"}))
    assert said.endswith("the environment variable SEARCH_BASELINES: 'maybe' is neither true nor false: give 1 or 0.")


def test_a_bad_value_of_a_file_is_blamed_on_the_file(cli: RunLaunch) -> None:
    Path("my.toml").write_text('epochs = "abc"\n')
    said = message(cli(*PLANNED, "--config", "my.toml"))
    assert "Invalid value for 'epochs' in my.toml: 'abc' isn't a whole number" in said


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SEARCH_EPOCH", "SEARCH_EPOCHS"),
        ("SEARCH_N_TRAILS", "SEARCH_N_TRIALS"),
        ("SEARCH_TRIALS", "SEARCH_N_TRIALS"),
        ("SEARCH_THREAD", "SEARCH_THREADS"),  # no flag's
        ("SEARCH_ALLOW_HOSTS", "SEARCH_ALLOW_HOST"),  # another command's
    ],
)
def test_a_variable_that_is_nearly_one_of_ours_is_refused_with_the_one_that_was_meant(
    variable: str, meant: str, cli: RunLaunch
) -> None:
    said = message(cli(*PLANNED, env={variable: "4"}))
    assert f"{variable} is set, which no command reads. Did you mean {meant}?" in said


def test_variables_of_other_commands_and_of_other_programs_are_left_alone(cli: RunLaunch) -> None:
    environment = {"SEARCH_MAX_SEEDS": "9", "SEARCH_ENGINE_KEY": "x", "SEARCH_XLA": "0", "SEARCHING": "1"}
    assert cli(*PLANNED, "--dry-run", env=environment).exit_code == 0


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("--n-trails", "--n-trials"), ("--trials", "--n-trials"), ("--epoch", "--epochs"), ("--batch", "--batch-size")],
)
def test_a_flag_that_there_is_not_names_the_one_that_was_meant(typed: str, meant: str, cli: RunLaunch) -> None:
    assert message(cli(*PLANNED, typed, "3")) == f"There is no flag {typed}. Did you mean {meant}?"


@pytest.mark.parametrize("typed", ["--layers", "--zzz", "--gamma"])
def test_nothing_is_proposed_that_only_shares_some_letters(typed: str, cli: RunLaunch) -> None:
    assert message(cli(*PLANNED, typed, "3")) == f"There is no flag {typed}."


@pytest.mark.parametrize("given", [("--space=bn_dropout",), ("--space", "bn_dropout")])
def test_a_flag_named_as_a_parameter_of_the_space_is_said_to_be_one(given: tuple[str, ...], cli: RunLaunch) -> None:
    said = message(cli(*given, "--dropout-rate", "0.1"))
    assert said.startswith("--dropout-rate isn't a flag, but a parameter of the space bn_dropout: [0.1, 0.6]")
    assert "--timeout" not in said


def test_a_space_in_a_file_is_asked_for_its_parameters_too_and_prints_on_standard_error(cli: RunLaunch) -> None:
    Path("mine.py").write_text(
        "from spaces import Configuration, Space\n"
        "print('hello from the file')\n"
        "def suggest(trial):\n"
        "    trial.suggest_int('width', 8, 32)\n"
        "    return Configuration()\n"
        "space = Space(name='mine', question='?', suggest=suggest)\n"
    )
    result = cli("--space", "mine.py", "--width", "8")
    assert result.stdout == ""
    assert "--width isn't a flag, but a parameter of the space mine: integer in [8, 32]" in message(result)


def test_a_command_that_there_is_not_names_the_one_that_was_meant() -> None:
    result = CliRunner().invoke(program, ["launhc"])
    assert result.exit_code == 2
    assert "There is no command 'launhc'. Did you mean 'launch'?" in result.stderr


def test_names_are_near_by_spelling_or_by_a_word_that_only_one_has() -> None:
    names = ["timeout", "trial-timeout", "n-trials", "output", "limit-train"]
    assert nearest_name("timout", names) == "timeout"
    assert nearest_name("trials", names) == "n-trials"
    assert nearest_name("optimizer", names) is None
    assert nearest_name("", names) is None
