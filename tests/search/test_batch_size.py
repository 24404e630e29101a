"""--batch-size: one number for all trials, or several, which are a parameter that is searched and compared."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from search.design.axis_plan import axis_plan
from search.design.options import CompareOptions
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.study.space import configuration_of, study_space
from search.trainers.protocol import DataSource, Train
from search.workers.study_jobs import JobFiles, StudyJobs
from spaces import load_space, resolve
from spaces.configuration import Configuration
from spaces.contract import check_space, parameters
from spaces.distributions import Choices
from spaces.errors import ConfigurationError, SpaceError
from spaces.space import Space, Trial
from spaces.trials import fixed_trial
from spaces.widening import Widening, widened
from storage import Manifest, create_study
from storage.differences import differences
from storage.errors import ManifestMismatch
from storage.manifest import MANIFEST_VERSION
from storage.records import Lease, SlotSettings
from tests.helpers.lab import MANIFEST, Lab
from tests.helpers.launches import RunLaunch

SEVERAL = LaunchOptions(space="bn_dropout", batch_size=(32, 64, 128))


def own_batch_size(trial: Trial) -> Configuration:
    return Configuration(batch_size=trial.suggest_categorical("batch_size", [16, 32]))


OWN = "from tests.search.test_batch_size import own_batch_size\nfrom spaces.space import Space\n" + (
    "space = Space(name='own', question='Which batch?', suggest=own_batch_size)\n"
)


def job_of(configuration: Configuration) -> Train:
    """The job that a worker of a study of batches of 64 makes of it."""
    lease = Lease(0, 1, "worker", None, None, 3, SlotSettings(), 0, None, 30.0)
    files = JobFiles(Path("slot"), Path("model.keras"), token=1)
    return StudyJobs(MANIFEST, "bn_dropout", DataSource("digits")).train(1, configuration, lease, files)


def test_a_configuration_without_a_batch_size_is_written_as_ever_and_has_the_studys() -> None:
    assert "batch_size" not in Configuration().to_json()
    assert job_of(Configuration()).batch_size == 64


def test_a_configuration_with_a_batch_size_is_trained_with_it() -> None:
    own = Configuration(batch_size=16)
    assert Configuration.from_json(own.to_json()) == own
    assert job_of(own).batch_size == 16
    with pytest.raises(ConfigurationError, match="a batch is 1 image or more, not 0"):
        Configuration(batch_size=0)


def test_a_widened_space_is_a_space_with_one_parameter_more() -> None:
    space = load_space("bn_dropout")
    wider = widened(space, Widening((32, 64)))
    check_space(wider)
    assert parameters(wider) == {**parameters(space), "batch_size": Choices((32, 64))}
    assert [baseline.params["batch_size"] for baseline in wider.baselines] == [64] * len(space.baselines)
    assert widened(space, Widening()) is space


def test_several_batch_sizes_are_searched(lab: Lab) -> None:
    manifest = make_plan(replace(SEVERAL, storage=lab.url)).manifest
    assert (manifest.batch_size, manifest.batch_sizes) == (128, (32, 64, 128))
    shared = lab.study(8, batch_size=manifest.batch_size, batch_sizes=manifest.batch_sizes)
    lab.work()
    trials = shared.study.get_trials()
    sizes = [trial.params["batch_size"] for trial in trials]
    assert set(sizes) <= {32, 64, 128}
    assert len(set(sizes)) > 1
    assert [trial.user_attrs["configuration"]["batch_size"] for trial in trials] == sizes


def test_one_batch_size_is_no_parameter_and_several_are_narrowed_like_any_other(sqlite_url: str) -> None:
    one = make_plan(replace(SEVERAL, storage=sqlite_url, batch_size=(32,))).manifest
    assert (one.batch_size, one.batch_sizes) == (32, ())
    part = make_plan(replace(SEVERAL, storage=sqlite_url, only=("batch_size=32,64",), baselines=True))
    space = study_space(part.manifest, load_space("bn_dropout"))
    assert parameters(space)["batch_size"] == Choices((32, 64))
    assert part.orders[0].params is not None
    assert part.orders[0].params["batch_size"] == 64


def test_a_study_goes_on_with_its_batch_sizes_and_refuses_others(sqlite_url: str) -> None:
    options = replace(SEVERAL, storage=sqlite_url)
    first = make_plan(options)
    with create_study(first.url, first.study_name, first.manifest):
        pass
    assert make_plan(replace(options, batch_size=())).manifest.batch_sizes == (32, 64, 128)
    with pytest.raises(ManifestMismatch, match="--batch-size: the study has"):
        make_plan(replace(options, batch_size=(32, 64)))
    with pytest.raises(ManifestMismatch, match="--batch-size: the study has"):
        make_plan(replace(options, batch_size=(128,)))


def test_a_manifest_of_an_earlier_release_has_one_batch_size() -> None:
    manifest = make_plan(LaunchOptions(space="bn_dropout", pruner="none")).manifest
    document = json.loads(manifest.to_json())
    del document["batch_sizes"]
    stored = Manifest.from_json(json.dumps({**document, "schema_version": 3}))
    assert MANIFEST_VERSION > 3
    assert (stored.batch_size, stored.batch_sizes) == (64, ())
    assert differences(stored, manifest) == []


def test_the_plan_says_the_batch_sizes(cli: RunLaunch) -> None:
    planned = cli("--space", "bn_dropout", "--batch-size", "64,32", "--dry-run")
    assert planned.exit_code == 0
    assert "batch sizes 32, 64," in " ".join((planned.stdout + planned.stderr).split())


def test_batch_sizes_are_compared(sqlite_url: str) -> None:
    options = CompareOptions(storage=sqlite_url, space="bn_dropout", axis="batch_size", batch_size=(32, 64, 128))
    plan = axis_plan(options)
    assert [arm.name for arm in plan.comparison.arms] == ["32", "64", "128"]
    sizes = [configuration_of(arm.configuration).batch_size for arm in plan.comparison.arms]
    assert sizes == [32, 64, 128]
    some = axis_plan(replace(options, choices=("32", "128")))
    assert [arm.name for arm in some.comparison.arms] == ["32", "128"]


def test_arms_at_the_best_trial_have_its_batch_size(lab: Lab) -> None:
    fingerprint = resolve("bn_dropout").fingerprint
    shared = lab.study(4, batch_size=64, batch_sizes=(32, 64), space_fingerprint=fingerprint)
    lab.work()
    best = max(shared.study.get_trials(), key=lambda trial: (trial.value or 0.0, -trial.number))
    options = CompareOptions(storage=lab.url, space="bn_dropout", axis="batch_norm", at="best", origin="study")
    plan = axis_plan(options)
    sizes = {configuration_of(arm.configuration).batch_size for arm in plan.comparison.arms}
    assert sizes == {best.params["batch_size"]}


def test_each_batch_size_is_tuned_for_itself(sqlite_url: str) -> None:
    plan = axis_plan(
        CompareOptions(storage=sqlite_url, space="bn_dropout", axis="batch_size", batch_size=(32, 64), tune=2)
    )
    assert [tuning.manifest.fixed for tuning in plan.tunings] == [{"batch_size": 32}, {"batch_size": 64}]
    spaces = [study_space(tuning.manifest, load_space("bn_dropout")) for tuning in plan.tunings]
    assert [parameters(space)["batch_size"] for space in spaces] == [Choices((32,)), Choices((64,))]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--batch-size", "32,x"), "'x' isn't a whole number from 1 to 65,536"),
        (("--batch-size", "32,32"), "'32,32' has a number twice"),
        (("--batch-size", "0"), "'0' isn't a whole number from 1 to 65,536"),
        (("--batch-size", "32", "--only", "batch_size=32"), "There is no parameter 'batch_size'"),
    ],
)
def test_what_is_wrong_ends_before_anything_is_made(flags: tuple[str, ...], words: str, cli: RunLaunch) -> None:
    refused = cli("--space", "bn_dropout", *flags)
    assert refused.exit_code == 2
    assert words in " ".join(refused.stderr.split())
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("given", ["8", "8,16"])
def test_a_space_that_decides_its_batch_size_is_not_told_another(given: str, cli: RunLaunch) -> None:
    Path("own.py").write_text(OWN)
    refused = cli("--space", "own.py:space", "--batch-size", given)
    assert refused.exit_code == 2
    assert "have batch sizes of their own" in " ".join(refused.stderr.split())
    assert cli("--space", "own.py:space", "--dry-run").exit_code == 0


def test_a_space_that_decides_only_sometimes_is_refused_when_it_does() -> None:
    def suggest(trial: Trial) -> Configuration:
        return Configuration(batch_size=8 if trial.suggest_int("rare", 0, 10**6) == 7 else None)

    wider = widened(Space("rare", "When?", suggest), Widening((8, 16)))
    with pytest.raises(SpaceError, match="says a batch size of 8"):
        wider.suggest(fixed_trial({"rare": 7, "batch_size": 8}))
