"""Measurements of noise: one configuration, trained with a square of seeds on a study's ledger."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from search.design.formats import results_text
from search.design.noise_plan import noise_plan, run_noise
from search.design.options import NoiseOptions
from search.design.stored_result import comparison_of
from search.errors import UsageError
from search.report.comparison_page import comparison_page
from search.statistics.noise import latin_square
from search.views.facts import gather_facts
from tests.helpers.comparisons import Comparisons
from tests.helpers.paths import ROOT

SCHEMA = ROOT / "docs" / "schemas" / "compare.json"
NAME = "bn_dropout-digits-noise"
BASELINE = NoiseOptions(space="bn_dropout", at="baseline:dropout", epochs=1, seeds=3)


def measure(comparisons: Comparisons, options: NoiseOptions = BASELINE) -> dict[str, Any]:
    [answer] = comparisons.answers(lambda: run_noise(completed(comparisons, options), comparisons.dependencies()))
    jsonschema.validate({"comparisons": [answer]}, json.loads(SCHEMA.read_text(encoding="utf-8")))
    return answer


def completed(comparisons: Comparisons, options: NoiseOptions) -> NoiseOptions:
    workers = replace(options.workers, artifacts=comparisons.folder / "artifacts")
    return replace(options, storage=comparisons.url, format_="json", workers=workers)


def test_a_spread_that_is_the_split_s_is_said_to_be(comparisons: Comparisons) -> None:
    comparisons.acts = {
        cell: [{"scores": [0.8 + 0.02 * split]}] for cell, (_, split, _) in enumerate(latin_square(3).tolist())
    }
    answer = measure(comparisons)
    found = {one["name"]: one["share"] for one in answer["noise"]["shares"]}
    assert found["split"] == pytest.approx(1, abs=1e-6)
    with comparisons.open(NAME) as shared:
        slots = shared.ledger.slots()
        result = comparison_of(shared)
        assert result is not None
        page = comparison_page(gather_facts(shared), result)
    seeds = [(slot.seed, slot.settings.split_seed, slot.settings.order_seed) for slot in slots]
    assert [len(set(column)) for column in zip(*seeds, strict=True)] == [3, 3, 3]
    assert len(set(seeds)) == 9
    assert "Report on the spread of scores" in page
    assert "100% of the variance is from: which images are for validation." in page
    lines = csv.DictReader(io.StringIO(results_text([result], "csv")))
    assert {line["part"]: float(line["share"]) for line in lines} == found
    assert measure(comparisons) == answer


def test_scores_that_are_all_equal_have_no_spread_to_divide(comparisons: Comparisons) -> None:
    """Also if one is missing, and rounding would make a spread."""
    comparisons.acts = {cell: [{"scores": [0.9]}] for cell in range(9)}
    comparisons.acts[4] = [{"fail": ["data_error", "the disk is on fire"]}]
    answer = measure(comparisons)
    assert {one["share"] for one in answer["noise"]["shares"]} == {0}
    with comparisons.open(NAME) as shared:
        result = comparison_of(shared)
        assert result is not None
        page = comparison_page(gather_facts(shared), result)
    text = " ".join(results_text([result], "md").split())
    assert "its 8 trainings all score 0.9000; there is no spread to divide" in text
    assert "of the variance" not in text
    assert "All trainings score the same." in page


def test_a_square_can_t_be_extended(comparisons: Comparisons) -> None:
    measure(comparisons)
    with pytest.raises(UsageError, match="9 trainings, the cells of a square, which can't be extended"):
        noise_plan(completed(comparisons, replace(BASELINE, seeds=4)))
    assert noise_plan(completed(comparisons, replace(BASELINE, seeds=None))).comparison.last_look.replicates == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 2}, "--seeds 2: give 3 to 10 seeds of each kind"),
        ({"at": "best"}, "--at best names a trial of a search: give the --search"),
        ({"at": "baseline:none"}, "There is no baseline 'none'"),
        ({"space": None}, "there is no search in this database"),
    ],
)
def test_what_can_t_be_measured_is_refused(comparisons: Comparisons, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        noise_plan(completed(comparisons, replace(BASELINE, **options)))
