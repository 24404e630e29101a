"""--class-weight: the study's, a configuration's own, and an axis of any space."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from search.design.axis_plan import axis_plan
from search.design.options import CompareOptions
from search.errors import UsageError
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.study.space import study_space
from search.trainers.protocol import DataSource
from search.workers.study_jobs import JobFiles, StudyJobs
from spaces import load_space
from spaces.class_weight import CLASS_WEIGHTS, ClassWeight
from spaces.configuration import Configuration
from spaces.contract import parameters
from spaces.distributions import Choices
from spaces.errors import SpaceError
from spaces.space import Space, Trial, choose
from spaces.widening import Widening, widened
from storage import Manifest, create_study
from storage.differences import differences
from storage.errors import ManifestMismatch
from storage.records import Lease, SlotSettings
from tests.helpers.lab import MANIFEST
from tests.helpers.launches import RunLaunch


def weight_of(study: ClassWeight, own: ClassWeight | None) -> ClassWeight:
    """That of the job which a worker makes of a configuration."""
    manifest = msgspec.structs.replace(MANIFEST, class_weight=study)
    lease = Lease(0, 1, "worker", None, None, 3, SlotSettings(), 0, None, 30.0)
    files = JobFiles(Path("slot"), Path("model.keras"), token=1)
    jobs = StudyJobs(manifest, "bn_dropout", DataSource("digits"))
    return jobs.train(1, Configuration(class_weight=own), lease, files).class_weight


def test_a_configurations_own_weight_comes_before_the_studys() -> None:
    assert weight_of("none", None) == "none"
    assert weight_of("balanced", None) == "balanced"
    assert weight_of("balanced", "none") == "none"


def test_a_study_keeps_its_weight_and_one_from_before_there_was_any_has_none() -> None:
    planned = make_plan(LaunchOptions(space="bn_dropout", class_weight=("balanced",), pruner="none")).manifest
    assert Manifest.from_json(planned.to_json()).class_weight == "balanced"
    document = msgspec.json.decode(planned.to_json())
    del document["class_weight"]
    older = Manifest.from_json(msgspec.json.encode({**document, "schema_version": 5}).decode())
    assert older.class_weight == "none"
    assert [difference.field for difference in differences(planned, older)] == ["class_weight"]


def test_class_weights_are_an_axis_of_any_space() -> None:
    plan = axis_plan(CompareOptions(space="bn_dropout", axis="class_weight"))
    assert tuple(arm.name for arm in plan.comparison.arms) == CLASS_WEIGHTS
    assert [arm.configuration["class_weight"] for arm in plan.comparison.arms] == list(CLASS_WEIGHTS)


def test_the_axis_has_no_weight_for_all_arms() -> None:
    with pytest.raises(UsageError, match="--class-weight balanced: it is the axis"):
        axis_plan(CompareOptions(space="bn_dropout", axis="class_weight", class_weight=("balanced",)))


def test_several_class_weights_are_a_parameter_that_a_search_stores_and_asks_for(sqlite_url: str) -> None:
    options = LaunchOptions(space="bn_dropout", storage=sqlite_url, class_weight=("none", "balanced"), baselines=True)
    plan = make_plan(options)
    stored = Manifest.from_json(plan.manifest.to_json())
    assert (stored.class_weight, stored.class_weights) == ("none", ("none", "balanced"))
    space = study_space(stored, load_space("bn_dropout"))
    assert parameters(space)["class_weight"] == Choices(("none", "balanced"))
    assert plan.orders[0].params is not None
    assert plan.orders[0].params["class_weight"] == "none"
    with create_study(plan.url, plan.study_name, plan.manifest):
        pass
    assert make_plan(replace(options, class_weight=())).manifest.class_weights == ("none", "balanced")
    with pytest.raises(ManifestMismatch, match="--class-weight: the study has"):
        make_plan(replace(options, class_weight=("balanced",)))


def test_a_comparison_has_the_class_weights_that_are_given_as_arms_tuned_or_not() -> None:
    options = CompareOptions(space="bn_dropout", axis="class_weight", class_weight=("none", "balanced"))
    assert [arm.name for arm in axis_plan(options).comparison.arms] == ["none", "balanced"]
    tuned = axis_plan(replace(options, tune=2))
    spaces = [study_space(tuning.manifest, load_space("bn_dropout")) for tuning in tuned.tunings]
    assert [parameters(space)["class_weight"] for space in spaces] == [Choices(("none",)), Choices(("balanced",))]


def suggest_weighted(trial: Trial) -> Configuration:
    """A space that decides by itself."""
    return Configuration(class_weight=choose(trial, "class_weight", CLASS_WEIGHTS))


def test_a_space_that_decides_by_itself_is_not_widened() -> None:
    own = Space(name="own", question="Which weight?", suggest=suggest_weighted)
    with pytest.raises(SpaceError, match="--class-weight none,balanced: the configurations of own have class weights"):
        widened(own, Widening(class_weights=("none", "balanced")))


def test_the_plan_says_the_class_weights_and_wrong_ones_are_refused(cli: RunLaunch) -> None:
    planned = cli("--space", "bn_dropout", "--class-weight", "balanced,none", "--dry-run")
    assert planned.exit_code == 0
    assert "class weights none, balanced," in " ".join((planned.stdout + planned.stderr).split())
    for wrong, words in (("balance", "'balanced'"), ("none,none", "twice")):
        refused = cli("--space", "bn_dropout", "--class-weight", wrong)
        assert refused.exit_code == 2
        assert words in refused.stderr
