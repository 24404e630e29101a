"""--class-weight: the study's, a configuration's own, and an axis of any space."""

from pathlib import Path

import msgspec
import pytest

from search.design.axis_plan import axis_plan
from search.design.options import CompareOptions
from search.errors import UsageError
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.trainers.protocol import DataSource
from search.workers.study_jobs import JobFiles, StudyJobs
from spaces.class_weight import CLASS_WEIGHTS, ClassWeight
from spaces.configuration import Configuration
from storage import Manifest
from storage.records import Lease, SlotSettings
from tests.helpers.lab import MANIFEST


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
    planned = make_plan(LaunchOptions(space="bn_dropout", class_weight="balanced")).manifest
    assert Manifest.from_json(planned.to_json()).class_weight == "balanced"
    document = msgspec.json.decode(planned.to_json())
    del document["class_weight"]
    older = Manifest.from_json(msgspec.json.encode({**document, "schema_version": 5}).decode())
    assert older.class_weight == "none"
    assert [difference.field for difference in planned.differences(older)] == ["class_weight"]


def test_class_weights_are_an_axis_of_any_space() -> None:
    plan = axis_plan(CompareOptions(space="bn_dropout", axis="class_weight"))
    assert tuple(arm.name for arm in plan.comparison.arms) == CLASS_WEIGHTS
    assert [arm.configuration["class_weight"] for arm in plan.comparison.arms] == list(CLASS_WEIGHTS)


def test_the_axis_has_no_weight_for_all_arms() -> None:
    with pytest.raises(UsageError, match="--class-weight balanced: it is the axis"):
        axis_plan(CompareOptions(space="bn_dropout", axis="class_weight", class_weight="balanced"))
