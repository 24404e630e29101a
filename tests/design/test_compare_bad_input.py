"""Comparisons that can't be carried out: what is wrong and what is valid is said, with exit code 2; nothing is made."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from search.compare import main
from search.confirm import main as confirm

RELU, TANH = '{"activation": "relu"}', '{"activation": "tanh"}'


@dataclass(frozen=True)
class Bad:
    """Arguments, the words that the answer must have, and files that lie there."""

    arguments: tuple[str, ...]
    words: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)


AXIS = ("--space", "bn_dropout", "--axis", "batch_norm")
ARMS = ("--arms", "a.json", "b.json")
BAD = {
    "unknown axis": Bad(
        ("--space", "bn_dropout", "--axis", "batchnorm"),
        ("batchnorm", "optimizer", "batch_norm", "dropout_position", "dropout_rate"),
    ),
    "one arm by choice": Bad((*AXIS, "--choices", "none"), ("two arms or more", "before_activation")),
    "one arm in a file": Bad(("--arms", "a.json"), ("two arms or more", "--arms names 1"), {"a.json": RELU}),
    "one seed": Bad((*AXIS, "--seeds", "1"), ("--seeds 1", "one replicate can't tell", "7 to decide")),
    "data sets that differ": Bad(
        ARMS,
        ("different data sets", "a on digits, b on mnist"),
        {
            "a.json": f'{{"dataset": "digits", "configuration": {RELU}}}',
            "b.json": f'{{"dataset": "mnist", "configuration": {TANH}}}',
        },
    ),
    "a data set that isn't the arms'": Bad(
        (*ARMS, "--dataset", "mnist"),
        ("for the data set digits, and --dataset is mnist",),
        {"a.json": f'{{"dataset": "digits", "configuration": {RELU}}}', "b.json": TANH},
    ),
    "arms that are the same": Bad(ARMS, ("the same configuration",), {"a.json": RELU, "b.json": RELU}),
    "no configuration": Bad(
        ARMS, ("a.json can't be read", "activaton"), {"a.json": '{"activaton": 1}', "b.json": RELU}
    ),
    "nothing to compare": Bad((), ("nothing to compare", "--axis", "--arms", "--published")),
    "two ways at once": Bad((*AXIS, "--published", "bn-and-dropout"), ("--axis and --published can't go together",)),
    "no such article": Bad(
        ("--published", "bn-and-dropuot"), ("bn-and-dropuot", "bn-and-dropout", "mnist-memorisation")
    ),
    "the axis fixed": Bad((*AXIS, "--fix", "batch_norm=none"), ("it is the axis, whose choices are the arms",)),
    "others searched without tuning": Bad(
        (*AXIS, "--only", "optimizer=adam", "--range", "learning_rate=1e-4:1e-3"),
        ("--only optimizer, --range learning_rate", "give it with --fix"),
    ),
    "a parameter set twice": Bad(
        (*AXIS, "--set", "optimizer=adam", "--fix", "optimizer=sgd"), ("--set and --fix both give optimizer",)
    ),
    "no such choice left": Bad((*AXIS, "--only", "batch_norm=nowhere"), ("nowhere", "before_activation")),
    "a narrowed file": Bad(
        (*ARMS, "--fix", "optimizer=adam"), ("--fix can't go with --arms",), {"a.json": RELU, "b.json": TANH}
    ),
    "no such baseline": Bad((*AXIS, "--at", "baseline:bse"), ("bse", "base", "dropout")),
    "no such place": Bad((*AXIS, "--at", "top"), ("baseline, baseline:NAME, best, or trial:N",)),
    "no such search": Bad((*AXIS, "--at", "best"), ("there is no database",)),
    "a number without values": Bad(("--space", "bn_dropout", "--axis", "dropout_rate"), ("--choices 0.1,0.5",)),
    "an axis that decides nothing": Bad(
        ("--space", "bn_dropout", "--axis", "dropout_rate", "--choices", "0.2,0.5"), ("the same configuration", "--at")
    ),
    "a value out of range": Bad((*AXIS, "--set", "learning_rate=7"), ("learning_rate = 7", "[0.0001, 1]")),
    "a setting without a value": Bad((*AXIS, "--set", "learning_rate"), ("NAME=VALUE",)),
    "a setting that nothing asks for": Bad((*AXIS, "--set", "momentum=0.9"), ("momentum decides nothing",)),
    "the axis set": Bad((*AXIS, "--set", "batch_norm=none"), ("it is the axis",)),
    "a choice twice": Bad((*AXIS, "--choices", "none,none"), ("none twice",)),
    "too few at most": Bad((*AXIS, "--until-decided", "--seeds", "8", "--max-seeds", "8"), ("leaves nothing to add",)),
    "at most of nothing": Bad((*AXIS, "--max-seeds", "8"), ("goes with --until-decided",)),
    "any time without looks": Bad((*AXIS, "--anytime"), ("goes with --until-decided",)),
    "files without a flag": Bad(("a.json",), ("after --arms",), {"a.json": RELU}),
    "no folder for the page": Bad((*AXIS, "-o", "none/page.md"), ("none doesn't exist",)),
    "a page of another kind": Bad((*AXIS, "-o", "t.tex"), ("-o t.tex", "which is Markdown, ends in .md", "t.md")),
    "a page that is there": Bad((*AXIS, "-o", "mine.md"), ("mine.md exists already: give --force",), {"mine.md": "my"}),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=list(BAD))
def test_what_cannot_be_compared_is_refused_before_anything_is_made(
    bad: Bad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("SEARCH_", "OPTUNA_"))]:
        monkeypatch.delenv(name)
    for name, text in bad.files.items():
        (tmp_path / name).write_text(text)
    told = CliRunner().invoke(main, list(bad.arguments), catch_exceptions=False)
    assert told.exit_code == 2, told.output
    assert [word for word in bad.words if word not in told.output] == []
    assert {path.name for path in tmp_path.iterdir()} == set(bad.files)


def test_there_is_nothing_to_confirm_in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(confirm, [], catch_exceptions=False)
    assert told.exit_code == 2, told.output
    assert "there is no" in told.output
    assert list(tmp_path.iterdir()) == []


def test_too_few_seeds_for_any_verdict_are_said_up_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(main, [*AXIS, "--seeds", "5", "--dry-run"], catch_exceptions=False)
    assert told.exit_code == 0
    assert "5 replicates can't decide anything between 3 arms, whatever the scores: that takes 7" in told.output
    assert list(tmp_path.iterdir()) == []
