"""Studies as tools: a client of the protocol asks, over standard input and output, and gets what may be claimed."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra mcp isn't installed")

import anyio
from click.testing import CliRunner
from filled_comparison import filled_comparison
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from search.mcp import main
from storage import open_study
from storage.errors import StorageUnreachable, StudyNotFound
from tests.helpers.lab import Lab
from tests.helpers.paths import ROOT
from tests.helpers.waiting import wait_until

Call = tuple[str, dict[str, Any]]
PATIENCE_S = 120.0


def ask(url: str, *calls: Call, flags: tuple[str, ...] = ()) -> list[Any]:
    """The answers of a server to these calls, in one session; an error as its message."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPTUNA_STORAGE": url, "PYTHONIOENCODING": "ascii"}
    server = StdioServerParameters(command=sys.executable, args=["-m", "search.mcp", *flags], env=environment)

    async def talk() -> list[Any]:
        with anyio.fail_after(PATIENCE_S), Path(os.devnull).open("w") as nowhere:
            async with (
                stdio_client(server, errlog=nowhere) as (incoming, outgoing),
                ClientSession(incoming, outgoing) as session,
            ):
                await session.initialize()
                tools = (await session.list_tools()).tools
                found: list[Any] = [{tool.name: tool for tool in tools}]
                for name, arguments in calls:
                    result = await session.call_tool(name, arguments)
                    text = getattr(result.content[0], "text", "")
                    found.append(text if result.isError else json.loads(text))
                return found

    return anyio.run(talk)


@pytest.fixture
def url(lab: Lab) -> str:
    """A database with a search of eight trials, and a comparison of three arms."""
    lab.acts = {slot: [{"scores": [0.5, 0.6, 0.9]}] for slot in range(8)}
    lab.study(8)
    lab.work()
    with filled_comparison(lab.url, "vergleich-größe"):
        pass
    return lab.url


def claims(answer: Mapping[str, Any]) -> bool:
    """Whether an answer has what every answer has."""
    return set(answer) == {"verdict", "interval", "sentence", "document"} and bool(answer["sentence"])


def is_ordered(url: str, name: str) -> bool:
    """Whether there is a study of that name with its two trials."""
    try:
        with open_study(url, name, only_look=True) as shared:
            return shared.ledger.counts().total == 2
    except (StorageUnreachable, StudyNotFound):
        return False


def test_a_client_reads_what_may_be_claimed_of_searches_and_comparisons(url: str) -> None:
    search, comparison = {"study_name": "study"}, {"study_name": "vergleich-größe"}
    tools, status, best, check, compare, plan, wrong, refused, unnamed = ask(
        url,
        ("status", search),
        ("best", search),
        ("check", search),
        ("compare", comparison),
        ("plan", {"space": "bn_dropout", "n_trials": 3, "study_name": "new"}),
        ("plan", {"space": "bn_dropuot"}),
        ("launch", {"space": "bn_dropout"}),
        ("best", {}),
    )
    assert set(tools) == {"plan", "launch", "status", "best", "compare", "check"}
    assert all(tool.annotations.readOnlyHint for tool in tools.values())
    assert all(map(claims, (status, best, check, compare, plan)))
    assert status["verdict"] == "finished"
    assert status["document"]["trials"]["complete"] == 8
    low, high = best["interval"]["low"], best["interval"]["high"]
    assert low < best["document"]["test"]["accuracy"] < high <= 1
    assert "flatters" in best["sentence"]
    assert check["verdict"] in ("ok", "look", "problem")
    assert compare["verdict"].endswith("of 3 pairs decided")
    assert len(compare["document"]["claims"]) == 3
    assert all(one["sentence"] in compare["sentence"] for one in compare["document"]["claims"])
    assert compare["document"]["study_name"] == "vergleich-größe"
    assert plan["document"]["dry_run"] is True
    assert plan["document"]["trials"] == 3
    assert "running a space that isn't built in isn't allowed" in wrong
    assert "only reads, unless it is started with --allow-run" in refused
    assert "holds 2 studies" in unnamed
    with pytest.raises(StudyNotFound):
        open_study(url, "new")


def test_with_permission_a_search_is_launched_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'search.db'}"
    wanted = {"space": "bn_dropout", "n_trials": 2, "n_workers": 0, "study_name": "asked"}
    tools, wrong, unknown, launched = ask(
        url,
        ("launch", {**wanted, "space": "bn_dropuot"}),
        ("launch", {**wanted, "storage": "sqlite:///elsewhere.db"}),
        ("launch", wanted),
        flags=("--allow-run",),
    )
    assert not tools["launch"].annotations.readOnlyHint
    assert "did you mean" in wrong.lower()
    assert "storage" in unknown
    assert claims(launched)
    assert launched["verdict"] == "started"
    wait_until(lambda: is_ordered(url, "asked"), "the search that was launched")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.mcp.command.find_spec", lambda _: None)
    done = CliRunner().invoke(main, [])
    assert done.exit_code == 2
    assert "pip install 'keras-image-search[mcp]'" in done.stderr
