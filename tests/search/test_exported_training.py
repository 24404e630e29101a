"""An exported script is its trial's whole training: where this project can't be imported, on the study's own images, it
reaches the study's scores. Every kind of configuration that spaces can draw, through real launches of all kinds; those
of `QUICK` in every run of the tests, the others in the long ones.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from statistics import fmean, variance
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from search.datasets import load_dataset
from search.export import main as export_command
from search.exporting.script import layers_before
from spaces.configuration import (
    Augmentation,
    BatchNorm,
    Block,
    Configuration,
    Dropout,
    EarlyStopping,
    Inputs,
    Optimizer,
    Regularization,
    Schedule,
)
from storage import open_study
from tests.helpers import carried_out

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2.4

SEEDS = 5
OURS = ("search", "spaces", "storage", "__editable__", "keras_image_search")

# In a process without this project: each script as a module, trained with its own seed and with others. Functions run
# eagerly, as compiling each of many small networks takes longer than training it.
HARNESS = """
import contextlib, importlib.util, io, json, sys

packages, *scripts = sys.argv[1:]
sys.path.append(packages)
for name in ("search", "spaces", "storage"):
    assert importlib.util.find_spec(name) is None, f"{name} can be imported here"

import keras
import tensorflow

tensorflow.config.run_functions_eagerly(True)

def trained(module, seed):
    module.SEED = seed
    training, validation, test = [(module.prepare(x), y) for x, y in module.load_data(module.DATA)]
    keras.utils.set_random_seed(seed % 2**32)
    network = module.build_network()
    module.train(network, training, validation)
    loss, accuracy = network.evaluate(*validation, batch_size=module.BATCH_SIZE, verbose=0)
    tested = network.evaluate(*test, batch_size=module.BATCH_SIZE, verbose=0)[1]
    return network, loss, accuracy, tested

def answer(path):
    spec = importlib.util.spec_from_file_location("script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    own = module.SEED
    network, loss, accuracy, tested = trained(module, own)
    others = [trained(module, seed)[2] for seed in range(own + 1, own + SEEDS)]
    layers = [[type(layer).__name__, layer.get_config()] for layer in network.layers]
    return {"loss": loss, "own": accuracy, "test": tested, "accuracies": [accuracy, *others], "layers": layers}

for path in scripts:
    with contextlib.redirect_stdout(io.StringIO()):
        found = answer(path)
    print(json.dumps(found, default=str))
"""

# A space of your own whose models begin with weights that aren't drawn, and of which a part isn't trained.
BUILT_SPACE = """
import numpy as np
import keras
from keras import layers

from spaces.configuration import Configuration, Optimizer
from spaces.space import Space


def suggest(trial):
    return Configuration(optimizer=Optimizer("adam", 0.02), extra={"units": trial.suggest_int("units", 12, 16)})


def build(configuration, image_shape, classes):
    backbone = keras.Sequential([keras.Input(image_shape), layers.Conv2D(6, 3), layers.BatchNormalization()])
    draw = np.random.default_rng(7)
    backbone.set_weights([draw.normal(0.2, 0.4, weight.shape) ** 2 for weight in backbone.weights])
    backbone.trainable = False
    inputs = keras.Input(image_shape)
    hidden = keras.layers.Flatten()(backbone(inputs, training=False))
    hidden = keras.layers.Dense(configuration.extra["units"], activation="relu")(hidden)
    return keras.Model(inputs, keras.layers.Dense(classes)(hidden))


space = Space(name="own", question="How wide?", description="", suggest=suggest, build=build)
"""

DRAWN_SPACE = """
from spaces.configuration import Block, Configuration, Optimizer
from spaces.space import Space


def suggest(trial):
    units = trial.suggest_int("units", 12, 16)
    return Configuration(blocks=(Block((6,)),), dense=(units,), optimizer=Optimizer("adam", 0.02))


space = Space(name="drawn", question="How wide?", description="", suggest=suggest)
"""

BASE = Configuration(blocks=(Block((6,)),), dense=(16,), optimizer=Optimizer("adam", 0.02))


def using(**fields: Any) -> Configuration:
    return msgspec.structs.replace(BASE, **fields)


KINDS: Mapping[str, Configuration] = {
    "sgd, sigmoid, penalties": using(
        optimizer=Optimizer("sgd", 0.2), activation="sigmoid", regularization=Regularization(1e-5, 1e-4)
    ),
    "momentum, tanh, normalized": using(
        optimizer=Optimizer("momentum", 0.05, momentum=0.9, nesterov=True),
        activation="tanh",
        batch_norm=BatchNorm("before_activation"),
    ),
    "rmsprop, leaky relu, mirrored": using(
        optimizer=Optimizer("rmsprop", 0.01, momentum=0.5, rho=0.8, epsilon=1e-3),
        activation="leaky_relu",
        inputs=Inputs(augmentation=Augmentation(flip=True)),
    ),
    "adadelta, elu, dropout": using(
        optimizer=Optimizer("adadelta", 2.0, rho=0.9), activation="elu", dropout=(Dropout("before_dense", 0.1),)
    ),
    "adamw, gelu, inverse time": using(
        optimizer=Optimizer("adamw", 0.02, weight_decay=0.1, epsilon=1e-4, schedule=Schedule("inverse_time", 0.01)),
        activation="gelu",
    ),
    "nadam, silu, cosine, best epoch, dense": using(
        blocks=(),
        dense=(24, 16),
        optimizer=Optimizer("nadam", 0.03, beta_1=0.8, schedule=Schedule("cosine")),
        activation="silu",
        batch_size=24,
        early_stopping=EarlyStopping(None, "val_loss", restore_best=True),
    ),
    "adam, prelu, standardised, shifted, patience": using(
        activation="prelu",
        inputs=Inputs("standardised", Augmentation(shift=1)),
        dropout=(Dropout("after_pooling", 0.1),),
        early_stopping=EarlyStopping(1),
        optimizer=Optimizer("adam", 0.08),
        batch_norm=BatchNorm("after_pooling"),
    ),
    "zca, cropped, restored": using(
        inputs=Inputs("zca", Augmentation(flip=True, crop=1)),
        early_stopping=EarlyStopping(2, "val_accuracy", restore_best=True),
    ),
    "shuffled labels": using(shuffled_labels=True),
}


BUILT, CONFIRMED = "a build of its own, along an axis", "a search, confirmed"
# Together these have normalization, augmentation, dropout, statistics of pixels, and both ends of early stopping.
QUICK = ("adam, prelu, standardised, shifted, patience", "zca, cropped, restored")
OTHERS = (*(kind for kind in KINDS if kind not in QUICK), BUILT, CONFIRMED)
ALL = [*QUICK, *(pytest.param(kind, marks=pytest.mark.long) for kind in OTHERS)]


@dataclass(frozen=True)
class Trained:
    """What the study says of one configuration, and what its exported script did."""

    objective: float
    replicates: tuple[float, ...]
    layers: list[Any]
    script: Mapping[str, Any]
    n_validation: int
    test: float


@dataclass(frozen=True)
class Case:
    """A trial of a study that was exported, and the scores of the replicates of its configuration."""

    study: str
    trial: int
    value: float
    replicates: tuple[float, ...]


def write_images(folder: Path) -> None:
    """The study's own images: digits with names for labels, in arrays of names that aren't the usual ones."""
    digits = load_dataset("digits")
    few = np.flatnonzero(digits.y_train < 4)[:200]
    names = np.array(["zero", "one", "two", "three"])
    np.savez(folder / "own.npz", train_images=digits.x_train[few], train_labels=names[digits.y_train[few]])


def cases_of(folder: Path, name: str) -> dict[str, Case]:
    """The best trial of each arm of a study of replicates, by the arm's name."""
    with open_study(f"sqlite:///{folder / 'search.db'}", name) as shared:
        arms: dict[str, list[Any]] = {}
        for trial in shared.study.get_trials():
            arms.setdefault(trial.params["arm"], []).append(trial)
    best = {arm: max(trials, key=lambda trial: (trial.value, -trial.number)) for arm, trials in arms.items()}
    return {
        arm: Case(name, best[arm].number, best[arm].value, tuple(trial.value for trial in trials))
        for arm, trials in arms.items()
    }


CarryOut = Callable[..., None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the study's own images, and the spaces and arms of the launches there."""
    folder = tmp_path_factory.mktemp("exported")
    write_images(folder)
    (folder / "built.py").write_text(BUILT_SPACE)
    (folder / "drawn.py").write_text(DRAWN_SPACE)
    for number, (name, configuration) in enumerate(KINDS.items()):
        arm = {"name": name, "configuration": msgspec.to_builtins(configuration)}
        (folder / f"arm-{number}.json").write_text(json.dumps(arm))
    return folder


SHARED = ("--dataset", "own.npz", "--epochs", "3")
REPLICATED = (*SHARED, "--seeds", str(SEEDS))


def compared(folder: Path, carry_out: CarryOut, kinds: Iterable[str], study: str) -> dict[str, Case]:
    """A comparison of these kinds of configurations."""
    numbers = [number for number, name in enumerate(KINDS) if name in kinds]
    arms = [word for number in numbers for word in ("--arms", f"arm-{number}.json")]
    carry_out("compare", *arms, *REPLICATED, "--study-name", study)
    return cases_of(folder, study)


def built_and_confirmed(folder: Path, carry_out: CarryOut) -> dict[str, Case]:
    """A comparison along an axis; a search and its confirmation."""
    axis = ("--space", "built.py:space", "--axis", "units", "--choices", "12,16")
    carry_out("compare", *axis, *REPLICATED, "--study-name", "axis")
    drawn = ("--space", "drawn.py:space", "--batch-size", "24,64", "--n-trials", "2")
    carry_out("launch", *drawn, *SHARED, "--study-name", "search")
    carry_out("confirm", "--search", "search", "--top", "1", "--seeds", str(SEEDS))
    (built, *_), (confirmed, *_) = (cases_of(folder, name).values() for name in ("axis", "search-confirm"))
    return {BUILT: built, CONFIRMED: confirmed}


def exported(folder: Path, case: Case) -> Path:
    """The script of a trial, exported."""
    model = folder / f"{case.study}-{case.trial}.keras"
    flags = ["--storage", f"sqlite:///{folder / 'search.db'}", "--study-name", case.study]
    done = CliRunner().invoke(export_command, [*flags, "--trial", str(case.trial), "-o", str(model), "-q"])
    assert done.exit_code == 0, done.output
    return model.with_suffix(".py")


def packages_without_the_project(keras: Any, folder: Path) -> Path:
    """A folder of all packages that are installed, but for this project."""
    made = folder / "packages"
    made.mkdir()
    for path in Path(keras.__file__).parents[1].iterdir():
        if path.suffix != ".pth" and not path.name.startswith(OURS):
            (made / path.name).symlink_to(path)
    return made


@pytest.fixture(scope="module")
def trained(keras: Any, folder: Path, server_of_trainers: str | None) -> Callable[[str], Trained]:
    """What became of a kind; the quick ones are carried out together, and the others if one of them is asked for."""
    carry_out = partial(carried_out.carry_out, folder, server=server_of_trainers)
    packages = packages_without_the_project(keras, folder)

    @cache
    def quick() -> Mapping[str, Trained]:
        return scripts_run(keras, folder, packages, compared(folder, carry_out, QUICK, "quick"))

    @cache
    def others() -> Mapping[str, Trained]:
        cases = compared(folder, carry_out, OTHERS, "others") | built_and_confirmed(folder, carry_out)
        return scripts_run(keras, folder, packages, cases)

    return lambda kind: (quick() if kind in QUICK else others())[kind]


def scripts_run(keras: Any, folder: Path, packages: Path, cases: Mapping[str, Case]) -> Mapping[str, Trained]:
    """All of them, exported, and their scripts run in a process of which this project is no part."""
    scripts = {name: exported(folder, case) for name, case in cases.items()}
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = HARNESS.replace("SEEDS", str(SEEDS))
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-s", "-c", code, packages, *scripts.values()],
        cwd=elsewhere,
        env={**environment, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {
        name: told(keras, folder, case, script, answer)
        for (name, case), script, answer in zip(cases.items(), scripts.values(), answers, strict=True)
    }


def told(keras: Any, folder: Path, case: Case, script: Path, answer: Mapping[str, Any]) -> Trained:
    model = keras.models.load_model(script.with_suffix(".keras"), compile=False)
    facts = json.loads(script.with_suffix(".json").read_text())
    configuration = msgspec.convert(facts["configuration"], Configuration)
    with open_study(f"sqlite:///{folder / 'search.db'}", case.study) as shared:
        assert facts["parameters"] == shared.study.get_trials()[case.trial].user_attrs["parameters"]
    inner = model.layers[1 + layers_before(configuration.inputs.pixels) : -1]
    layers = inner[0].layers if len(inner) == 1 and hasattr(inner[0], "layers") else inner
    n_validation = len(np.load(script.with_suffix(".npz"))["validation"])
    return Trained(case.value, case.replicates, written(layers), answer, n_validation, facts["test_accuracy"])


def written(layers: list[Any]) -> list[Any]:
    """Layers by their types and settings, as JSON has them."""
    found: list[Any] = json.loads(
        json.dumps([[type(layer).__name__, layer.get_config()] for layer in layers], default=str)
    )
    return found


def without_names(document: Any) -> Any:
    """A serialized layer without what differs from one session to the next: its name, and those that it refers to."""
    if isinstance(document, dict):
        left_out = ("name", "registered_name", "build_config", "inbound_nodes", "input_layers", "output_layers")
        return {key: without_names(value) for key, value in document.items() if key not in left_out}
    return [without_names(value) for value in document] if isinstance(document, list) else document


@pytest.mark.parametrize("kind", ALL)
def test_the_script_reaches_the_study_s_scores_with_the_trial_s_seed_and_with_others(
    trained: Callable[[str], Trained], kind: str
) -> None:
    found = trained(kind)
    image = 1 / found.n_validation
    assert found.script["own"] == pytest.approx(found.objective, abs=1.5 * image)
    mine = found.script["accuracies"]
    noise = (variance(found.replicates) + variance(mine)) / SEEDS
    # The study's replicates have splits of their own, of which the script has one: its images are a sample, too.
    sampling = 0.25 / found.n_validation
    assert abs(fmean(mine) - fmean(found.replicates)) <= 3 * (noise + sampling) ** 0.5


@pytest.mark.parametrize("kind", ALL)
def test_the_script_s_layers_are_those_that_were_trained(trained: Callable[[str], Trained], kind: str) -> None:
    found = trained(kind)
    assert without_names(found.script["layers"]) == without_names(found.layers)
