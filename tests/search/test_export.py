"""An exported model stands on its own: Keras opens it, its script trains it, its texts say what it is."""

import ast
import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from search.datasets import load_dataset
from search.errors import UsageError
from search.export import main
from search.exporting.export import ExportOptions, check_targets
from search.exporting.texts import Exported, model_card
from search.predict.exported_model import read_description
from search.study.test_score import LOOK_ATTR, TEST_ATTR, earlier_words, recorded_looks, stored_test_score
from search.study.test_score import TestScore as Score
from search.views.configuration_text import described_trial
from search.workers.context import WorkerContext
from search.workers.settle import MODEL_ATTR
from spaces.configuration import Configuration, Optimizer
from storage import SharedStudy
from tests.helpers.lab import Lab

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2.4

# What this project's packages are called, out of reach for the code that follows.
ALONE = """
import sys

class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("search", "spaces", "storage"):
            raise ImportError(f"{name} is not to be used here")

sys.meta_path.insert(0, Blocked())
"""

# The script comes first, in a process that holds nothing yet. Both in one, as importing Keras takes seconds.
RETRAIN = """
import runpy

sys.argv[1:] = ["--epochs", "1"]
runpy.run_path("model.py", run_name="__main__")
"""

LOAD = """
import keras
import numpy as np
from sklearn.datasets import load_digits

model = keras.models.load_model("model.keras")
said = model.predict(load_digits().images[:5].reshape(5, 8, 8, 1), verbose=0)
assert said.shape == (5, 10) and np.allclose(said.sum(axis=1), 1, atol=1e-5)
print(model.count_params())
"""


@pytest.fixture(autouse=True)
def keras_here(keras: Any) -> None:
    """The command runs in this process."""


@pytest.fixture
def study(lab: Lab) -> SharedStudy:
    """Completed trials, three of which keep the stub's models. The stub's test score is none of a real model."""
    lab.acts = {slot: [{"scores": [0.1, 0.2, 0.3 + slot / 10]}] for slot in range(4)}
    shared = lab.study(4, top_models=3)
    lab.work()
    for name in [name for name in shared.study.user_attrs if name.startswith(LOOK_ATTR)]:
        shared.study.set_user_attr(name, None)
    return shared


@pytest.fixture
def exportable(study: SharedStudy, lab: Lab) -> SharedStudy:
    """The study, with a real model of its best trial."""
    from search.training.models.building import InputSpec, build_model
    from search.views.configuration_text import described_trial
    from spaces import resolve

    described = described_trial(study, "best")
    setting = InputSpec((8, 8, 1), 10, 18)
    model = build_model(resolve("bn_dropout").space, described.configuration, setting)
    model.save(stored_model(study, lab, described.trial.number, ".keras"))
    stored_model(study, lab, described.trial.number, ".keras").replace(stored_model(study, lab, described.trial.number))
    return study


def stored_model(study: SharedStudy, lab: Lab, number: int, ending: str = "") -> Path:
    """Where the kept model of a trial lies."""
    files = lab.files(study)
    artifact: str = study.study.get_trials()[number].user_attrs[MODEL_ATTR]
    return files.models / (artifact + ending)


def export(lab: Lab, *arguments: str | Path) -> Result:
    words = ["--storage", lab.url, *map(str, arguments)]
    return CliRunner(catch_exceptions=False).invoke(main, words)


def run(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs Python without this project's folder on its path."""
    return subprocess.run(
        [sys.executable, "-I", *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False
    )


def test_an_export_stands_on_its_own(exportable: SharedStudy, lab: Lab, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    result = export(lab, "-o", out / "model.keras", "--saved-model")
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == {
        "model.keras",
        "model.json",
        "model.md",
        "model.py",
        "model.npz",
        "model-saved",
    }
    facts = json.loads((out / "model.json").read_text())
    done = run("-c", ALONE + RETRAIN + LOAD, folder=out)
    assert done.returncode == 0, done.stderr
    assert f"{facts['parameters']} parameters" in done.stdout
    assert int(done.stdout.splitlines()[-1]) == facts["parameters"]
    assert (out / "retrained.keras").exists()


def test_an_export_says_nothing_of_missing_graphics_cards(exportable: SharedStudy, lab: Lab, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-m", "search.export", "--storage", lab.url, "-o", "model.keras"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "model.keras" in done.stdout
    assert done.stderr == ""


def test_workers_compute_as_the_study_says_and_its_export_does_so_too(
    lab: Lab,
    with_real_trainer: Callable[[WorkerContext], WorkerContext],
    monkeypatch: pytest.MonkeyPatch,
    keras: Any,
    tmp_path: Path,
) -> None:
    shared = lab.study(1, precision="mixed_bfloat16", epochs=1, top_models=1)
    monkeypatch.setenv("SEARCH_PRECISION", "float32")
    lab.work(with_real_trainer(lab.context()))
    result = export(lab, "-o", tmp_path / "model.keras")
    assert result.exit_code == 0, result.output
    model = keras.models.load_model(tmp_path / "model.keras", compile=False)
    scale, *inner, logits, probabilities = model.layers
    assert {layer.compute_dtype for layer in inner} == {"bfloat16"}
    assert {layer.compute_dtype for layer in (scale, logits, probabilities)} == {"float32"}
    assert model.predict(np.zeros((1, 8, 8, 1)), verbose=0).dtype == np.float32
    assert stored_test_score(shared) is not None, "the export was compared with nothing"
    retrained = run(tmp_path / "model.py", "--epochs", "1", folder=tmp_path)
    assert retrained.returncode == 0, retrained.stderr
    twice = run(tmp_path / "model.py", "--epochs", "1", folder=tmp_path)
    assert (twice.returncode, "retrained.keras exists already: give --force" in twice.stderr) == (2, True)
    again = keras.models.load_model(tmp_path / "retrained.keras", compile=False).layers[1]
    assert [layer.compute_dtype for layer in again.layers] == [layer.compute_dtype for layer in (*inner, logits)]


def test_the_script_scales_the_loss_of_a_model_in_float16() -> None:
    from search.training.models.plain_model import optimizer_code

    code = optimizer_code(Configuration(optimizer=Optimizer("adam", 0.003)), "mixed_float16")
    assert code == "keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(learning_rate=0.003))"


def test_the_exported_model_scores_on_raw_pixels_what_the_study_says(
    exportable: SharedStudy, lab: Lab, tmp_path: Path
) -> None:
    from search.training.models.plain_model import accuracy, load_trained, plain_model

    best = exportable.study.best_trial.number
    data = load_dataset("digits")
    trained = load_trained(kept_copy(exportable, lab, best, tmp_path))
    logits = trained.predict(data.x_test.astype(np.float32) / data.pixel_max, verbose=0)
    expected = float(np.mean(logits.argmax(axis=1) == data.y_test))
    model = plain_model(trained, (8, 8, 1), data.pixel_max)
    assert accuracy(model, data.x_test, data.y_test, 64) == pytest.approx(expected, abs=1 / 359)
    score = {"trial": best, "accuracy": expected, "loss": 1.0, "n": 359}
    exportable.study.set_user_attr(TEST_ATTR, score)
    assert export(lab, "-o", tmp_path / "good.keras").exit_code == 0
    assert read_description(tmp_path / "good.keras").classes == exportable.manifest.classes
    exportable.study.set_user_attr(TEST_ATTR, {**score, "accuracy": 1 - expected})
    refused = export(lab, "-o", tmp_path / "bad.keras")
    assert refused.exit_code == 1
    assert "nothing was written" in refused.stderr
    assert not list(tmp_path.glob("bad*"))


def kept_copy(study: SharedStudy, lab: Lab, number: int, folder: Path) -> Path:
    """The kept model under a name that Keras takes."""
    copy = folder / "kept.keras"
    copy.write_bytes(stored_model(study, lab, number).read_bytes())
    return copy


def test_the_card_says_what_pixels_it_takes_and_how_sure_its_scores_are(
    exportable: SharedStudy, lab: Lab, tmp_path: Path
) -> None:
    export(lab, "-o", tmp_path / "model.keras")
    card = (tmp_path / "model.md").read_text()
    for words in ("from 0 to\n16", "divides them by 16", "95 % interval", "trained once", "License"):
        assert words in card


def test_the_card_shows_names_and_values_as_they_are(study: SharedStudy) -> None:
    found = described_trial(study, "best")
    frozen = copy.copy(found.trial.frozen)
    frozen.params, frozen.distributions = {"size | *px*": "3\n|"}, {}
    manifest = msgspec.structs.replace(study.manifest, classes=("*new*", "a|b"))
    described = replace(found, trial=replace(found.trial, frozen=frozen), manifest=manifest)
    card = model_card(
        Exported(
            name="m.keras",
            pixel_max=1,
            lowest=0,
            highest=1,
            parameters=1,
            described=described,
            seed=0,
            optimizer="",
            look=None,
        )
    )
    assert "\n| size \\| \\*px\\* | 3 \\| |\n" in card
    assert "in this order: \\*new\\*, a\\|b." in card


def test_the_script_is_python_whatever_the_study_is_called() -> None:
    import keras

    from search.training.models.plain_model import call

    assert call("keras.layers", keras.layers.Conv2D(8, 3, padding="same")) == (
        "keras.layers.Conv2D(filters=8, kernel_size=(3, 3), padding='same')"
    )
    ast.parse(str(call("keras.optimizers", keras.optimizers.Adam(0.001))))


@pytest.mark.parametrize("own", ["Own", "Cell", "twice", "Seven"])
def test_what_is_of_the_space_cannot_be_exported(tmp_path: Path, own: str) -> None:
    """Its classes and functions are known in this process, as after --retrain, and nowhere else."""
    import keras

    from search.training.models.plain_model import load_trained
    from spaces.errors import SpaceError

    register = keras.saving.register_keras_serializable("tests")

    @register
    class Own(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return inputs

    @register
    class Cell(keras.layers.GRUCell):  # type: ignore[misc]
        pass

    @register
    class Seven(keras.initializers.Initializer):  # type: ignore[misc]
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return 7 * keras.ops.ones(shape, dtype)

    @register  # type: ignore[untyped-decorator]  # Keras has no types
    def twice(inputs: Any) -> Any:
        return inputs * 2

    layer = {
        "Own": lambda: keras.layers.TimeDistributed(Own()),
        "Cell": lambda: keras.layers.RNN(Cell(3)),
        "twice": lambda: keras.layers.Dense(3, activation=twice),
        "Seven": lambda: keras.layers.Dense(3, kernel_initializer=Seven()),
    }[own]()
    model = keras.Sequential([keras.Input((2, 2)), layer, keras.layers.Flatten(), keras.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    with pytest.raises(SpaceError, match=rf"layers or functions of the space's own \({own}\)"):
        load_trained(tmp_path / "model.keras")


def test_whatever_is_of_keras_can_be_exported_and_is_opened_without_a_warning(tmp_path: Path) -> None:
    import keras

    from search.training.models.plain_model import load_trained, plain_model

    images = keras.Input((4, 4, 1))
    hidden = keras.layers.Conv2D(2, 3, activation=keras.activations.gelu, kernel_regularizer="l2")(images)
    hidden = keras.layers.TimeDistributed(keras.layers.Dense(3, dtype="mixed_bfloat16"))(hidden * 0.5)
    logits = keras.layers.Dense(2)(keras.layers.Flatten()(hidden))
    model = keras.Model(images, logits)
    model.compile("adam", metrics=["accuracy"])
    model.save(tmp_path / "trained.keras")
    plain_model(load_trained(tmp_path / "trained.keras"), (4, 4, 1), 255.0).save(tmp_path / "model.keras")
    opened = keras.models.load_model(tmp_path / "model.keras")  # a warning of Keras' would be an error here
    assert opened.evaluate(np.zeros((2, 4, 4, 1)), np.zeros(2), verbose=0)[0] > 0


def test_a_trial_whose_model_is_gone_says_which_are_kept(study: SharedStudy, lab: Lab, tmp_path: Path) -> None:
    result = export(lab, "--trial", "0", "-o", tmp_path / "model.keras")
    assert result.exit_code == 2
    assert "trial 0 can't be exported as it is" in result.stderr
    assert "best 3 trials (1, 2, 3)" in result.stderr
    assert "--retrain" in result.stderr
    elsewhere = export(lab, "--artifacts", tmp_path / "mistyped", "-o", tmp_path / "model.keras")
    assert (elsewhere.exit_code, "its model is gone" in elsewhere.stderr) == (2, True)
    assert not list(tmp_path.glob("mistyped*")), "an export that only reads has created a folder"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--trial", "9"), "there is no trial 9"),
        (("--trial", "first"), "give best, or the number of a trial"),
        (("-o", "model.h5"), "ends in .keras"),
        (("-o", "missing/model.keras"), "doesn't exist"),
    ],
)
def test_what_cannot_be_exported_is_said(study: SharedStudy, lab: Lab, arguments: tuple[str, str], words: str) -> None:
    result = export(lab, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize(("name", "what"), [("net.py", "the study's space"), ("photos.npz", "its images")])
@pytest.mark.parametrize("named", [False, True])
def test_no_force_takes_away_the_space_or_the_images(
    study: SharedStudy, tmp_path: Path, name: str, what: str, *, named: bool
) -> None:
    """The script of net.keras is net.py, and its arrays are in net.npz."""
    (tmp_path / name).write_text("the user's own")
    images = {"dataset": "photos", "data_dir": str(tmp_path)} if named else {"dataset": str(tmp_path / "photos.npz")}
    manifest = msgspec.structs.replace(study.manifest, space=f"{tmp_path / 'net.py'}:space", **images)
    options = ExportOptions(output=(tmp_path / name).with_suffix(".keras"), force=True)
    with pytest.raises(UsageError, match=rf"would overwrite .*{name}, {what}: give another name with -o"):
        check_targets(options, manifest)
    check_targets(replace(options, output=tmp_path / "model.keras"), manifest)


def test_a_file_that_is_there_is_left_unless_forced(study: SharedStudy, lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "model.md").write_text("mine")
    result = export(lab, "-o", tmp_path / "model.keras")
    assert result.exit_code == 2
    assert "--force" in result.stderr
    assert (tmp_path / "model.md").read_text() == "mine"


def test_an_export_that_finds_the_disk_full_leaves_the_one_that_is_there_as_it_was(
    exportable: SharedStudy, lab: Lab, small_disk: Path
) -> None:
    older = {f"model{ending}": f"an older export's {ending}" for ending in (".keras", ".json", ".md", ".py", ".npz")}
    for name, text in older.items():
        (small_disk / name).write_text(text)
    (small_disk / "filling").write_bytes(bytes(100_000))
    result = export(lab, "-o", small_disk / "model.keras", "--force")
    assert result.exit_code == 2
    assert f"{small_disk / 'model.keras'} can't be written: No space left on device" in result.stderr
    (small_disk / "filling").unlink()
    assert {path.name: path.read_bytes().decode(errors="replace") for path in small_disk.iterdir()} == older


@pytest.fixture
def kept_models(study: SharedStudy, lab: Lab) -> list[int]:
    """Real models of the three best trials, best first."""
    from search.training.models.building import InputSpec, build_model, seed_all
    from search.views.configuration_text import described_trial
    from spaces import resolve

    for number in (3, 2, 1):
        seed_all(number)
        described = described_trial(study, str(number))
        model = build_model(resolve("bn_dropout").space, described.configuration, InputSpec((8, 8, 1), 10, 18))
        model.save(stored_model(study, lab, number, ".keras"))
        stored_model(study, lab, number, ".keras").replace(stored_model(study, lab, number))
    return [3, 2, 1]


def test_an_ensemble_gives_the_mean_of_the_best_models_and_says_what_that_gains(
    study: SharedStudy, kept_models: list[int], lab: Lab, tmp_path: Path
) -> None:
    import keras

    out = tmp_path / "ensemble.keras"
    result = export(lab, "--ensemble", "3", "-o", out)
    assert result.exit_code == 0, result.output
    assert "tf.function" not in result.stderr  # which TensorFlow would say of so many models
    assert {path.name for path in tmp_path.glob("ensemble*")} == {"ensemble.keras", "ensemble.json", "ensemble.md"}
    data = load_dataset("digits")
    images = data.x_test[:100].astype(np.float32)
    logits = [
        keras.saving.load_model(kept_copy(study, lab, number, tmp_path), compile=False).predict(images / 16, verbose=0)
        for number in kept_models
    ]
    exponents = [np.exp(one - one.max(axis=1, keepdims=True)) for one in logits]
    mean = np.mean([one / one.sum(axis=1, keepdims=True) for one in exponents], axis=0)
    model = keras.models.load_model(out)
    np.testing.assert_allclose(model.predict(images, verbose=0), mean, atol=1e-5)
    document = json.loads((tmp_path / "ensemble.json").read_text())
    assert [one["trial"] for one in document["ensemble"]] == kept_models
    paired = document["best_alone"]
    difference = paired["ensemble"]["accuracy"] - paired["best"]["accuracy"]
    assert paired["gained"] - paired["lost"] == pytest.approx(difference * 359, abs=1e-6)
    assert read_description(out).classes == study.manifest.classes
    looks = recorded_looks(study)
    assert [(look.trial, look.ensemble, look.look) for look in looks] == [(3, (), 1), (3, (3, 2, 1), 2)]
    assert stored_test_score(study) is None
    assert "the ensemble of trials 3, 2, 1" in earlier_words(looks, Score(3, 0.5, None, 359, look=3))
    assert "with trial 3 alone" in result.output
    assert "trial 3 alone (first look)" in (tmp_path / "ensemble.md").read_text()


def test_an_ensemble_looks_at_no_test_images_unless_it_may(
    study: SharedStudy, kept_models: list[int], lab: Lab, tmp_path: Path
) -> None:
    assert export(lab, "--ensemble", "2", "--no-test", "-o", tmp_path / "two.keras").exit_code == 0
    assert recorded_looks(study) == ()
    assert json.loads((tmp_path / "two.json").read_text())["best_alone"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--ensemble", "4"), "has 3 (3, 2, 1): ask for fewer, or give --retrain"),
        (("--ensemble", "1"), "--ensemble"),
        (("--ensemble", "2", "--trial", "1"), "leave out --trial 1"),
    ],
)
def test_an_ensemble_of_too_few_is_refused(
    study: SharedStudy, lab: Lab, arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    result = export(lab, *arguments, "-o", tmp_path / "model.keras")
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert list(tmp_path.glob("model*")) == []


def test_trials_of_one_configuration_are_one_model_of_an_ensemble(
    study: SharedStudy, lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("search.exporting.ensemble.identity", lambda _: b"the same")
    result = export(lab, "--ensemble", "2", "-o", tmp_path / "model.keras")
    assert "has 1 (3)" in result.stderr


def test_failed_and_pruned_trials_have_no_model(lab: Lab, tmp_path: Path) -> None:
    lab.acts = {0: [{"fail": ["space_error", "no such layer"]}]}
    lab.study(1)
    lab.work()
    for trial in ("0", "best"):
        result = export(lab, "--trial", trial, "-o", tmp_path / "model.keras")
        assert result.exit_code == 2
        assert "failed" in result.stderr
    assert "trial 0 failed: no such layer" in export(lab, "--trial", "0", "-o", tmp_path / "model.keras").stderr


def test_onnx_without_its_packages_says_what_to_install(
    study: SharedStudy, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.exporting.export.ONNX_PACKAGES", ("no_such_package",))
    result = export(lab, "--onnx", "-o", tmp_path / "model.keras")
    assert result.exit_code == 2
    assert "pip install" in result.stderr
