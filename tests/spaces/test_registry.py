"""A space is found by its name, in a file, in a module or among installed packages; what is wrong is said."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spaces import SpaceSource, load_space, resolve, space_names
from spaces.errors import SpaceError, SpaceFileError, UnknownSpace
from spaces.named.bn_dropout import space as bn_dropout

GOOD = """
from spaces.configuration import Configuration
from spaces.optimizer import suggest_optimizer
from spaces.space import Baseline, Space

def suggest(trial):
    return Configuration(optimizer=suggest_optimizer(trial))

space = Space(name="mine", question="which optimizer?", suggest=suggest)
"""
TWO = GOOD + "\nother = Space(name='other', question='which?', suggest=suggest)\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def write(folder: Path, text: str, name: str = "my_space.py") -> Path:
    file = folder / name
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_built_in_space_has_its_name_as_reference() -> None:
    source = resolve("bn_dropout")
    assert source == SpaceSource("bn_dropout", bn_dropout, source.fingerprint)
    assert re.fullmatch("[0-9a-f]{64}", source.fingerprint)


def test_every_name_leads_to_a_space_of_that_name() -> None:
    assert "bn_dropout" in space_names()
    for name in space_names():
        assert load_space(name).name == name


def test_an_unknown_name_lists_the_names_and_the_nearest(folder: Path) -> None:
    with pytest.raises(UnknownSpace, match=re.escape("no space 'bn_dropuot'. Did you mean 'bn_dropout'? Valid: act")):
        load_space("bn_dropuot")


def test_a_name_that_is_a_file_without_its_ending_is_recognised(folder: Path) -> None:
    write(folder, GOOD)
    with pytest.raises(UnknownSpace, match=re.escape("That of the file my_space.py is --space my_space.py")):
        load_space("my_space")


@pytest.mark.parametrize("ref", ["my_space.py:space", "my_space.py", "my_space.py:", "./my_space.py:space"])
def test_a_file_is_found_and_named_by_its_absolute_path(folder: Path, ref: str) -> None:
    file = write(folder, GOOD)
    source = resolve(ref)
    assert source.space.name == "mine"
    assert source.ref == f"{file}:space"


def test_the_canonical_reference_works_from_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, GOOD)
    source = resolve("my_space.py")
    monkeypatch.chdir("/")
    again = resolve(source.ref)
    assert (again.ref, again.fingerprint) == (source.ref, source.fingerprint)


def test_an_edited_file_is_read_again(folder: Path) -> None:
    write(folder, GOOD)
    before = resolve("my_space.py")
    write(folder, GOOD.replace('"mine"', '"ours"'))
    after = resolve("my_space.py")
    assert (before.space.name, after.space.name) == ("mine", "ours")
    assert before.fingerprint != after.fingerprint
    assert [path.name for path in folder.iterdir()] == ["my_space.py"]


def test_one_of_several_spaces_in_a_file_is_named(folder: Path) -> None:
    write(folder, TWO)
    assert load_space("my_space.py:other").name == "other"


def test_a_file_may_import_the_files_next_to_it(folder: Path) -> None:
    write(folder, "NAME = 'mine, with help'\n", "my_space_helper_of_test.py")
    write(folder, "import my_space_helper_of_test as helper\n" + GOOD.replace('"mine"', "helper.NAME"))
    assert load_space("my_space.py").name == "mine, with help"


def test_two_spaces_that_import_files_of_one_name_each_get_their_own(folder: Path) -> None:
    """As in a process that works on one study after the other."""
    for place in ("first", "second"):
        write(folder, f"from pkg_of_test.deep import NAME\nNAME += ' of {place}'\n", f"{place}/helper_of_test.py")
        write(folder, f"NAME = 'deep {place}'\n", f"{place}/pkg_of_test/deep.py")
        write(folder, "import helper_of_test as helper\n" + GOOD.replace('"mine"', "helper.NAME"), f"{place}/space.py")
    names = [load_space(f"{place}/space.py").name for place in ("first", "second", "first")]
    assert names == ["deep first of first", "deep second of second", "deep first of first"]
    assert [Path(place).name for place in sys.path if Path(place).parent == folder] == ["first", "second"]


def test_a_file_may_define_dataclasses(folder: Path) -> None:
    beginning = "from __future__ import annotations\nfrom dataclasses import dataclass, KW_ONLY\n"
    write(folder, beginning + "@dataclass\nclass Width:\n    _: KW_ONLY\n    value: int = 8\n" + GOOD)
    assert load_space("my_space.py").name == "mine"


BROKEN = {
    "a file that is not there": (None, "my_space.py", "my_space.py doesn't exist. Give the file that defines"),
    "a syntax error": (
        "x = (\n",
        "my_space.py",
        "doesn't import: SyntaxError: '(' was never closed (my_space.py, line 1",
    ),
    "an error while it runs": ("\n1 / 0\n", "my_space.py", "doesn't import: ZeroDivisionError: division by zero ("),
    "the line of that error": ("\n1 / 0\n", "my_space.py", "my_space.py, line 2)"),
    "a library that is missing": ("import no_such_library\n", "my_space.py", "No module named 'no_such_library'"),
    "a file that ends the process": ("raise SystemExit(3)\n", "my_space.py", "doesn't import: SystemExit: 3"),
    "no space at all": ("x = 1\n", "my_space.py", "defines no Space: it needs one, such as space = Space("),
    "no space, and a name": ("x = 1\n", "my_space.py:space", "has no 'space', and no other Space either"),
    "several spaces and no name": (TWO, "my_space.py", "say which, as in my_space.py:space. It has space, other"),
    "a name that it lacks": (TWO, "my_space.py:spce", "no space 'spce'. Did you mean 'space'? Valid: space, other."),
    "something else than a space": (
        GOOD,
        "my_space.py:suggest",
        "my_space.py:suggest is function <function suggest at",
    ),
    "a name that is no text": (GOOD.replace('"mine"', "3"), "my_space.py", "its name must be a text that isn't empty"),
    "no question": (GOOD.replace('"which optimizer?"', '" "'), "my_space.py", "its question must be a text"),
    "no trials": (
        GOOD.replace("=suggest)", "=suggest, n_trials=0)"),
        "my_space.py",
        "its n_trials must be an integer of 1",
    ),
    "epochs that aren't a number": (
        GOOD.replace("=suggest)", "=suggest, epochs='9')"),
        "my_space.py",
        "its epochs must be an integer of 1 or more, not '9'",
    ),
    "a suggest that is no function": (
        GOOD.replace("suggest=suggest", "suggest=3"),
        "my_space.py",
        "its suggest must be a function of a trial, not a int (3)",
    ),
    "a build that is no function": (
        GOOD.replace("=suggest)", "=suggest, build='b')"),
        "my_space.py",
        "its build must be a function or None, not a str ('b')",
    ),
    "a suggest that raises": (
        GOOD.replace("return Conf", "trial.suggest_int('n', 5, 5); 1 / 0; return Conf"),
        "my_space.py",
        "suggest raised ZeroDivisionError: division by zero (",
    ),
    "the parameters with which it raises": (
        GOOD.replace("return Conf", "trial.suggest_int('n', 5, 5); 1 / 0; return Conf"),
        "my_space.py",
        "line 7) for the parameters {'n': 5}",
    ),
    "a suggest that forgets to return": (
        GOOD.replace("return Conf", "Conf"),
        "my_space.py",
        "suggest returned None, not a Configuration for the parameters {'optimizer'",
    ),
    "a suggest that returns a dictionary": (
        GOOD.replace("return Configuration(", "return dict("),
        "my_space.py",
        "suggest returned a dict ({'optimizer'",
    ),
    "a configuration out of its range": (
        GOOD.replace("Configuration(opt", "Configuration(dense=(0,), opt"),
        "my_space.py",
        "dense widths must be 1 or more, not (0,)",
    ),
    "a configuration with a list": (
        GOOD.replace("Configuration(opt", "Configuration(dense=[8], opt"),
        "my_space.py",
        "changes on its way through JSON: dense [8] -> (8,)",
    ),
    "a configuration of the wrong types": (
        GOOD.replace("Configuration(opt", "Configuration(extra={'a': None}, opt"),
        "my_space.py",
        "doesn't go through JSON: this isn't a configuration",
    ),
    "a configuration that no JSON holds": (
        GOOD.replace("Configuration(opt", "Configuration(extra={'a': {1, object}}, opt"),
        "my_space.py",
        "doesn't go through JSON",
    ),
    "a range that changes from trial to trial": (
        GOOD.replace("return Conf", "trial.suggest_float('x', 0, trial.suggest_int('n', 1, 9)); return Conf"),
        "my_space.py",
        "in another, and samplers need one range for one name. Give the parameters different names",
    ),
    "an import as in a package": (
        "from .layers import wide",
        "my_space.py",
        "my_space.py, line 1). A space's file imports those next to it by their names: from layers import",
    ),
    "something for a build that isn't there": (
        GOOD.replace("Configuration(opt", "Configuration(extra={'depth': trial.suggest_int('depth', 1, 9)}, opt"),
        "my_space.py",
        "its configurations have extra (depth), which only a build reads, and it has no build",
    ),
    "a suggest that tosses its own coin": (
        GOOD.replace("return Conf", "import itertools; global n; n += 1; return Conf")
        .replace("(opt", "(extra={'n': n}, opt")
        .replace("def suggest", "n = 0\ndef suggest"),
        "my_space.py",
        "the same parameters gave two different configurations",
    ),
    "a baseline without a parameter": (
        GOOD.replace("=suggest)", "=suggest, baselines=(Baseline('b', {'optimizer': 'adam'}),))"),
        "my_space.py",
        "the baseline 'b': suggest failed for the parameters {'optimizer': 'adam'}: the parameter 'learning_rate'",
    ),
    "a baseline out of the range": (
        GOOD.replace("=suggest)", "=suggest, baselines=(Baseline('b', {'optimizer': 'lion'}),))"),
        "my_space.py",
        "optimizer = 'lion' is outside {sgd, momentum, rmsprop, adam, adadelta}",
    ),
    "a baseline with too many parameters": (
        GOOD.replace(
            "=suggest)", "=suggest, baselines=(Baseline('b', dict(optimizer='sgd', learning_rate=0.1, momentum=0.9)),))"
        ),
        "my_space.py",
        "the baseline 'b' has parameters that aren't asked for: momentum",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_with_what_is_wrong(case: str, folder: Path) -> None:
    text, ref, message = BROKEN[case]
    if text is not None:
        write(folder, text)
    with pytest.raises(SpaceFileError, match=re.escape(message)) as refused:
        load_space(ref)
    assert str(folder / "my_space.py") in str(refused.value)


def test_a_folder_is_no_file(folder: Path) -> None:
    (folder / "spaces.py").mkdir()
    with pytest.raises(SpaceFileError, match=re.escape("spaces.py is a folder, not a Python file")):
        load_space("spaces.py:space")


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "my_space.py").write_bytes(b"x = '\xff'\n")
    with pytest.raises(SpaceFileError, match="doesn't import: SyntaxError"):
        load_space("my_space.py")


def test_a_file_that_failed_leaves_no_module_behind(folder: Path) -> None:
    write(folder, "1 / 0\n")
    before = set(sys.modules)
    with pytest.raises(SpaceFileError):
        load_space("my_space.py")
    assert set(sys.modules) == before


def test_a_module_of_a_package_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    write(folder, "", "package_of_test/__init__.py")
    write(folder, "LOW = 0.1\n", "package_of_test/ranges.py")
    write(folder, "from .ranges import LOW\n" + GOOD, "package_of_test/spaces_here.py")
    source = resolve("package_of_test.spaces_here:space")
    assert (source.ref, source.space.name) == ("package_of_test.spaces_here:space", "mine")
    write(folder, "LOW = 0.2\n", "package_of_test/ranges.py")
    assert resolve("package_of_test.spaces_here:space").fingerprint != source.fingerprint


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("no_such_package.spaces:space", "there is no module 'no_such_package': install its package"),
        ("spaces.no_such_module:space", "there is no module 'spaces.no_such_module'"),
        ("spaces.named.bn_dropout:spaec", "no space 'spaec'. Did you mean 'space'? Valid: space."),
        ("spaces.named.bn_dropout:suggest", "spaces.named.bn_dropout:suggest is function"),
        ("failing_of_test:space", "failing_of_test doesn't import: ZeroDivisionError: division by zero ("),
        ("needy_of_test:space", "needy_of_test doesn't import: ModuleNotFoundError: No module named 'no_such_library'"),
        (":space", "a reference is NAME, FILE.py:NAME or PACKAGE.MODULE:NAME, not ':space'"),
        ("spaces.named.width:", "a reference is NAME, FILE.py:NAME or PACKAGE.MODULE:NAME, not 'spaces.named.width:'"),
        ("itertools:chain", "itertools has no Python source"),
    ],
)
def test_a_module_that_gives_no_space_is_refused(
    ref: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    write(folder, "1 / 0\n", "failing_of_test.py")
    write(folder, "import no_such_library\n", "needy_of_test.py")
    with pytest.raises(SpaceFileError, match=re.escape(message)):
        load_space(ref)


def test_an_installed_package_adds_a_space(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    write(folder, GOOD, "plugin_of_test.py")
    write(folder, "Metadata-Version: 2.1\nName: plugin-of-test\nVersion: 1\n", "plugin_of_test-1.dist-info/METADATA")
    entry = "[keras_image_search.spaces]\nmine = plugin_of_test:space\nbn_dropout = plugin_of_test:space\n"
    write(folder, entry, "plugin_of_test-1.dist-info/entry_points.txt")
    assert "mine" in space_names()
    assert resolve("mine").ref == "mine"
    assert load_space("mine").name == "mine"
    assert load_space("bn_dropout") is bn_dropout


def test_the_fingerprint_follows_what_the_space_imports_and_nothing_else(folder: Path) -> None:
    write(folder, "RATE = 0.1\n", "rates_of_test.py")
    write(folder, "unrelated = 1\n", "unrelated_of_test.py")
    write(folder, "import rates_of_test\n" + GOOD)
    first = resolve("my_space.py").fingerprint
    write(folder, "unrelated = 2\n", "unrelated_of_test.py")
    assert resolve("my_space.py").fingerprint == first
    write(folder, "RATE = 0.2\n", "rates_of_test.py")
    assert resolve("my_space.py").fingerprint != first


def test_a_neighbor_that_is_imported_later_may_be_broken_now(folder: Path) -> None:
    write(folder, "x = (\n", "broken_of_test.py")
    write(folder, GOOD + "\ndef build(configuration, input_shape, classes):\n    import broken_of_test\n")
    first = resolve("my_space.py").fingerprint
    write(folder, "x = 1\n", "broken_of_test.py")
    assert resolve("my_space.py").fingerprint != first


def test_the_fingerprint_is_the_same_in_another_folder_and_with_other_line_endings(folder: Path) -> None:
    first = resolve(str(write(folder, GOOD))).fingerprint
    moved = write(folder, GOOD, "elsewhere/my_space.py")
    moved.write_bytes(GOOD.replace("\n", "\r\n").encode())
    assert resolve(str(moved)).fingerprint == first


def test_the_spelling_of_a_space_that_is_not_ours_counts(folder: Path) -> None:
    first = resolve(str(write(folder, f"# Batch normalisation\n{GOOD}"))).fingerprint
    assert resolve(str(write(folder, f"# Batch normalization\n{GOOD}"))).fingerprint != first


def test_a_space_made_in_a_test_is_a_record() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(bn_dropout, "name", "other")  # noqa: B010 - a checker of types refuses the statement, too
    assert issubclass(UnknownSpace, SpaceError)


HEAVY = ("keras", "tensorflow", "optuna", "sqlalchemy", "numpy", "pytest", "search", "storage")


def test_importing_and_resolving_loads_nothing_heavy() -> None:
    program = f"""
import sys
import spaces, spaces.grid, spaces.layers, spaces.diagram
assert next(spaces.grid.grid(spaces.resolve("bn_dropout").space))
print([name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
