"""`python -m search.spaces` lists what can be searched, and shows a space in full."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from search.spaces import main
from spaces import load_space, space_names

OWN = """
from spaces.configuration import Configuration
from spaces.space import Space

def suggest(trial):
    return Configuration(dense=(trial.suggest_int("units", 8, 64),))

def build(configuration, input_shape, classes):
    raise NotImplementedError

space = Space(name="own", question="How many units?", suggest=suggest)
built = Space(name="built", question="How many units?", suggest=suggest, build=build)
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def test_it_lists_every_space_with_question_parameters_and_baselines() -> None:
    printed = run().output
    for name in space_names():
        space = load_space(name)
        assert f"{name}\n  {space.question}" in printed
        assert ", ".join(baseline.name for baseline in space.baselines) in " ".join(printed.split())
    assert "learning_rate     [0.0001, 1], log scale" in printed


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("arguments", [(), ("cnn",), ("bn_dropout",)])
def test_everything_fits_the_terminal(width: int, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, run(*arguments).output.splitlines())) <= width


def test_one_is_shown_with_its_layers_for_each_combination_of_choices() -> None:
    printed = run("bn_dropout").output
    assert (
        "batch_norm after_activation, dropout_position after_normalization\n    conv 32 -> relu -> batch_norm ->"
        in printed
    )
    assert printed.count("flatten ->") == 3 * 6
    assert "test accuracy 0.785" in printed


def test_where_combinations_are_many_each_choice_is_drawn_by_itself() -> None:
    printed = run("cnn").output
    assert "  batch_norm after_pooling\n    conv 32 -> relu -> max_pool -> batch_norm\n" in printed
    assert "  blocks 1\n    conv 32 -> relu -> max_pool\n    flatten" in printed


def test_json_has_the_same(tmp_path: Path) -> None:
    listed = json.loads(run("-f", "json").output)
    assert [each["name"] for each in listed] == space_names()
    one = json.loads(run("dropout", "-f", "json").output)
    assert one["parameters"]["dropout_rate"] == {"low": 0.1, "high": 0.6, "step": None, "log": False, "integer": False}
    assert one["drawings"][0]["choices"] == {"dropout_position": "none"}
    assert len(one["drawings"]) == 7


@pytest.mark.parametrize(("name", "layers"), [("space", "flatten -> dense"), ("built", "builds its models itself")])
def test_a_space_of_ones_own_is_shown_too(tmp_path: Path, name: str, layers: str) -> None:
    file = tmp_path / "own.py"
    file.write_text(OWN)
    printed = run(f"{file}:{name}").output
    assert "How many units?" in printed
    assert layers in printed


def test_an_unknown_space_is_wrong_usage_and_lists_the_valid_ones() -> None:
    refused = CliRunner().invoke(main, ["bn_dropuot"])
    assert refused.exit_code == 2
    assert "Did you mean 'bn_dropout'? Valid: activation, architecture, bn_dropout" in refused.output


def test_a_part_is_shown_with_the_flags_of_a_launch() -> None:
    printed = run("optimizer", "--only", "optimizer=adam", "--range", "learning_rate=1e-3:1e-2").output
    assert "  optimizer         {adam}\n  learning_rate     [0.001, 0.01], log scale\n" in printed
    assert "momentum" not in printed
    described = json.loads(run("optimizer", "--fix", "optimizer=momentum", "-f", "json").output)
    assert described["parameters"]["optimizer"] == {"choices": ["momentum"]}
    assert "momentum" in described["parameters"]


def test_a_part_is_one_of_a_named_space() -> None:
    refused = CliRunner().invoke(main, ["--only", "optimizer=adam"])
    assert (refused.exit_code, "narrow one SPACE: name it" in refused.output) == (2, True)
