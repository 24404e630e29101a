"""--image-size: several sizes of a folder's images are a parameter that is searched and compared."""

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import search.training.jobs.job as jobs_module
from search.datasets import DataSet, load_dataset
from search.design.axis_plan import axis_plan
from search.design.options import CompareOptions
from search.design.plan import ComparisonPlan, require_of_use
from search.errors import UsageError
from search.export import main as export
from search.exporting.ensemble import make, members_of
from search.exporting.ensemble_texts import ensemble_json
from search.exporting.export import ExportOptions, obtain_model
from search.launching import fitting
from search.launching.limits import require_possible
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.launching.study_options import filled_from
from search.predict import main as predict
from search.sampling.limits import limits_of
from search.study.image_size import stored_image_sizes, trial_image_size
from search.study.space import configuration_of, study_space
from search.study.test_score import recorded_looks
from search.trainers.protocol import DataSource, EpochEnd, Train
from search.training.jobs.job import Jobs, _identity
from search.views.configuration_text import described_trial
from search.views.facts import gather_facts
from search.workers.join import study_folder
from search.workers.study_jobs import JobFiles, StudyJobs
from spaces import load_space
from spaces.configuration import Block, Configuration
from spaces.contract import check_space, parameters
from spaces.costs import cost_of
from spaces.distributions import Choices
from spaces.errors import ConfigurationError, SpaceError
from spaces.resizing import ImageSize, Resizing
from spaces.space import Space, Trial
from spaces.trials import fixed_trial, random_trial
from spaces.widening import Widening, widened
from storage import Manifest, create_study, open_study
from storage.comparison import ArmDesign
from storage.differences import differences
from storage.errors import ManifestMismatch
from storage.manifest import MANIFEST_VERSION
from storage.records import Lease, SlotSettings
from tests.helpers.carried_out import carry_out
from tests.helpers.lab import MANIFEST, Lab
from tests.helpers.launches import RunLaunch

SMALL, LARGE = (8, 8), (12, 16)
SEVERAL = (SMALL, LARGE)
TINY = Configuration((Block((2,)),), dense=())


def own_image_size(trial: Trial) -> Configuration:
    return Configuration(
        image_size=(8, 8) if trial.suggest_categorical("size", ["small", "large"]) == "small" else LARGE
    )


OWN = "from tests.search.test_image_size import own_image_size\nfrom spaces.space import Space\n" + (
    "space = Space(name='own', question='How large?', suggest=own_image_size)\n"
)
WIDTHS = """
from spaces.configuration import Block, Configuration
from spaces.space import Space


def suggest(trial):
    return Configuration(blocks=(Block((trial.suggest_int("width", 2, 3),)),), dense=())


space = Space(name="widths", question="How wide?", suggest=suggest)
"""


def fill(folder: Path) -> Path:
    """Two classes of color photographs of many sizes."""
    draw = np.random.default_rng(0)
    for label in ("cats", "dogs"):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            pixels = draw.integers(0, 256, (18 + number, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return fill(tmp_path / "photos")


@pytest.fixture
def options(photos: Path, sqlite_url: str) -> LaunchOptions:
    return LaunchOptions(space="bn_dropout", storage=sqlite_url, dataset=str(photos), image_size=SEVERAL)


def job_of(configuration: Configuration) -> Train:
    """The job that a worker makes of it, in a study of images that all are 12x16 and decoded for all trainers."""
    lease = Lease(0, 1, "worker", None, None, 3, SlotSettings(), 0, None, 30.0)
    files = JobFiles(Path("slot"), Path("model.keras"), token=1)
    data = DataSource("photos", decoded="decoded", resizing=Resizing(LARGE, "crop"))
    return StudyJobs(MANIFEST, "bn_dropout", data).train(1, configuration, lease, files)


def test_a_configuration_without_a_size_is_written_as_ever_and_has_the_studys_images() -> None:
    assert "image_size" not in Configuration().to_json()
    assert job_of(Configuration()).data == job_of(Configuration(image_size=LARGE)).data
    assert job_of(Configuration()).data.decoded == "decoded"


def test_a_configuration_with_a_size_is_trained_on_images_of_that_size() -> None:
    own = Configuration(image_size=SMALL)
    assert Configuration.from_json(own.to_json()) == own
    assert job_of(own).data == DataSource("photos", resizing=Resizing(SMALL, "crop"))
    for wrong in ((0, 8), (8, 5000)):
        with pytest.raises(ConfigurationError, match="the sides of images have 1 to 4,096 pixels"):
            Configuration(image_size=wrong)


def test_a_checkpoint_belongs_to_its_size() -> None:
    space = load_space("bn_dropout")
    small, large = (job_of(Configuration(image_size=size)) for size in SEVERAL)
    assert _identity(small, space) != _identity(large, space)


def test_a_widened_space_is_a_space_with_one_parameter_more() -> None:
    space = load_space("bn_dropout")
    wider = widened(space, Widening(image_sizes=SEVERAL))
    check_space(wider)
    assert parameters(wider) == {**parameters(space), "image_size": Choices(("8", "12x16"))}
    assert {baseline.params["image_size"] for baseline in wider.baselines} == {"12x16"}
    found = wider.suggest(fixed_trial({**wider.baselines[0].params, "image_size": "8"}))
    assert found.image_size == SMALL


def test_several_sizes_are_searched(lab: Lab) -> None:
    shared = lab.study(8, image_sizes=SEVERAL)
    lab.work()
    trials = shared.study.get_trials()
    assert {trial.params["image_size"] for trial in trials} == {"8", "12x16"}
    sizes = {"8": SMALL, "12x16": LARGE}
    assert [trial_image_size(trial.user_attrs) for trial in trials] == [
        sizes[trial.params["image_size"]] for trial in trials
    ]


def test_a_study_has_the_largest_size_goes_on_with_all_and_refuses_others(options: LaunchOptions) -> None:
    first = make_plan(options)
    assert first.manifest.image_sizes == SEVERAL
    assert first.manifest.resizing == Resizing(LARGE, "crop")
    assert first.manifest.image_shape == (12, 16, 3)
    with create_study(first.url, first.study_name, first.manifest):
        pass
    assert make_plan(replace(options, image_size=())).manifest.image_sizes == SEVERAL
    for other in ((SMALL, (10, 10), LARGE), (LARGE,)):
        with pytest.raises(ManifestMismatch, match="--image-size: the study has"):
            make_plan(replace(options, image_size=other))


def test_one_size_is_no_parameter_and_several_are_narrowed_like_any_other(options: LaunchOptions) -> None:
    one = make_plan(replace(options, image_size=(SMALL,))).manifest
    assert (one.resizing.size, one.image_sizes, stored_image_sizes(one)) == (SMALL, (), (SMALL,))
    part = make_plan(replace(options, fixed=("image_size=8",)))
    assert parameters(study_space(part.manifest, load_space("bn_dropout")))["image_size"] == Choices(("8",))
    assert part.cost.images_mb == pytest.approx(20 * 8 * 8 * 3 / 1e6), "images that no trial has don't count"
    assert make_plan(options).cost.images_mb == pytest.approx(20 * 12 * 16 * 3 / 1e6)


def test_a_manifest_of_an_earlier_release_has_one_size(options: LaunchOptions) -> None:
    manifest = make_plan(replace(options, image_size=(SMALL,))).manifest
    document = json.loads(manifest.to_json())
    del document["image_sizes"]
    stored = Manifest.from_json(json.dumps({**document, "schema_version": 13}))
    assert MANIFEST_VERSION > 13
    assert stored_image_sizes(stored) == (SMALL,)
    assert differences(stored, manifest) == []


def test_a_limit_counts_the_parameters_that_a_model_has_on_images_of_its_size(options: LaunchOptions) -> None:
    small, large = (msgspec.structs.replace(Configuration(), image_size=size) for size in SEVERAL)
    most = cost_of(small, (*SMALL, 3), classes=2).parameters
    plan = make_plan(replace(options, limit=f"parameters={most}"))
    limits = limits_of(plan.manifest, load_space("bn_dropout"))
    assert limits.broken_by(small) is None
    assert str(limits.broken_by(large)).startswith("parameters ")
    space = study_space(plan.manifest, load_space("bn_dropout"))
    with pytest.raises(UsageError, match=r"the baseline .* breaks it"):
        require_possible(space, plan.manifest, space.baselines, ())


def test_a_plan_draws_its_configurations_once(options: LaunchOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A space of your own may take its time."""
    drawn = Mock(side_effect=random_trial)
    monkeypatch.setattr(fitting, "random_trial", drawn)
    assert make_plan(replace(options, limit="parameters=1G")).cost.batch_mb[1] > 0
    assert drawn.call_count == fitting.DRAWN


def test_the_plan_says_the_sizes(cli: RunLaunch) -> None:
    fill(Path("photos"))
    planned = cli("--space", "bn_dropout", "--dataset", "photos", "--image-size", "12x16,8", "--dry-run")
    assert planned.exit_code == 0
    assert "12x16x3 (image sizes 8, 12x16), 2 classes" in " ".join((planned.stdout + planned.stderr).split())


def compared(options: LaunchOptions, **changes: Any) -> ComparisonPlan:
    flags = CompareOptions(
        storage=options.storage, space="bn_dropout", axis="image_size", dataset=options.dataset, image_size=SEVERAL
    )
    return axis_plan(replace(flags, **changes))


def test_sizes_are_compared(options: LaunchOptions) -> None:
    arms = compared(options).comparison.arms
    assert [arm.name for arm in arms] == ["8", "12x16"]
    assert [configuration_of(arm.configuration).image_size for arm in arms] == [SMALL, LARGE]
    tunings = compared(options, tune=2).tunings
    assert [tuning.manifest.fixed for tuning in tunings] == [{"image_size": "8"}, {"image_size": "12x16"}]
    with pytest.raises(UsageError, match="once it has values to choose from: --image-size 64,96"):
        compared(options, image_size=())


def test_what_confirms_a_search_takes_its_sizes_and_refuses_those_that_change_nothing(options: LaunchOptions) -> None:
    searched = make_plan(options).manifest
    flags = filled_from(CompareOptions(), searched)
    assert (flags.image_size, flags.resize) == (SEVERAL, "crop")
    plain = ArmDesign("plain", msgspec.to_builtins(Configuration()))
    small = ArmDesign("small", msgspec.to_builtins(Configuration(image_size=SMALL)))
    require_of_use(flags, (plain, small))
    with pytest.raises(UsageError, match="--image-size 8,12x16: these arms are trained on images of one size"):
        require_of_use(flags, (plain,))
    with pytest.raises(UsageError, match="--image-size 8: small has a size of images of its own"):
        require_of_use(replace(flags, image_size=(SMALL,)), (plain, small))


def test_a_space_that_decides_sizes_needs_a_folder_and_is_not_told_others(cli: RunLaunch) -> None:
    fill(Path("photos"))
    Path("own.py").write_text(OWN)
    flags = ("--space", "own.py:space", "--dry-run")
    assert cli(*flags, "--dataset", "photos").exit_code == 0
    arrays = cli(*flags, "--dataset", "digits")
    assert (arrays.exit_code, "own decides the size of images" in " ".join(arrays.stderr.split())) == (2, True)
    for given in ("8", "8,16"):
        told = cli(*flags, "--dataset", "photos", "--image-size", given)
        assert told.exit_code == 2
        assert "have image sizes of their own" in " ".join(told.stderr.split())


def test_a_space_that_decides_only_sometimes_is_refused_when_it_does() -> None:
    def suggest(trial: Trial) -> Configuration:
        return Configuration(image_size=SMALL if trial.suggest_int("rare", 0, 10**6) == 7 else None)

    wider = widened(Space("rare", "When?", suggest), Widening(image_sizes=SEVERAL))
    with pytest.raises(SpaceError, match=r"says an image size of \(8, 8\)"):
        wider.suggest(fixed_trial({"rare": 7, "image_size": "8"}))


@pytest.mark.usefixtures("keras")
def test_a_trainer_decodes_each_size_once_and_sizes_do_not_touch_each_other(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = list[ImageSize | None]()

    def counted(ref: str, data_dir: str | None, resizing: Resizing) -> DataSet:
        decoded.append(resizing.size)
        return load_dataset(ref, data_dir, resizing)

    monkeypatch.setattr(jobs_module, "load_dataset", counted)

    def losses(jobs: Jobs, size: ImageSize, split_seed: int) -> list[float | None]:
        data = DataSource(str(photos), resizing=Resizing(size, "crop"))
        job = Train(1, TINY, "bn_dropout", data, 2, 8, 3, split_seed, 1)
        return [one.scores.val_loss for one in jobs.train(job, lambda: False) if isinstance(one, EpochEnd)]

    in_turn, sizes = Jobs(), (SMALL, LARGE, (10, 10))
    found = {(size, seed): losses(in_turn, size, seed) for seed in (5, 6) for size in sizes}
    assert decoded == list(sizes)
    assert found == {(size, seed): losses(Jobs(), size, seed) for size, seed in found}


@dataclass(frozen=True)
class Searched:
    """A folder with photographs and a finished search of two sizes."""

    folder: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'search.db'}"


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, server_of_trainers: str | None) -> Searched:
    folder = tmp_path_factory.mktemp("searched")
    fill(folder / "photos")
    (folder / "widths.py").write_text(WIDTHS)
    space = ("--space", "widths.py:space", "--dataset", "photos", "--image-size", "8,12x16", "--seed", "3")
    how = ("--sampler", "grid", "--pruner", "none", "--epochs", "1", "--n-trials", "3")
    carry_out(folder, "launch", *space, *how, server=server_of_trainers)
    return Searched(folder)


def run(command: Any, *arguments: str | Path | int) -> str:
    done = CliRunner(catch_exceptions=False).invoke(command, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2.4
@pytest.mark.parametrize("size", SEVERAL)
def test_an_exported_model_takes_images_in_its_trials_size(
    size: ImageSize, searched: Searched, keras: Any, tmp_path: Path
) -> None:
    with open_study(searched.url, "widths-photos") as shared:
        trials = [one for one in gather_facts(shared).ranked if trial_image_size(one.frozen.user_attrs) == size]
        assert recorded_looks(shared), "the winner's test score was measured on images of its size"
    model = tmp_path / "model.keras"
    run(export, "--storage", searched.url, "--trial", trials[0].number, "-o", model, "-q")
    images = load_dataset(str(searched.folder / "photos"), None, Resizing(size, "crop")).x_train
    opened = keras.saving.load_model(model, compile=False)
    assert opened.input_shape[1:] == (*size, 3)
    predicted = run(predict, model, searched.folder / "photos", "-f", "csv").splitlines()
    given = np.array([float(row[3]) for row in list(csv.reader(predicted))[1:]])
    expected = opened(images.astype(np.float32)).numpy()[:, :1]
    assert np.abs(expected - given).min(axis=1) == pytest.approx(0, abs=1e-5), "all training images are in the folder"
    assert f"IMAGE_SHAPE = {(*size, 3)}" in (tmp_path / "model.py").read_text()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2.4
@pytest.mark.usefixtures("keras")
def test_an_ensemble_has_the_size_of_its_models(searched: Searched, tmp_path: Path) -> None:
    options = ExportOptions(ensemble=2, retrain=True, test=False)
    with open_study(searched.url, "widths-photos") as shared:
        ranked = gather_facts(shared).ranked
        sizes = [trial_image_size(one.frozen.user_attrs) for one in ranked]
        best = [one.number for one, size in zip(ranked, sizes, strict=True) if size == sizes[0]]
        with pytest.raises(UsageError, match=r"a kept model on images of (8|12x16), and the study .* has [12] "):
            members_of(shared, gather_facts(shared), replace(options, ensemble=3))
        assert members_of(shared, gather_facts(shared), replace(options, ensemble=1))[0].number == best[0]
        numbers = [one.number for one, size in zip(ranked, sizes, strict=True) if sizes.count(size) == 2]
        chosen = [described_trial(shared, str(number)) for number in numbers]
        files = [tmp_path / f"{number}.keras" for number in numbers]
        for described, file in zip(chosen, files, strict=True):
            obtain_model(shared, study_folder(shared, None), described, options, file)
        model, ensemble = make(shared, chosen, options, files)
    described_input = json.loads(ensemble_json(ensemble))["input"]
    assert model.input_shape[1:] == tuple(described_input["shape"]) == chosen[0].image_shape
    assert replace(chosen[0], model=None, unknown="lost").image_shape == chosen[0].image_shape
    assert (described_input["resize"], described_input["depth"]) == ("crop", "8-bit")
