"""Models that a space builds by itself: what they give, how they compute their loss, what they set for all of Keras."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.trainers.protocol import EpochEnd, Failed, Trained, Warned
from search.training.models.building import InputSpec, build_model, seed_all
from search.training.models.input_scale import OF_A_RANGE
from search.training.models.plain_model import plain_model
from spaces import Configuration
from spaces.errors import SpaceError
from spaces.space import Space
from tests.helpers import backends
from tests.helpers.piped_trainer import MakeJob, PipedTrainer, epochs_of, last_of, scores_of

DIGITS = InputSpec((8, 8, 1), 10, 18)

SPACE = """
import keras
from spaces import Configuration, Space


class Own(keras.Model):
    {methods}


def build(configuration, input_shape, classes):
    {settings}
    images = keras.Input(input_shape)
    return Own(images, keras.layers.Dense(classes)(keras.layers.Flatten()(images)))


space = Space("own", "does it work?", suggest=lambda trial: Configuration(), build=build)
"""


def space_of(make: Callable[..., Any]) -> Space:
    return Space("tried", "?", lambda _: Configuration(), build=lambda _, shape, classes: make(shape, classes))


def logits_of(keras: Any, images: Any, classes: int, units: int = 8) -> Any:
    return keras.layers.Dense(classes)(keras.layers.Dense(units, "relu")(keras.layers.Flatten()(images)))


def nested(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    head = keras.Sequential([keras.Input((8,)), keras.layers.Dense(classes, "softmax")])
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(8), head])


def by_an_operation(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    images = keras.Input(shape)
    return keras.Model(images, keras.ops.softmax(logits_of(keras, images, classes)))


def in_16_bits(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    images = keras.Input(shape)
    return keras.Model(images, keras.layers.Softmax(dtype="float16")(logits_of(keras, images, classes)))


def by_its_call(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(classes)

        def call(self, images: Any) -> Any:
            return keras.ops.sigmoid(self.dense(keras.ops.reshape(images, (-1, 64))))

    return Own()


def sigmoid_before_a_name(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    images = keras.Input(shape)
    return keras.Model(images, keras.layers.Identity()(keras.ops.sigmoid(logits_of(keras, images, classes))))


def deep(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    hidden = images = keras.Input(shape)
    for _ in range(40):
        hidden = keras.layers.Dense(8, "relu")(keras.layers.BatchNormalization()(hidden))
    return keras.Model(images, keras.ops.softmax(logits_of(keras, hidden, classes)))


@pytest.mark.parametrize("make", [nested, by_an_operation, in_16_bits, deep])
def test_a_softmax_is_seen_wherever_it_is(keras: Any, make: Any) -> None:
    with pytest.raises(SpaceError, match=r"gives probabilities, which add up to 1.*leave it out"):
        build_model(space_of(lambda *given: make(keras, *given)), Configuration(), DIGITS)


@pytest.mark.parametrize("make", [by_its_call, sigmoid_before_a_name])
@pytest.mark.parametrize("classes", [2, 10])
def test_a_sigmoid_is_seen_wherever_it_is(keras: Any, make: Any, classes: int) -> None:
    with pytest.raises(SpaceError, match="between 0 and 1 whatever its weights are, as after a sigmoid"):
        build_model(space_of(lambda *given: make(keras, *given)), Configuration(), InputSpec((8, 8, 1), classes, 18))


def positive(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    """Logits that all lie in [0, 1] at first, by chance, as may be with two classes."""
    ones = keras.initializers.Constant(0.01)
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(classes, None, True, ones)])


def zero(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    """As He et al. begin with a last layer of zeros."""
    last = keras.layers.Dense(classes, kernel_initializer="zeros")
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), last])


def frozen(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    model = zero(keras, shape, classes)
    model.trainable = False
    return model


def normalized(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    flat = [keras.Input(shape), keras.layers.Flatten()]
    ones = keras.initializers.Constant(0.01)
    return keras.Sequential([*flat, keras.layers.LayerNormalization(), keras.layers.Dense(classes, "relu", True, ones)])


@pytest.mark.parametrize("make", [positive, zero, frozen, normalized])
@pytest.mark.parametrize("classes", [2, 10])
def test_logits_that_happen_to_lie_between_0_and_1_are_logits(keras: Any, make: Any, classes: int) -> None:
    spec = InputSpec((8, 8, 1), classes, 18)
    seed_all(3)
    model = build_model(space_of(lambda *given: make(keras, *given)), Configuration(), spec)
    seed_all(3)
    as_built = make(keras, (8, 8, 1), classes)
    for weight, other in zip(model.weights, as_built.weights, strict=True):
        assert np.array_equal(weight.numpy(), other.numpy()), "the look at its outputs has changed the model"


def two(keras: Any, shape: tuple[int, int, int], classes: int, names: tuple[str, ...] = ()) -> Any:
    images = keras.Input(shape)
    outputs = [logits_of(keras, images, classes), logits_of(keras, images, 2)]
    return keras.Model(images, dict(zip(names, outputs, strict=True)) if names else outputs)


@pytest.mark.parametrize(
    ("names", "message"),
    [((), "gives 2 outputs in a list: here a model has one"), (("kind", "side"), r"gives 2 outputs \(kind, side\)")],
)
def test_several_outputs_are_called_so(keras: Any, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        build_model(space_of(lambda shape, classes: two(keras, shape, classes, names)), Configuration(), DIGITS)


def own(path: Path, methods: str = "pass", settings: str = "pass") -> str:
    path.write_text(SPACE.format(methods=methods, settings=settings))
    return f"{path}:space"


LOSS = """def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred, sample_weight) + keras.ops.mean(keras.ops.square(x))"""
STEP = """def train_step(self, data):
        return {"loss": keras.ops.mean(self(data[0], training=True))}"""
NO_METRICS = """def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return {"loss": self._loss_tracker.result()}

    def get_metrics_result(self):
        return {"loss": self._loss_tracker.result(), "top": 1.0}"""


def test_a_loss_of_its_own_may_use_the_images(trainer: PipedTrainer, job: MakeJob, tmp_path: Path) -> None:
    plain = trainer.run(job(space=own(tmp_path / "plain.py"), checkpoints=None))
    with_images = trainer.run(job(space=own(tmp_path / "own.py", LOSS), checkpoints=None))
    assert isinstance(with_images[-1], Trained), with_images[-1]
    for one, other in zip(*([epoch.scores for epoch in epochs_of(run)] for run in (plain, with_images)), strict=True):
        assert one.loss is not None
        assert other.loss is not None
        assert other.loss > one.loss
        assert other.accuracy == one.accuracy


def test_a_model_that_gives_no_accuracy_is_refused_by_the_name_of_what_is_missing(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    failed = trainer.run(job(space=own(tmp_path / "own.py", NO_METRICS)))[-1]
    assert isinstance(failed, Failed)
    assert (failed.kind, "gives loss, top, and no accuracy" in failed.reason) == ("space_error", True)


SETTINGS = {
    "floatx": "keras.config.set_floatx('float64')",
    "epsilon": "keras.config.set_epsilon(0.5)",
    "layout": "keras.config.set_image_data_format('channels_first')",
    "precision": "keras.config.set_dtype_policy('mixed_bfloat16')",
    "eager": {
        "tensorflow": "import tensorflow; tensorflow.config.run_functions_eagerly(True)",
        "jax": "import jax; jax.config.update('jax_disable_jit', True)",
    }[backends.NAME],
    "tracebacks": "keras.config.disable_traceback_filtering()",
    "seed": "keras.utils.set_random_seed(1)",
}


@pytest.mark.parametrize("kind", ["float64", "float16"])
def test_a_model_computes_in_the_kind_of_floats_that_its_build_sets(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path, kind: str
) -> None:
    path = own(tmp_path / "floats.py", settings=f"keras.config.set_floatx({kind!r})")
    messages = trainer.run(job(space=path, checkpoints=None, epochs=1))
    assert isinstance(messages[-1], Trained), messages[-1]


def test_what_a_build_sets_for_all_of_keras_is_gone_in_the_next_trial(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    """The layers of the built-in space, in a program and in a model for itself, and those of another space."""
    jobs = [
        job(checkpoints=None),
        job(checkpoints=None, precision="mixed_bfloat16", epochs=1),
        job(space=own(tmp_path / "plain.py"), checkpoints=None),
    ]
    before = [scores_of(trainer.run(one)) for one in jobs]
    for name, setting in SETTINGS.items():
        trainer.run(job(space=own(tmp_path / f"{name}.py", settings=setting), checkpoints=None, epochs=1))
        asked = own(tmp_path / f"asks_after_{name}.py", settings=f"raise ValueError({STATE})")
        assert PLAIN in last_of(trainer.run(job(space=asked)), Failed).reason, name
    assert [scores_of(trainer.run(one)) for one in jobs] == before


STATE = (
    "(keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(), "
    "keras.config.dtype_policy().name, keras.config.is_traceback_filtering_enabled())"
)
PLAIN = "('float32', 1e-07, 'channels_last', 'float32', True)"


NO_CONFIG = """
import keras
from spaces import Configuration, Space


class Own(keras.Model):
    def __init__(self, classes, inner):
        super().__init__()
        self.flat, self.drop = keras.layers.Flatten(), keras.layers.Dropout(0.3)
        self.dense = keras.layers.Dense(classes)

    def call(self, images, training=False):
        return self.dense(self.drop(self.flat(images), training=training))


def build(configuration, input_shape, classes):
    return Own(classes, object())


space = Space("own", "does it work?", suggest=lambda trial: Configuration(), build=build)
"""


@pytest.fixture
def no_config(tmp_path: Path) -> str:
    """A space whose models can't be written to a file."""
    path = tmp_path / "no_config.py"
    path.write_text(NO_CONFIG)
    return f"{path}:space"


def test_that_a_model_cannot_be_kept_is_said_before_the_first_epoch_and_once(
    new_trainer: Callable[[], PipedTrainer], job: MakeJob, no_config: str, tmp_path: Path
) -> None:
    trainer = new_trainer()
    path = tmp_path / "model.keras"
    first = trainer.run(job(space=no_config, checkpoints=None, epochs=1, model_path=str(path)))
    assert [type(message).__name__ for message in first] == ["Warned", "EpochEnd", "Trained"]
    warned = last_of(first[:1], Warned)
    assert "its model can't be kept: NotImplementedError" in warned.message
    assert warned.message.endswith("Its trial goes on, and has its score all the same")
    second = trainer.run(job(space=no_config, checkpoints=None, epochs=1, model_path=str(path), seed=4))
    assert [type(message).__name__ for message in second] == ["EpochEnd", "Trained"]
    assert last_of(second, Trained).not_kept == last_of(first, Trained).not_kept
    assert not list(tmp_path.glob("*.keras")), "nor is a part of a file left"


def test_a_model_that_cannot_be_kept_is_resumed_to_the_last_bit(
    trainer: PipedTrainer, new_trainer: Callable[[], PipedTrainer], job: MakeJob, no_config: str, tmp_path: Path
) -> None:
    whole = trainer.run(job(space=no_config, epochs=4, checkpoints=str(tmp_path / "whole")))
    trainer.run(job(space=no_config, epochs=2))
    resumed = new_trainer().run(job(space=no_config, epochs=4, token=2))
    assert [message.replayed for message in resumed if isinstance(message, EpochEnd)] == [True, True, False, False]
    assert scores_of(resumed) == scores_of(whole)


def test_the_look_at_whether_it_can_be_kept_changes_no_score(
    new_trainer: Callable[[], PipedTrainer], job: MakeJob, tmp_path: Path
) -> None:
    """Of models of the same classes, only the first is looked at as far as opening it again."""
    drop = "keras.layers.Dropout(0.3)"
    text = SPACE.format(methods="pass", settings="pass").replace("Own(images, ", "keras.Model(images, ")
    path = tmp_path / "drops.py"
    path.write_text(text.replace("keras.layers.Flatten()(images)", f"{drop}(keras.layers.Flatten()(images))"))
    trainer, one = new_trainer(), job(space=f"{path}:space", checkpoints=None)
    assert drop in path.read_text()
    assert scores_of(trainer.run(one)) == scores_of(trainer.run(one))


def of_bytes(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    inner = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(classes)]
    return keras.Sequential([keras.Input(shape, dtype="uint8"), *inner])


def of_scaled_bytes(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    layers = [keras.layers.RandomFlip(), keras.layers.Rescaling(1 / 127.5, offset=-1), keras.layers.Flatten()]
    return keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(classes)])


def brightened(keras: Any, shape: tuple[int, int, int], classes: int, **given: Any) -> Any:
    layers = [keras.layers.RandomFlip(), keras.layers.RandomBrightness(0.2, **given), keras.layers.Flatten()]
    return keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(classes)])


def with_ready_made(keras: Any, shape: tuple[int, int, int], classes: int, *before: Any) -> Any:
    """A model of bytes inside, as some of keras.applications are."""
    ready = keras.Sequential([keras.Input(shape), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(4, 3)])
    return keras.Sequential([keras.Input(shape), *before, ready, keras.layers.Flatten(), keras.layers.Dense(classes)])


def compiled(keras: Any, shape: tuple[int, int, int], classes: int) -> Any:
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(classes)])
    model.compile("rmsprop", "mse")
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (of_bytes, "takes uint8, and pixels are float32 from 0 to 1"),
        (of_scaled_bytes, r"begins by multiplying pixels by 0.00784 \(Rescaling\), as is done with bytes"),
        (brightened, r"begins with a RandomBrightness for pixels from 0 to 255: here they are from 0 to 1\. Give it"),
        (with_ready_made, r"by 0.00392 .* put Rescaling\(255\) before that"),
        (compiled, r"returned a compiled model: its optimizer \(RMSprop\) and its loss would be replaced"),
    ],
)
def test_what_would_be_replaced_or_rounded_away_is_refused(keras: Any, make: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        build_model(space_of(lambda *given: make(keras, *given)), Configuration(), DIGITS)


def test_a_ready_made_model_of_bytes_gets_them_back_from_a_layer_before_it(keras: Any) -> None:
    """So does one that puts pixels between -1 and 1. A layer is told the range by its own argument."""
    for first in (keras.layers.Rescaling(255), keras.layers.Rescaling(2 * 255, offset=-255)):
        given = space_of(lambda *given, first=first: with_ready_made(keras, *given, first))
        assert build_model(given, Configuration(), DIGITS) is not None
    told = space_of(lambda *given: brightened(keras, *given, value_range=(0, 1)))
    assert build_model(told, Configuration(), DIGITS) is not None


def test_what_a_layer_of_the_user_does_with_pixels_is_not_told_by_its_name(keras: Any) -> None:
    class RandomErasing(keras.layers.Layer):  # type: ignore[misc]
        def call(self, images: Any) -> Any:
            return images * 255

    given = space_of(lambda *given: with_ready_made(keras, *given, RandomErasing()))
    assert build_model(given, Configuration(), DIGITS) is not None


def difference_by_range(keras: Any, kind: Any) -> float:
    """The most by which pixels differ if the layer isn't told that they are from 0 to 1, of several random states."""
    parameters = inspect.signature(kind).parameters
    given: dict[str, Any] = {}
    if "factor" in parameters and parameters["factor"].default is inspect.Parameter.empty:
        given["factor"] = 4 if kind is keras.layers.RandomPosterization else 0.3
    images = np.random.default_rng(0).random((4, 16, 16, 3), np.float32)

    def of(**random: int) -> float:
        layers = kind(**given, **random), kind(**given, **random, value_range=(0, 1))
        untold, told = (keras.ops.convert_to_numpy(layer(images, training=True)) for layer in layers)
        return float(np.abs(untold - told).max())

    return max(of(seed=seed) for seed in range(8)) if "seed" in parameters else of()


def test_layers_that_need_their_range_are_those_of_keras_that_make_something_else_of_pixels_without(keras: Any) -> None:
    kinds = [kind for kind in vars(keras.layers).values() if isinstance(kind, type)]
    ranged = [kind for kind in kinds if "value_range" in inspect.signature(kind).parameters]
    changing = {kind.__name__ for kind in ranged if difference_by_range(keras, kind) > 0.5}
    assert changing == OF_A_RANGE


@pytest.mark.parametrize("names", [("scale", "dense"), ("scale_2", "probabilities"), ("scale", "scale_2")])
def test_layers_may_have_the_names_of_those_that_an_export_adds(keras: Any, names: tuple[str, str]) -> None:
    first, last = names
    layers = [keras.layers.Rescaling(2.0, -1.0, name=first), keras.layers.Flatten(), keras.layers.Dense(4, name=last)]
    images = keras.Input((8, 8, 1))
    inner = keras.Sequential([images, *layers])
    pixels = np.random.default_rng(0).uniform(0, 16, (5, 8, 8, 1)).astype(np.float32)
    wanted = keras.ops.softmax(inner(pixels / 16))
    for trained in (inner, keras.Model(images, inner(images), name=first)):
        np.testing.assert_allclose(plain_model(trained, (8, 8, 1), 16.0)(pixels), wanted, rtol=1e-5)


@pytest.mark.parametrize("structure", ["list of outputs", "list of inputs", "dict of inputs"])
def test_one_tensor_in_a_list_or_a_dict_is_taken_as_it_is_also_within_an_exported_model(
    keras: Any, structure: str
) -> None:
    def make(shape: tuple[int, int, int], classes: int) -> Any:
        image = keras.Input(shape, name="image")
        logits = keras.layers.Dense(classes)(keras.layers.Flatten()(image))
        inputs = {"list of inputs": [image], "dict of inputs": {"image": image}}.get(structure, image)
        return keras.Model(inputs, [logits] if structure == "list of outputs" else logits)

    trained = build_model(space_of(make), Configuration(), DIGITS)
    pixels = np.random.default_rng(0).uniform(0, 16, (5, 8, 8, 1)).astype(np.float32)
    wanted = keras.ops.softmax(trained(pixels / 16))
    np.testing.assert_allclose(plain_model(trained, (8, 8, 1), 16.0)(pixels), wanted, rtol=1e-5)


SHARING = """
import keras
from spaces import Configuration, Space

base = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(8)], name="base")
first = [weight.copy() for weight in base.get_weights()]


def build(configuration, input_shape, classes):
    {settings}
    return keras.Sequential([keras.Input(input_shape), base, keras.layers.Dense(classes)])


space = Space("sharing", "does it begin afresh?", suggest=lambda trial: Configuration(), build=build)
"""


@pytest.mark.parametrize("settings", ["pass", "base.set_weights(first)", "base.trainable = False"])
def test_no_trial_begins_with_what_another_has_learned(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path, settings: str
) -> None:
    """Layers that are made once may be filled again, or never be trained."""
    path = tmp_path / "sharing.py"
    path.write_text(SHARING.format(settings=settings))
    first, second = (trainer.run(job(space=f"{path}:space", checkpoints=None, epochs=1)) for _ in range(2))
    if settings == "pass":
        assert isinstance(first[-1], Trained), first[-1]
        failed = last_of(second, Failed)
        assert failed.kind == "space_error"
        assert "begins with weights which an earlier trial has trained (base)" in failed.reason
    else:
        assert scores_of(first) == scores_of(second)
