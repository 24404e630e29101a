"""What a user reads of a space that fails in training: the cause, and the line of the space's own file."""

import runpy
from pathlib import Path

import pytest

from search.trainers.protocol import DataSource, Evaluate, Failed
from spaces.blame import condensed, describe
from tests.helpers import backends
from tests.helpers.piped_trainer import MakeJob, PipedTrainer

SPACE = """
import keras
from spaces import Configuration, Space


class Own(keras.layers.Layer):
    def call(self, images, training=False):
        {call}


def build(configuration, input_shape, classes):
    hidden = images = keras.Input(input_shape)
    {body}
    return keras.Model(images, keras.layers.Dense(classes)(keras.layers.Flatten()(hidden)))


space = Space("own", "does it work?", suggest=lambda trial: Configuration(), build=build)
"""
NOTHING = "return images"

OF_TENSORFLOW = "an operation of TensorFlow, in training"

# What is built or called, the words that say why, and the line of it.
FAILING = {
    "a layer of Keras": (
        "for _ in range(4): hidden = keras.layers.MaxPooling2D()(hidden)",
        NOTHING,
        "raised ValueError: MaxPooling2D.call(): Computed output size would be",
        "{file}, line 13)",
    ),
    "a layer of the space's own, as the model is built": (
        "hidden = Own()(hidden)",
        "return images.missing",
        {
            "tensorflow": "'SymbolicTensor' object has no attribute 'missing'",
            "jax": "DynamicJaxprTracer has no attribute missing",
        }[backends.NAME],
        "{file}, line 8)",
    ),
    OF_TENSORFLOW: (
        "hidden = Own()(hidden)",
        "return keras.ops.take(images, [100 if training else 0], axis=1)",
        "InvalidArgumentError: indices[0] = 100 is not in [0, 8)",
        "{file}, line 8)",
    ),
}


@pytest.mark.parametrize(
    "case",
    [
        *(case for case in FAILING if case != OF_TENSORFLOW),
        pytest.param(
            OF_TENSORFLOW,
            marks=pytest.mark.backends("tensorflow", reason="operations of JAX give NaN where there is no value"),
        ),
    ],
)
def test_the_cause_and_the_line_of_the_file_are_said(
    case: str, trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    body, call, cause, line = FAILING[case]
    path = tmp_path / "own.py"
    path.write_text(SPACE.format(body=body, call=call))
    failed = trainer.run(job(space=str(path)))[-1]
    assert isinstance(failed, Failed)
    assert failed.kind == "space_error"
    assert cause in failed.reason
    assert failed.reason.endswith(line.format(file=path))
    assert not {"\x1b", "\n"} & set(failed.reason)
    assert "Arguments received" not in failed.reason


def test_our_own_advice_is_not_cut_off_behind_what_keras_says(
    trainer: PipedTrainer, job: MakeJob, tmp_path: Path
) -> None:
    """Keras opens no layer of a class that it can't find."""
    model = tmp_path / "model.keras"
    path = tmp_path / "own.py"
    path.write_text(SPACE.format(body="hidden = Own()(hidden)", call=NOTHING))
    whole = job(space=str(path), model_path=str(model), epochs=1)
    trainer.run(whole)
    failed = trainer.run(Evaluate(2, "bn_dropout", DataSource("digits"), whole.split_seed, 64, str(model)))[-1]
    assert isinstance(failed, Failed)
    assert "Could not" in failed.reason
    assert failed.reason.endswith("a Lambda becomes such a class")


def test_a_place_is_the_users_however_deep_in_a_library_it_failed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import json\n\ndef read():\n    return json.loads('[')\n")
    read = runpy.run_path(str(path))["read"]
    with pytest.raises(ValueError, match="Expecting") as caught:
        read()
    assert describe(caught.value, path).endswith(f"({path}, line 4)")


CALLING = "Exception encountered when calling A.call().\n\n\x1b[1mToo small.\x1b[0m\n\n"
IN_A_GRAPH = (
    "Graph execution error:\n\nDetected at node a defined at (most recent call last):\n<stack traces unavailable>\n"
    "Out of range\n\t [[{{node a}}]] [Op:__inference_1]"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("no such width", "no such width"),
        ("two\n  lines", "two lines"),
        (CALLING, "A.call(): Too small."),
        (f"{CALLING}Arguments received by A.call():\n  • x", "A.call(): Too small."),
        ("Exception encountered when calling A.call().", "Exception encountered when calling A.call()."),
        (IN_A_GRAPH, "Out of range"),
        ("x" * 2000, "x" * 999 + "…"),
    ],
)
def test_of_others_messages_the_words_that_say_why_are_kept(text: str, words: str) -> None:
    assert condensed(text) == words
