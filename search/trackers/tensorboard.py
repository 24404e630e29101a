"""TensorBoard: a folder of event files for each trial, with its scores after each epoch and its parameters.

tensorboard --logdir DIR
"""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from search.host.own_files import remove_files
from search.trackers.tracker import EndedTrial, missing
from spaces.epoch_scores import EpochScores

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
MARK = ".search-study"  # holds the study's stamp
FILES = re.compile(rf"events\.out\.tfevents\..*|{re.escape(COMPLETE)}")


class TensorBoard:
    """Event files in DIR/STUDY/trial-00007. An interrupted file is written again, from the ledger's epochs.

    If the folder exists and belongs to a study with another stamp, DIR/STUDY STAMP/trial-00007 is used instead.
    """

    def __init__(self, folder: Path, study_name: str, stamp: str) -> None:
        name = quote(study_name, safe=" ").replace(".", "%2E") or "%"
        first, second = folder / name, folder / f"{name} {stamp[:8]}"
        self._root = first if is_of(first, stamp) else second
        self._root.mkdir(parents=True, exist_ok=True)
        (self._root / MARK).write_text(stamp)
        self._writers: dict[int, SummaryWriter] = {}

    def begin(self, number: int) -> int | None:
        folder = self._folder(number)
        if (folder / COMPLETE).exists():
            return None
        if (broken_off := self._writers.pop(number, None)) is not None:
            broken_off.close()
        remove_files(folder, FILES)
        self._writers[number] = SummaryWriter(str(folder))
        return 0

    def record(self, number: int, epochs: Sequence[EpochScores]) -> None:
        writer = self._writers[number]
        for row in epochs:
            for tag, name in TAGS.items():
                value = getattr(row, name)
                if value is not None:
                    writer.add_scalar(tag, value, row.epoch)
            for name, value in row.metrics.items():
                writer.add_scalar(f"{name.removeprefix('val_')}/validation", value, row.epoch)
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


def is_of(folder: Path, stamp: str) -> bool:
    """Whether the study of that stamp may write there: no other study has."""
    mark = folder / MARK
    if mark.is_file():
        return mark.read_text() == stamp
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
