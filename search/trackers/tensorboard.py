"""TensorBoard: a folder of event files for each trial, with its scores after each epoch and its parameters.

tensorboard --logdir DIR
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from search.trackers.tracker import EndedTrial, missing
from storage.records import EpochRow

try:
    from tensorboardX import SummaryWriter
except ImportError as error:
    raise missing("--tensorboard", "tensorboardX") from error

TAGS = {
    "loss/training": "loss",
    "loss/validation": "val_loss",
    "accuracy/training": "accuracy",
    "accuracy/validation": "val_accuracy",
    "epoch/seconds": "seconds",
    "epoch/learning_rate": "learning_rate",
}
COMPLETE = "trial.json"


class TensorBoard:
    """Event files in DIR/STUDY/trial-00007. One that was broken off is written anew, from the ledger's epochs."""

    def __init__(self, folder: Path, study_name: str) -> None:
        self._root = folder / quote(study_name, safe=" ").replace(".", "%2E")
        self._root.mkdir(parents=True, exist_ok=True)
        self._writers: dict[int, SummaryWriter] = {}

    def begin(self, number: int) -> int | None:
        folder = self._folder(number)
        if (folder / COMPLETE).exists():
            return None
        shutil.rmtree(folder, ignore_errors=True)
        self._writers[number] = SummaryWriter(str(folder))
        return 0

    def record(self, number: int, epochs: Sequence[EpochRow]) -> None:
        writer = self._writers[number]
        for row in epochs:
            for tag, name in TAGS.items():
                value = getattr(row, name)
                if value is not None:
                    writer.add_scalar(tag, value, row.epoch)
        writer.flush()

    def end(self, number: int, trial: EndedTrial) -> None:
        facts = {"outcome": trial.outcome.state, "value": trial.outcome.value, **trial.params}
        text = msgspec.json.format(msgspec.json.encode({**facts, **trial.attributes}), indent=2)
        writer = self._writers.pop(number)
        writer.add_text("trial", f"```json\n{text.decode()}\n```")
        writer.close()
        (self._folder(number) / COMPLETE).write_bytes(text + b"\n")

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def _folder(self, number: int) -> Path:
        return self._root / f"trial-{number:05d}"
