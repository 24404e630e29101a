"""Imports point one way, commands answer without loading what they don't need, and dependencies are those in use."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from search.commands.verbs import VERBS

ROOT = Path(__file__).resolve().parents[1]
OURS = {"search", "spaces", "storage"}
HEAVY = {"keras", "optuna", "sqlalchemy", "tensorflow"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[0] != "#"]

# Used without being imported: a command, and a driver that SQLAlchemy finds by its name.
USED_OTHERWISE = {"optuna-dashboard", "psycopg"}
# Imported, by us or by Optuna, where they are there.
OPTIONAL = {
    "anyio",
    "apprise",
    "boto3",
    "cmaes",
    "jax",
    "kaleido",
    "mcp",
    "mlflow-skinny",
    "pillow-heif",
    "tensorboardx",
    "torch",
}
OF_TESTS = {"pytest", "hypothesis"}


@pytest.mark.parametrize("module", ["search", *(f"search.{verb}" for verb in VERBS)])
def test_help_loads_neither_keras_nor_optuna_nor_a_database(module: str) -> None:
    done = run("-X", "importtime", "-m", module, "--help")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "search" in loaded
    assert not loaded & HEAVY


def test_make_test_checks_the_import_directions() -> None:
    done = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "lint-imports" in done.stdout


def test_no_module_imports_itself_by_way_of_others_not_even_late() -> None:
    files = {file.relative_to(ROOT): ast.parse(file.read_text("utf-8")) for name in OURS for file in sources(name)}
    modules = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): tree for path, tree in files.items()}
    arrows = {module: imported_of(modules.keys(), tree) - {module} for module, tree in modules.items()}
    TopologicalSorter(arrows).prepare()  # a CycleError names the modules


def test_style_is_checked_of_the_project_and_not_of_what_users_leave_in_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for name in ("model.py", "my_space.py", "search/bad.py", "tests/search/test_bad.py", "docs/bad.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("import os\nx = [1,2]\n")
    for words in (("check", "--output-format=concise"), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        named = set(re.findall(r"[\w/]+\.py", done.stdout))
        assert named == {"search/bad.py", "tests/search/test_bad.py", "docs/bad.py"}


def test_the_style_of_every_file_of_the_project_is_checked() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--show-files", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    checked = {Path(line).relative_to(ROOT) for line in done.stdout.splitlines()}
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    ours = {Path(line) for line in tracked.stdout.splitlines()} or {
        file.relative_to(ROOT) for folder in OURS for file in (ROOT / folder).rglob("*.py")
    }
    assert ours <= checked


def test_what_the_readme_has_people_write_is_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert {"/model.keras", "/model.json", "/model.md", "/model.py", "/report.html", "*.db"} <= set(ignored)


def test_every_import_is_declared() -> None:
    declared = {name for package in declared_packages() | OPTIONAL for name in modules_of(package)}
    assert third_party("search", "spaces", "storage") - declared <= OF_TESTS


def test_every_dependency_is_used() -> None:
    used = third_party("search", "spaces", "storage")
    unused = {package for package in declared_packages() if not modules_of(package) & used}
    assert unused <= USED_OTHERWISE


def test_every_dependency_is_pinned_and_nothing_else_is_said_of_it() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[\w.!]+", pin) for pin in PINS)
    pinned = {normal(pin.partition("==")[0]) for pin in PINS}
    wanted = {*declared_packages(), *map(name_of, PROJECT["dependency-groups"]["test"]), "pip", "setuptools"}
    assert wanted <= pinned


def test_the_extras_are_the_packages_that_are_optional() -> None:
    extras = PROJECT["project"]["optional-dependencies"].values()
    assert {name_of(requirement) for extra in extras for requirement in extra} == OPTIONAL


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)


def declared_packages() -> set[str]:
    return {name_of(requirement) for requirement in PROJECT["project"]["dependencies"]}


def name_of(requirement: str) -> str:
    return normal(re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0])


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def modules_of(package: str) -> set[str]:
    """The modules that a package installs."""
    return {module for module, packages in owners().items() if package in map(normal, packages)}


@cache
def owners() -> Mapping[str, list[str]]:
    """The packages that each installed module is from; finding out takes a good part of a second."""
    return importlib.metadata.packages_distributions()


def third_party(*folders: str) -> set[str]:
    """The packages that the sources import, anywhere in them."""
    files = [path for folder in folders for path in sources(folder)]
    names = {name.partition(".")[0] for path in files for name in imported(ast.parse(path.read_text("utf-8")))}
    return names - OURS - sys.stdlib_module_names


def sources(folder: str) -> Iterator[Path]:
    return (ROOT / folder).rglob("*.py")


def imported_of(modules: Collection[str], tree: ast.AST) -> set[str]:
    """Those of the modules that are imported anywhere in a file; a package only if something of its own is."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = [f"{node.module}.{name.name}" for name in node.names]
            found.update(member if member in modules else node.module for member in members)
    return found & set(modules)


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
