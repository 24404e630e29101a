"""The space: what is searched, the question behind it, and the parameters of known answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, overload

from spaces.configuration import Configuration, Scalar

Choice = TypeVar("Choice", bound=Scalar)
ImageShape = tuple[int, int, int]


class Trial(Protocol):
    """What a space may ask of a trial. Optuna's Trial fits, and so do the trials of `spaces.trials`.

    A name asked for again within a trial has the value that it had before. The choices or range of a name are the same
    in every trial: samplers that model parameters jointly (multivariate TPE, CMA-ES) need that.
    """

    @overload
    def suggest_categorical(self, name: str, choices: Sequence[bool]) -> bool: ...
    @overload
    def suggest_categorical(self, name: str, choices: Sequence[int]) -> int: ...
    @overload
    def suggest_categorical(self, name: str, choices: Sequence[float]) -> float: ...
    @overload
    def suggest_categorical(self, name: str, choices: Sequence[str]) -> str: ...
    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in [low, high], a multiple of `step` above `low` where there is a step."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """An integer in [low, high], a multiple of `step` above `low`."""


def choose(trial: Trial, name: str, choices: Sequence[Choice]) -> Choice:
    """`suggest_categorical` that keeps the type of its choices, such as a Literal."""
    answers: Sequence[Any] = choices
    return choices[choices.index(trial.suggest_categorical(name, answers))]


@dataclass(frozen=True)
class Baseline:
    """A known answer: the parameters that give it, by the names that the space asks for, and where it is from."""

    name: str
    params: Mapping[str, Scalar]
    note: str = ""


@dataclass(frozen=True)
class Space:
    """A search space.

    `suggest` turns a trial into a configuration, and depends on nothing but what the trial answers. `version` goes up
    whenever the parameters change their names, ranges or meaning: a study holds trials of one version. `n_trials`,
    `epochs` and `batch_size` are the defaults of the flags of the same names.

    `build` gets a configuration, the shape of an image (height, width, channels) and the number of classes, and returns
    an uncompiled `keras.Model` from float32 (batch, height, width, channels) with pixels in [0, 1] to float32 logits
    (batch, classes). It imports Keras itself, inside the function. None: the model of `spaces.layers`.
    """

    name: str
    question: str
    suggest: Callable[[Trial], Configuration]
    version: int = 1
    description: str = ""
    n_trials: int = 40
    epochs: int = 10
    batch_size: int = 64
    baselines: tuple[Baseline, ...] = ()
    build: Callable[[Configuration, ImageShape, int], Any] | None = None
