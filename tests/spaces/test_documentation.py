"""docs/spaces.md says what the code does: its diagrams are drawn again, its examples run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from search.views.space_text import all_as_text
from spaces import resolve, space_names
from spaces.configuration import BATCH_NORM_POSITIONS, DROPOUT_POSITIONS, BatchNorm, Block, Configuration, Dropout
from spaces.contract import parameters
from spaces.diagram import draw
from spaces.named.bn_dropout import space
from spaces.published import ARTICLES, experiments, source
from tests.helpers.paths import ROOT

PAGE = (ROOT / "docs" / "spaces.md").read_text(encoding="utf-8")
ARTICLES_PAGE = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
ARMS_DRAWN = ("model4", "model5")
EXAMPLES = {
    text.partition("\n")[0].removeprefix("# "): text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
}


def diagrams() -> str:
    """The page's diagrams: for each choice the first block and what follows the last."""
    lines = []
    for norm in BATCH_NORM_POSITIONS:
        lines.append(f"batch_norm = {norm}")
        for position in (None, *DROPOUT_POSITIONS):
            dropout = (Dropout(position, 0.5),) if position else ()
            configuration = Configuration(blocks=(Block((32,)),), batch_norm=BatchNorm(norm), dropout=dropout)
            block, rest = draw(configuration).splitlines()
            lines += [f"  {position or 'none':<22}{block}", f"  {'':<22}{rest}"]
        lines.append("")
    return "\n".join(lines)


def test_the_diagrams_are_those_of_the_code() -> None:
    [drawn] = re.findall(r"```text\n(batch_norm = none.*?)```", PAGE, re.DOTALL)
    assert drawn.strip() == diagrams().strip()


def test_the_table_has_every_parameter_with_its_range() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*?) \|", PAGE, re.MULTILINE))
    assert rows == {name: str(distribution) for name, distribution in parameters(space).items()}


def test_the_page_asks_the_question_of_the_space() -> None:
    assert f"> {space.question}" in PAGE


def test_the_page_names_the_baselines() -> None:
    assert all(f"`{baseline.name}`" in PAGE for baseline in space.baselines)


def test_the_page_lists_the_spaces_as_the_command_does() -> None:
    [listed] = re.findall(r"<!-- spaces -->\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert listed == all_as_text([resolve(name) for name in space_names()]) + "\n", "run `make docs`"


def test_the_page_draws_what_was_published_beyond_bn_dropout() -> None:
    [drawn] = re.findall(r"<!-- beyond -->\n```text\n(.*?)```", PAGE, re.DOTALL)
    arms = {arm.name: arm for each in experiments("keras-cnn-tuning-notes") for arm in each.arms}
    wanted = [[name, *(f"  {line}" for line in draw(arms[name].configuration).splitlines())] for name in ARMS_DRAWN]
    assert drawn.splitlines() == [line for lines in wanted for line in lines]


@pytest.mark.parametrize("article", ARTICLES)
def test_every_published_arm_is_in_the_page_of_articles(article: str) -> None:
    assert f"## {article}\n\n{source(article).cited()}\n" in ARTICLES_PAGE
    for experiment in experiments(article):
        assert f"### {experiment.name}\n\n> {experiment.question}" in ARTICLES_PAGE
        for arm in experiment.arms:
            params = "" if arm.params is None else f"{arm.params:,}"
            scores = ", ".join(f"{metric} {value:g}" for metric, value in arm.published.items()) or "no numbers"
            assert f"| `{arm.name}` | {params} | {scores} | {arm.source} |" in ARTICLES_PAGE


@pytest.fixture
def example_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_example_names_its_file() -> None:
    assert list(EXAMPLES) == ["vetoed.py", "my_space.py", "dilated.py", "test_my_spaces.py", "look.py"]


@pytest.mark.parametrize("name", ["my_space.py", "vetoed.py", "dilated.py"])
def test_the_spaces_of_the_page_load(name: str, example_folder: Path) -> None:
    assert resolve(f"{name}:space").space.name == name.removesuffix(".py")


def test_the_contract_of_the_page_passes(example_folder: Path) -> None:
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_spaces.py", folder=example_folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout


def test_the_look_at_a_space_prints_what_the_page_says(example_folder: Path) -> None:
    done = run("look.py", folder=example_folder)
    assert done.returncode == 0, done.stderr
    [printed] = re.findall(r"prints\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert done.stdout == printed


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, folder)))},
        capture_output=True,
        text=True,
        check=False,
    )
