"""--only, --range and --fix: a launch searches a part of a space, which is the study's from then on."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.sampling.samplers import GRID, SAMPLERS
from storage import Manifest, create_study
from storage.differences import differences
from storage.errors import ManifestMismatch
from tests.helpers.lab import Lab
from tests.helpers.launches import RunLaunch

PART = ("--only", "optimizer=adam,rmsprop", "--range", "learning_rate=1e-4:1e-2", "--fix", "schedule=constant")
NARROWED = LaunchOptions(
    space="optimizer",
    only=("optimizer=adam,rmsprop",),
    ranges=("learning_rate=1e-4:1e-2",),
    fixed=("schedule=constant",),
)


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "gp"])  # which needs torch
def test_every_sampler_stays_within_the_part(sampler: str, lab: Lab) -> None:
    manifest = make_plan(replace(NARROWED, storage=lab.url, sampler=sampler, n_trials=6)).manifest
    shared = lab.study(
        6, space="optimizer", sampler=sampler, only=manifest.only, ranges=manifest.ranges, fixed=manifest.fixed
    )
    lab.work()
    trials = shared.study.get_trials()
    assert len(trials) == 6
    for trial in trials:
        assert trial.params["optimizer"] in ("adam", "rmsprop")
        assert 1e-4 <= trial.params["learning_rate"] <= 1e-2
        assert trial.params["schedule"] == "constant"
        if sampler != GRID:  # whose slots have their parameters from the launch
            assert trial.distributions["optimizer"] == CategoricalDistribution(("rmsprop", "adam"))
            assert trial.distributions["learning_rate"] == FloatDistribution(1e-4, 1e-2, log=True)


def test_the_plan_says_what_is_searched(cli: RunLaunch) -> None:
    planned = cli("--space", "optimizer", *PART, "--dry-run", "-f", "json")
    said = " ".join(planned.stderr.split())
    assert "only optimizer {rmsprop, adam}, learning_rate [0.0001, 0.01], schedule constant" in said
    assert json.loads(planned.stdout)["narrowed"] == {
        "only": {"optimizer": ["rmsprop", "adam"]},
        "range": {"learning_rate": [1e-4, 1e-2]},
        "fix": {"schedule": "constant"},
    }
    assert not Path("search.db").exists()


def test_a_study_goes_on_with_its_part_and_refuses_another(sqlite_url: str) -> None:
    options = replace(NARROWED, storage=sqlite_url)
    first = make_plan(options)
    with create_study(first.url, first.study_name, first.manifest):
        pass
    again = make_plan(LaunchOptions(space="optimizer", storage=sqlite_url))
    assert (again.manifest.only, again.manifest.ranges, again.manifest.fixed) == (
        first.manifest.only,
        first.manifest.ranges,
        first.manifest.fixed,
    )
    assert make_plan(options).existing is not None
    with pytest.raises(ManifestMismatch, match="--range: the study has"):
        make_plan(replace(options, ranges=("learning_rate=1e-4:1e-1",)))
    with pytest.raises(ManifestMismatch, match="--only: the study has"):
        make_plan(replace(options, only=()))


def test_a_grid_has_the_points_of_the_part_alone(sqlite_url: str) -> None:
    plan = make_plan(replace(NARROWED, storage=sqlite_url, sampler=GRID, n_trials=6))
    points = sorted((order.params["optimizer"], order.params["learning_rate"]) for order in plan.orders if order.params)
    assert [name for name, _ in points] == ["adam"] * 3 + ["rmsprop"] * 3
    assert [rate for _, rate in points] == pytest.approx([1e-4, 1e-3, 1e-2] * 2)


def test_baselines_within_the_part_come_first_and_the_others_are_named(sqlite_url: str) -> None:
    plan = make_plan(replace(NARROWED, storage=sqlite_url, baselines=True))
    assert [order.settings.baseline for order in plan.orders if order.settings.baseline] == ["base"]
    assert plan.notes == (
        "left out are the baselines adadelta: they lie outside of what --only, --range and --fix leave",
    )


@pytest.mark.parametrize(
    "flags",
    [
        ("--only", "optimiser=adam"),
        ("--only", "optimizer=adm"),
        ("--range", "learning_rate=1:2:3"),
        ("--fix", "learning_rate=2"),
        ("--fix", "optimizer=adam", "--fix", "optimizer=sgd"),
    ],
)
def test_what_is_wrong_ends_before_anything_is_made(flags: tuple[str, ...], cli: RunLaunch) -> None:
    refused = cli("--space", "optimizer", *flags)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Error: ")
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("flag", "advice"),
    [
        ("--optimizer", "--only optimizer=sgd searches that alone; several are separated by commas."),
        ("--learning-rate", "--range learning_rate=0.0001:1 gives its bounds, --fix learning_rate=VALUE one value."),
    ],
)
def test_a_flag_that_is_a_parameter_says_how_to_narrow_it(flag: str, advice: str, cli: RunLaunch) -> None:
    refused = cli("--space", "optimizer", flag, "x")
    assert refused.exit_code == 2
    assert refused.stderr.strip().endswith(advice)


def test_a_manifest_of_an_earlier_release_searches_the_whole_space() -> None:
    manifest = make_plan(LaunchOptions(space="optimizer", pruner="none")).manifest
    document = json.loads(manifest.to_json())
    for field in ("only", "ranges"):
        del document[field]
    stored = Manifest.from_json(json.dumps({**document, "schema_version": 1}))
    assert (stored.only, stored.ranges) == ({}, {})
    assert differences(stored, manifest) == []
