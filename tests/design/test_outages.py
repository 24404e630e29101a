"""The database goes away at every query of a comparison, a tuned one and a confirmation: they wait for it each time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from search.design.running import Dependencies
from search.host.ends import End
from tests.helpers.comparisons import Comparisons
from tests.helpers.outages import Outages

TWO: dict[str, Any] = {"axis": "batch_norm", "choices": ("none", "before_activation")}


@pytest.fixture
def struck(
    comparisons: Comparisons, outages: Outages, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Comparisons:
    """Where comparisons are carried out in Postgres, which goes away while no worker is there: these have a limit of
    their own.
    """
    comparisons.url = postgres_url
    dependencies = comparisons.dependencies()

    def run(*arguments: Any, **flags: Any) -> End:
        with peace(outages):
            return dependencies.run(*arguments, **flags)

    monkeypatch.setattr(comparisons, "dependencies", lambda: Dependencies(run, dependencies.evaluators))
    return comparisons


@contextmanager
def peace(outages: Outages) -> Iterator[None]:
    was, outages.active = outages.active, False
    yield
    outages.active = was


def test_a_comparison_waits_wherever_it_is(struck: Comparisons, outages: Outages) -> None:
    with outages:
        answer = struck.compare(**TWO, seeds=2)
    assert answer["complete"]
    assert len(outages.places) > 20


@pytest.mark.long
def test_a_tuned_comparison_waits_wherever_it_is(struck: Comparisons, outages: Outages) -> None:
    with outages:
        answer = struck.compare(**TWO, seeds=2, tune=1)
    assert answer["complete"]
    assert {"tune"} <= {name for place in outages.places for name in place}


@pytest.mark.long
def test_a_confirmation_waits_wherever_it_is(struck: Comparisons, outages: Outages) -> None:
    struck.compare(**TWO, seeds=2, tune=1)
    with outages:
        answer = struck.confirm(origin="bn_dropout-digits-compare-batch_norm-tuned-none", top=1, seeds=2)
    assert answer["complete"]
    assert answer["test"]
