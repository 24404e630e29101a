"""A search within limits: no trial breaks them, whatever the sampler proposes, and what can't be kept is refused."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from search.errors import UsageError
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from spaces.configuration import Configuration
from spaces.costs import cost_of
from spaces.errors import SpaceError
from storage import Manifest
from storage.differences import differences

if TYPE_CHECKING:
    from storage import SharedStudy
    from tests.helpers.lab import Lab

MOST = 60_000.0
WIDTH_SPACE = "cnn"


@pytest.fixture
def options(tmp_path: Path) -> LaunchOptions:
    return LaunchOptions(space=WIDTH_SPACE, storage=f"sqlite:///{tmp_path / 'search.db'}", limit="parameters=60k")


def parameters(shared: "SharedStudy") -> list[int]:
    manifest = shared.manifest
    found = [
        Configuration.from_json(msgspec.json.encode(trial.user_attrs["configuration"]).decode())
        for trial in shared.study.get_trials(deepcopy=False)
    ]
    return [cost_of(one, manifest.image_shape, len(manifest.classes)).parameters for one in found]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_no_trial_breaks_a_limit(lab: "Lab", sampler: str) -> None:
    shared = lab.study(12, space=WIDTH_SPACE, sampler=sampler, limits={"parameters": MOST})
    lab.work()
    assert shared.ledger.counts().complete == 12
    sizes = parameters(shared)
    assert max(sizes) <= MOST
    assert len(set(sizes)) > 1


def test_without_a_limit_some_would_be_larger_and_those_within_are_the_same(lab: "Lab") -> None:
    """The first proposal of a slot stays what it is if it keeps to the limit."""
    free = lab.study(12, space=WIDTH_SPACE)
    lab.work()
    assert max(parameters(free)) > MOST
    assert min(parameters(free)) <= MOST


def test_a_limit_that_nothing_keeps_to_fails_the_trial_with_its_number(lab: "Lab") -> None:
    shared = lab.study(1, space=WIDTH_SPACE, limits={"parameters": 10.0})
    lab.work()
    [slot] = shared.ledger.slots()
    assert slot.outcome is not None
    assert slot.outcome.kind == "space_error"
    assert "is more than 10" in (slot.outcome.reason or "")


def test_a_plan_says_how_much_of_the_space_is_left(options: LaunchOptions) -> None:
    plan = make_plan(options)
    assert plan.manifest.limits == {"parameters": 60_000.0}
    assert any("configurations drawn at random keep to the limits" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit": "parameters=100"}, "none of .* keeps to it; the smallest of them has parameters"),
        ({"limit": "parameters=60k", "sampler": "grid"}, "--limit can't go with --sampler grid"),
    ],
)
def test_limits_that_can_t_be_kept_are_refused(options: LaunchOptions, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(replace(options, **changes))


def test_a_baseline_that_breaks_the_limit_is_named(options: LaunchOptions) -> None:
    with pytest.raises(UsageError, match=r"the baseline .* breaks it: parameters .* is more than"):
        make_plan(replace(options, baselines=True))


def test_what_is_no_limit_is_refused(options: LaunchOptions) -> None:
    with pytest.raises(SpaceError, match="give NAME=MOST"):
        make_plan(replace(options, limit="parameters=lots"))


def test_a_manifest_of_before_has_no_limits_and_a_limit_is_part_of_what_is_searched(options: LaunchOptions) -> None:
    manifest = make_plan(replace(options, pruner="none")).manifest
    document = msgspec.json.decode(manifest.to_json())
    del document["limits"]
    older = Manifest.from_json(msgspec.json.encode({**document, "schema_version": 9}).decode())
    assert older.limits == {}
    assert [one.field for one in differences(older, manifest)] == ["limits"]
