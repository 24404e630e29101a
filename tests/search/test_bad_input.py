"""Bad input: a message that says what was wrong, what is valid and what to do; exit code 2; nothing created or lost."""

import importlib.util
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.launch import main
from storage import open_study
from storage.differences import flag_of
from storage.manifest import IDENTITY
from tests.helpers.launches import RunLaunch

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Bad:
    """Arguments that can't be carried out, the words that the answer must have, and the files that must lie there."""

    arguments: tuple[str, ...]
    words: tuple[str, ...]
    make: Make = Path.exists


def space_file(text: str) -> Make:
    return lambda folder: (folder / "mine.py").write_text(text)


def npz(**arrays: Any) -> Make:
    return lambda folder: np.savez(folder / "own.npz", allow_pickle=False, **arrays)


def text_file(name: str, text: str) -> Make:
    return lambda folder: (folder / name).write_text(text)


def database_of_something_else(folder: Path) -> None:
    with sqlite3.connect(folder / "other.db") as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def corrupt_image(folder: Path) -> None:
    for label in ("cats", "dogs"):
        (folder / "pets" / label).mkdir(parents=True)
        for number in range(12):
            Image.new("L", (16, 16), number).save(folder / "pets" / label / f"{number}.png")
    (folder / "pets" / "dogs" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno image at all")


def no_images(folder: Path) -> None:
    (folder / "pets" / "cats").mkdir(parents=True)
    (folder / "pets" / "notes.txt").write_text("no images yet")


IMAGES = np.arange(40 * 64, dtype=np.uint8).reshape(40, 8, 8)
LABELS = np.arange(40) % 2
NAN_IMAGES = np.where(np.arange(64).reshape(8, 8) == 3, np.nan, np.float32(0.5)) * np.ones((40, 1, 1), np.float32)

SPACE = """
from spaces import Configuration, Space
from spaces.configuration import Optimizer

def suggest(trial):
    {body}

space = Space(name="mine", question="Which?", suggest=suggest)
"""

ONE_RATE = 'return Configuration(optimizer=Optimizer("adam", trial.suggest_float("lr", 0.1, 1)))'

ON_OWN = ("--space", "bn_dropout", "--dataset", "own.npz")
ON_MINE = ("--space", "mine.py:space")
BN = ("--space", "bn_dropout")

TABLE: Mapping[str, Bad] = {
    "unknown space": Bad(("--space", "bn_dropot"), ("'bn_dropot'", "Did you mean 'bn_dropout'", "Valid: ")),
    "unknown data set": Bad(
        (*BN, "--dataset", "cifar"), ("'cifar'", "Did you mean 'cifar", "digits, mnist, fashion_mnist", ".npz")
    ),
    "unknown sampler": Bad((*BN, "--sampler", "tpee"), ("sampler 'tpee'", "'tpe'", "random, qmc, cmaes, gp, grid")),
    "unknown pruner": Bad((*BN, "--pruner", "medain"), ("pruner 'medain'", "'median'", "asha, asha-stop, median")),
    "unknown objective": Bad((*BN, "--objective", "acurracy"), ("metric 'acurracy'", "'accuracy'", "macro_f1, auc")),
    "no space": Bad((), ("--space",)),
    "unknown flag": Bad((*BN, "--trials", "3"), ("--trials", "--n-trials")),
    "flag that is a parameter of the space": Bad(
        (*BN, "--optimizer", "adam"), ("--optimizer isn't a flag", "parameter of the space bn_dropout", "adadelta")
    ),
    "no trials": Bad((*BN, "--n-trials", "0"), ("--n-trials", "'0' isn't a whole number from 1 to 1,000,000")),
    "negative trials": Bad((*BN, "--n-trials", "-3"), ("--n-trials", "'-3' isn't a whole number from 1")),
    "too many trials": Bad((*BN, "--n-trials", "1000000000"), ("--n-trials", "'1000000000' isn't", "to 1,000,000.")),
    "trials in scientific notation": Bad((*BN, "--n-trials", "1e9"), ("--n-trials", "'1e9' isn't a whole number")),
    "trials in letters": Bad((*BN, "--n-trials", "abc"), ("--n-trials", "'abc' isn't a whole number")),
    "no epochs": Bad((*BN, "--epochs", "0"), ("--epochs", "'0' isn't a whole number from 1")),
    "no batch": Bad((*BN, "--batch-size", "0"), ("--batch-size", "'0' isn't a whole number from 1")),
    "no precision": Bad((*BN, "--precision", "float64"), ("--precision", "float32", "mixed_bfloat16", "mixed_float16")),
    "no time": Bad((*BN, "--timeout", "0"), ("--timeout", "'0' isn't a number above 0")),
    "storage that is no URL": Bad((*BN, "--storage", "search.db"), ("'search.db'", "valid are sqlite:///search.db")),
    "storage of an unknown scheme": Bad(
        (*BN, "--storage", "mysql://me:secret@host/db"), ("mysql", "valid are sqlite:///search.db", "postgresql://")
    ),
    "storage in a missing folder": Bad(
        (*BN, "--storage", "sqlite:///missing/search.db"), ("missing", "doesn't exist", "create it")
    ),
    "storage in a file": Bad(
        (*BN, "--storage", "sqlite:///notes/search.db"), ("notes", "doesn't exist"), text_file("notes", "a file")
    ),
    "storage that is a folder": Bad(
        (*BN, "--storage", "sqlite:///pets"), ("is a directory", "name a file in it"), no_images
    ),
    "storage that is no database": Bad(
        (*BN, "--storage", "sqlite:///notes.txt"),
        ("notes.txt", "isn't a SQLite database", "name another file"),
        text_file("notes.txt", "a shopping list, longer than sixteen bytes"),
    ),
    "storage of something else": Bad(
        (*BN, "--storage", "sqlite:///other.db"),
        ("other.db", "something other than studies", "recipes", "another database"),
        database_of_something_else,
    ),
    "npz that is missing": Bad(ON_OWN, ("own.npz",)),
    "npz without labels": Bad(ON_OWN, ("lacks y_train", "x_train"), npz(x_train=IMAGES)),
    "npz with fewer labels": Bad(ON_OWN, ("40", "39", "label"), npz(x_train=IMAGES, y_train=LABELS[1:])),
    "npz with one class": Bad(ON_OWN, ("class",), npz(x_train=IMAGES, y_train=LABELS * 0)),
    "npz with NaN pixels": Bad(ON_OWN, ("finite",), npz(x_train=NAN_IMAGES, y_train=LABELS)),
    "npz of the wrong rank": Bad(ON_OWN, ("x_train", "shape"), npz(x_train=IMAGES[0], y_train=LABELS[:8])),
    "npz that is none": Bad(ON_OWN, ("own.npz", "np.savez"), text_file("own.npz", "no archive")),
    "folder without images": Bad((*BN, "--dataset", "pets"), ("pets", "image"), no_images),
    "folder with a corrupt image": Bad(
        (*BN, "--dataset", "pets"), ("broken.png", "can't be read", "Repair it or take it out"), corrupt_image
    ),
    "space file that is missing": Bad(ON_MINE, ("mine.py", "doesn't exist")),
    "space file that doesn't import": Bad(
        ON_MINE, ("mine.py doesn't import", "no_such_package", "line 1"), space_file("import no_such_package")
    ),
    "space file with a mistake": Bad(ON_MINE, ("mine.py doesn't import", "SyntaxError"), space_file("def (:")),
    "space file without the name": Bad(
        ("--space", "mine.py:spice"), ("'spice'", "'space'"), space_file(SPACE.format(body="return Configuration()"))
    ),
    "space that is none": Bad(ON_MINE, ("not a Space",), space_file("space = 3")),
    "space that suggests nothing": Bad(
        ON_MINE, ("returned None", "Configuration"), space_file(SPACE.format(body="return None"))
    ),
    "space that raises": Bad(
        ON_MINE, ("ZeroDivisionError", "mine.py, line"), space_file(SPACE.format(body="return 1 / 0"))
    ),
    "space with an unknown optimizer": Bad(
        ON_MINE,
        ("'adm'", "adam", "sgd"),
        space_file(SPACE.format(body='return Configuration(optimizer=Optimizer("adm"))')),
    ),
    "config that is missing": Bad((*BN, "--config", "my.toml"), ("my.toml", "does not exist")),
    "config with an unknown key": Bad(
        (*BN, "--config", "my.toml"),
        ("'n-trails'", "Did you mean 'n-trials'", "Valid: "),
        text_file("my.toml", "n-trails = 3"),
    ),
    "config that is no TOML": Bad(
        (*BN, "--config", "my.toml"), ("my.toml can't be read", "line 1"), text_file("my.toml", "n-trials: 3")
    ),
    "config with a bad value": Bad(
        (*BN, "--config", "my.toml"), ("n-trials", "'many'"), text_file("my.toml", 'n-trials = "many"')
    ),
    "GPU that isn't there": Bad((*BN, "--gpus", "77"), ("77", "--gpus")),
    "more trials than the grid has points": Bad(
        (*ON_MINE, "--sampler", "grid", "--n-trials", "4"),
        ("3 points", "--n-trials"),
        space_file(SPACE.format(body=ONE_RATE)),
    ),
    "artifacts in a file": Bad(
        (*BN, "--artifacts", "notes/files"), ("notes", "--artifacts"), text_file("notes", "a file")
    ),
}


def listing(folder: Path) -> dict[str, bytes | None]:
    """Every file under the folder with its contents, and every folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("name", TABLE)
def test_bad_input_is_explained_and_changes_nothing(name: str, cli: RunLaunch) -> None:
    bad = TABLE[name]
    bad.make(Path.cwd())
    before = listing(Path.cwd())
    result = cli(*bad.arguments)
    message = " ".join(result.stderr.split())
    assert result.exit_code == 2, result.output
    for word in bad.words:
        assert word in message
    assert "Traceback" not in message
    assert result.stdout == ""
    assert listing(Path.cwd()) == before


def test_a_password_is_not_repeated(cli: RunLaunch) -> None:
    assert "secret" not in cli(*BN, "--storage", "mysql://me:secret@host/db").output


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that not even root can write to."""
    folder = tmp_path / "home" / "fixed"
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"root can write everywhere, and mounting isn't allowed: {mounted.stderr.decode()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_folder_that_cannot_be_written_is_refused(
    read_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from search.launch import main

    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [*BN, "--storage", f"sqlite:///{read_only}/search.db"])
    assert result.exit_code == 2
    assert "can't be written" in result.stderr


@pytest.mark.parametrize(("sampler", "package"), [("cmaes", "cmaes"), ("gp", "torch")])
def test_a_sampler_whose_package_is_missing_says_how_to_install_it(
    sampler: str, package: str, cli: RunLaunch, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == package else find(name, *rest))
    result = cli(*BN, "--sampler", sampler)
    assert result.exit_code == 2
    assert f"needs {package}: pip install 'keras-image-search[{sampler}]'" in result.stderr
    assert not list(Path.cwd().iterdir())


@pytest.fixture
def demo(cli: RunLaunch) -> None:
    """A study of four trials, none of them begun."""
    result = cli(*BN, "--study-name", "demo", "--n-trials", "4", "--n-workers", "0")
    assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--space", "mine.py:space"), ("--space: the study has bn_dropout",)),
        ((*ON_OWN,), ("--dataset: the study has digits", "own.npz")),
        ((*BN, "--epochs", "77"), ("--epochs: the study has 10, asked for was 77",)),
        ((*BN, "--sampler", "random"), ("--sampler: the study has tpe, asked for was random",)),
        ((*BN, "--precision", "mixed_bfloat16"), ("--precision: the study has float32, asked for was mixed_bfloat16",)),
        ((*BN, "--seed", "7"), ("--seed: the study has 0, asked for was 7",)),
        ((*BN, "--n-trials", "3"), ("4 trials were ordered", "--n-trials 3", "larger number")),
        ((*BN, "--epochs", "77", "--dry-run"), ("--epochs: the study has 10, asked for was 77",)),
    ],
)
def test_another_study_of_the_same_name_is_left_alone(
    arguments: tuple[str, ...], words: tuple[str, ...], cli: RunLaunch
) -> None:
    space_file(SPACE.format(body=ONE_RATE))(Path.cwd())
    npz(x_train=IMAGES, y_train=LABELS)(Path.cwd())
    result = cli(*arguments, "--study-name", "demo")
    assert result.exit_code == 2
    for word in words:
        assert word in result.stderr
    with open_study("sqlite:///search.db", "demo") as shared:
        assert shared.ledger.counts().waiting == 4
        assert shared.manifest.epochs == 10


def test_a_space_that_was_edited_is_refused_with_what_changed_and_what_to_do(cli: RunLaunch) -> None:
    path = Path.cwd() / "mine.py"
    path.write_text(SPACE.format(body=ONE_RATE))
    flags = ("--space", "mine.py:space", "--study-name", "mine", "--n-workers", "0")
    assert cli(*flags).exit_code == 0
    path.write_text(path.read_text() + "\nEDITED = True\n")
    result = cli(*flags)
    assert result.exit_code == 2
    assert f"the source of the space {path}:space, or of a file that it imports, changed since" in result.stderr
    assert "undo the change" in result.stderr
    assert "another --study-name" in result.stderr
    assert not re.search("[0-9a-f]{20}", result.stderr), "a fingerprint says nothing to a user"


def test_images_that_were_replaced_are_refused_with_what_changed(cli: RunLaunch) -> None:
    npz(x_train=IMAGES, y_train=LABELS)(Path.cwd())
    flags = (*ON_OWN, "--study-name", "mine", "--n-workers", "0")
    assert cli(*flags).exit_code == 0
    npz(x_train=255 - IMAGES, y_train=LABELS)(Path.cwd())
    result = cli(*flags)
    assert result.exit_code == 2
    assert f"the images of {Path.cwd() / 'own.npz'}, changed since the study was made" in result.stderr
    assert not re.search("[0-9a-f]{20}", result.stderr)


@pytest.mark.parametrize("name", ["unknown space", "storage that is no database", "npz with one class"])
def test_the_real_command_ends_with_exit_code_2_and_one_message(name: str, tmp_path: Path) -> None:
    bad = TABLE[name]
    bad.make(tmp_path)
    before = listing(tmp_path)
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run(
        [sys.executable, "-m", "search.launch", *bad.arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Error: ")
    assert "Traceback" not in ended.stderr
    assert listing(tmp_path) == before


def test_every_setting_that_must_agree_is_asked_for_by_a_flag_of_a_launch() -> None:
    flags = {flag for option in main.params for flag in option.opts}
    told_otherwise = {"space_version", "space_fingerprint", "dataset_fingerprint"}
    assert {name for field in set(IDENTITY) - told_otherwise for name in flag_of(field).split(", ")} <= flags
