"""Short trainings share a skeleton where compiling takes long; long ones have a program of their own structure."""

from dataclasses import dataclass
from typing import Any

import pytest

from search.training.backends.settings import SKELETON
from search.training.models.building import InputSpec
from search.training.shared_programs import program_choice
from search.training.shared_programs.program_choice import program_slots
from search.training.shared_programs.skeleton import own_slots, skeleton
from spaces.configuration import Configuration

DIGITS, CIFAR10 = (8, 8, 1), (32, 32, 3)
STEPS, BATCH = 20, 64
CONFIGURATION = Configuration()


@dataclass(frozen=True)
class Machine:
    """What a backend says of itself."""

    compiles_long: bool
    device: str | None = None

    def accelerator(self) -> str | None:
        return self.device


TENSORFLOW: Any = Machine(False)
JAX: Any = Machine(True)
JAX_ON_GPU: Any = Machine(True, "a GPU")


@pytest.mark.parametrize(
    ("machine", "shape", "epochs", "shared"),
    [
        (TENSORFLOW, DIGITS, 1, False),
        (JAX, DIGITS, 200, True),
        (JAX, DIGITS, 300, False),
        (JAX, CIFAR10, 12, True),
        (JAX, CIFAR10, 20, False),
        (JAX_ON_GPU, DIGITS, 400, True),
        (JAX_ON_GPU, DIGITS, 500, False),
        (JAX_ON_GPU, CIFAR10, 400, True),
        (JAX_ON_GPU, (128, 128, 3), 60, False),
    ],
)
def test_a_training_of_few_pixels_and_steps_shares_a_skeleton(
    machine: Any, shape: tuple[int, int, int], epochs: int, shared: bool
) -> None:
    slots = program_slots(CONFIGURATION, InputSpec(shape, 10, STEPS), BATCH, epochs, machine)
    assert slots == (skeleton(CONFIGURATION) if shared else own_slots(CONFIGURATION))


def test_a_configuration_that_does_not_fit_into_its_skeleton_has_its_own_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(program_choice, "skeleton", lambda _: skeleton(Configuration(activation="elu")))
    assert program_slots(CONFIGURATION, InputSpec(DIGITS, 10, STEPS), BATCH, 1, JAX) == own_slots(CONFIGURATION)


@pytest.mark.parametrize("machine", [TENSORFLOW, JAX])
def test_a_measurement_can_ask_for_either(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = InputSpec(DIGITS, 10, STEPS)
    for asked, slots in (("1", skeleton(CONFIGURATION)), ("0", own_slots(CONFIGURATION))):
        monkeypatch.setenv(SKELETON, asked)
        assert program_slots(CONFIGURATION, spec, BATCH, 1, machine) == slots
