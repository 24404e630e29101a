"""The documentation holds: its commands run, its examples execute, its links lead somewhere."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from search.launch import main as launch
from tests.helpers.carried_out import started_in, without_settings

if TYPE_CHECKING:
    import click

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
ASSIGNMENT = re.compile(r"([A-Z_]+)=(.*)")

# Too long or too much for a test, or tested with the thing itself.
NOT_RUN = (". .venv/bin/activate", "docker ", "pip install ", "optuna-dashboard ")
TESTED_ELSEWHERE = {"spaces.md", "python.md"}


@dataclass(frozen=True)
class Command:
    """A command line of a page: the settings before it, and its words."""

    page: str
    text: str

    @property
    def environment(self) -> dict[str, str]:
        """What stands before the command, as in OPTUNA_STORAGE=… python."""
        found = map(ASSIGNMENT.fullmatch, shlex.split(self.text))
        return {setting[1]: setting[2] for setting in found if setting}

    @property
    def words(self) -> list[str]:
        """The command and its arguments."""
        words = shlex.split(self.text)
        return words[next(index for index, word in enumerate(words) if not ASSIGNMENT.fullmatch(word)) :]

    @property
    def verb(self) -> str | None:
        """X of `python -m search.X`."""
        words = self.words
        return words[2].removeprefix("search.") if words[:2] == ["python", "-m"] else None

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def name_of(page: Path) -> str:
    """The page in the name of a test: the same wherever the repository lies."""
    return page.name


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The fenced blocks of a page that are in one of the languages."""
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield text


def commands() -> list[Command]:
    """Every command of every page, each once."""
    found = [
        Command(page.name, line.removeprefix("$ "))
        for page in PAGES
        for language in ("sh", "console")
        for block in blocks(page, language)
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("$ ") or (language == "sh" and line.strip() and not line.startswith(("#", " ")))
    ]
    return list({command.text: command for command in found}.values())


COMMANDS = commands()
MAKES = [command for command in COMMANDS if command.words[0] == "make"]
VERBS = [command for command in COMMANDS if command.verb is not None]
BENCHMARKS = [command for command in COMMANDS if command.text.startswith("python benchmarks/")]
LAUNCHES = [command for command in VERBS if command.verb == "launch"]


def test_every_command_is_one_that_these_tests_know() -> None:
    known = {*MAKES, *VERBS, *BENCHMARKS}
    assert [str(one) for one in COMMANDS if one not in known and not one.text.startswith(NOT_RUN)] == []


@pytest.mark.parametrize("command", MAKES, ids=str)
def test_the_task_exists(command: Command) -> None:
    done = subprocess.run(["make", "-n", *command.words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", VERBS, ids=str)
def test_the_flags_exist(command: Command, context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(context)
    main: click.Command = import_module(f"search.{command.verb}").main
    assert main.make_context(command.verb, command.words[3:]).params


@pytest.mark.parametrize("command", BENCHMARKS, ids=str)
def test_the_flags_of_the_benchmark_exist(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it measures is run by tests/test_benchmarks.py, in its short form."""
    monkeypatch.chdir(tmp_path)
    for word in command.words[2:]:
        if word.endswith(".xz"):
            (tmp_path / word).touch()
    (tmp_path / "data").mkdir()
    main: click.Command = import_module(Path(command.words[1]).stem).main
    assert main.make_context(command.words[1], command.words[2:]).params


@pytest.mark.parametrize("command", LAUNCHES, ids=str)
def test_the_launch_would_do_something(command: Command, context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(context)
    for name in settings_of(os.environ):
        monkeypatch.delenv(name)
    done = CliRunner(env=command.environment).invoke(launch, [*command.words[3:], "--dry-run"], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    assert "this was a dry run" in done.stderr


def test_the_precedence_of_settings_is_as_the_readme_says(context: Path) -> None:
    [command] = [command for command in LAUNCHES if command.environment and "--config" in command.words]
    done = run("-m", "search.launch", *command.words[3:], "--dry-run", folder=context, environment=command.environment)
    assert "30 trials of up to 15 epochs, sampler tpe, pruner median" in done.stderr


def test_the_first_search_and_what_the_readme_does_with_it(context: Path, server_of_trainers: str | None) -> None:
    quick = ("--n-trials", "2", "--epochs", "1", "--n-workers", "1")
    done = run("-m", "search.launch", "--space", "bn_dropout", *quick, folder=context, server=server_of_trainers)
    assert done.returncode == 0, done.stderr
    assert "optuna-dashboard sqlite:///search.db" in done.stdout
    [reader] = [block for block in blocks(ROOT / "README.md", "python") if "load_study" in block]
    assert run("-c", reader, folder=context).stdout.strip()
    for command in VERBS:
        if command.verb == "worker" and "bn_dropout-digits" in command.words:
            assert run(*command.words[1:], folder=context, server=server_of_trainers).returncode == 0


def test_the_page_on_python_runs_from_top_to_bottom(tmp_path: Path) -> None:
    program = list[str]()
    for block in blocks(ROOT / "docs" / "python.md", "python"):
        first, _, rest = block.partition("\n")
        if first.startswith("%%writefile "):
            (tmp_path / first.split()[1]).write_text(rest, encoding="utf-8")
        else:
            program.append(block)
    small = {"SEARCH_LIMIT_TRAIN": "200", "SEARCH_N_WORKERS": "1", "SEARCH_KEEP_WARM": "1m"}
    done = run("-W", "error", "-c", "\n".join(program), folder=tmp_path, environment=small)
    assert run("-m", "search.stop", "--server", folder=tmp_path).returncode == 0
    assert done.returncode == 0, done.stderr
    assert "All 4 trials of bn_dropout-digits are finished" in done.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in TESTED_ELSEWHERE], ids=name_of)
def test_the_examples_execute(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "python"):
        if "load_study" in block:
            continue  # it needs the study of the first search
        done = run("-W", "error", "-c", block, folder=tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(BLOCK, "", page.read_text(encoding="utf-8"))
    broken = [link for link in LINK.findall(text) if "://" not in link and not leads_somewhere(page, link)]
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = LINK.findall(page.read_text(encoding="utf-8"))
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
        waiting += [target for target in targets if target.suffix == ".md" and target not in reached]
    assert {page for page in PAGES if page.name != "CHANGELOG.md"} <= reached


def test_the_reference_of_commands_is_current() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "write_cli.py"))["page"]
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == page(), "run `make docs`"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the commands name."""
    folder = tmp_path_factory.mktemp("docs")
    for page in PAGES:
        for block in blocks(page, "python", "toml"):
            name = block.partition("\n")[0].removeprefix("# ")
            if name.endswith((".py", ".toml")) and page.name not in TESTED_ELSEWHERE:
                (folder / name).write_text(block, encoding="utf-8")
    rng = np.random.default_rng(0)
    make_images(folder / "images", rng)
    images, labels = rng.integers(0, 256, (40, 16, 16), np.uint8), np.arange(40) % 10
    np.savez(folder / "own.npz", x_train=images, y_train=labels)
    (folder / "data").mkdir()
    for name in ("mnist", "cifar10"):
        np.savez(folder / "data" / f"{name}.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    return folder


def make_images(folder: Path, rng: np.random.Generator) -> None:
    for label in ("cats", "dogs"):
        (folder / label).mkdir(parents=True)
        for number in range(6):
            picture = Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8))
            picture.save(folder / label / f"{number}.png")


def run(
    *arguments: str, folder: Path, environment: dict[str, str] | None = None, server: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs this Python in a folder, without the settings of the user who runs the tests; trainers are from the server,
    if it is given.
    """
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        **started_in({**without_settings(), "PYTHONPATH": str(ROOT), **(environment or {})}, server),
    )


def settings_of(environment: Iterable[str]) -> set[str]:
    """The variables that set flags."""
    return {name for name in environment if name.startswith(("SEARCH_", "OPTUNA_"))}


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """The names by which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.+)$", re.sub(BLOCK, "", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
