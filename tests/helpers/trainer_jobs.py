"""Small jobs for real trainers, and what these say about them."""

from typing import Any

import msgspec

from search.trainers.process import TrainerProcess
from search.trainers.protocol import DataSource, Message, Train
from spaces.configuration import Configuration
from tests.helpers.paths import ROOT

ENVIRONMENT = {"PYTHONPATH": str(ROOT), "SEARCH_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
PATIENCE_S = 60.0


def small_job(**changes: Any) -> Train:
    """Three epochs on a few of the digits; the changes are fields of `Train`."""
    job = Train(
        job=1,
        configuration=Configuration(),
        space="bn_dropout",
        data=DataSource("digits", limit_train=300),
        epochs=3,
        batch_size=64,
        seed=3,
        split_seed=5,
        token=1,
        checkpoints=None,
    )
    return msgspec.structs.replace(job, **changes)


def receive_until(process: TrainerProcess, kind: type[Message]) -> list[Message]:
    """What the trainer says, up to the first message of a kind."""
    messages: list[Message] = []
    while not messages or not isinstance(messages[-1], kind):
        message = process.receive(PATIENCE_S)
        assert message is not None, "the trainer said nothing"
        messages.append(message)
    return messages
