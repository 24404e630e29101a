"""Where a study keeps its files: checkpoints, logs and the best models, under one artifact folder.

ARTIFACTS/
    models/                         Optuna's artifact store: best models, and small files of completed trials
    STUDY/slots/00007/              checkpoints of one slot, gone when it is finished
    STUDY/images/1f0c9e.../         decoded images for the trainers to share, gone when the study is done
    STUDY/logs/                     what workers and trainers print
"""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class StudyFolder:
    """The files of one study on this host. `remote` is the URL of its artifact store, None if that is a folder here."""

    artifacts: Path
    study_name: str
    remote: str | None = None

    @property
    def models(self) -> Path:
        """The folder of the artifact store, shared by the studies of one database."""
        return self.artifacts / "models"

    @property
    def store(self) -> str:
        """Where the artifact store is, for `storage.open_artifacts`."""
        return self.remote or str(self.models)

    @property
    def logs(self) -> Path:
        """The folder of the logs."""
        return self._root / "logs"

    def images(self, fingerprint: str) -> Path:
        """The folder of the decoded images with that fingerprint."""
        return self._root / "images" / fingerprint[:16]

    def remove_images(self) -> None:
        """Removes decoded images; a trainer that has them open keeps them, another one decodes them for itself."""
        shutil.rmtree(self._root / "images", ignore_errors=True)

    def slot(self, number: int) -> Path:
        """The folder of one slot's checkpoints."""
        return self._root / "slots" / f"{number:05d}"

    def checkpoint(self, slot: int, token: int) -> Path:
        """The checkpoint that one attempt at a slot keeps up to date."""
        return self.slot(slot) / f"token-{token}.npz"

    def model(self, slot: int, token: int) -> Path:
        """Where one attempt at a slot leaves its trained model."""
        return self.slot(slot) / f"model-token-{token}.keras"

    def find_model(self, slot: int) -> Path | None:
        """The trained model that the slot's last attempt left, None if it left none."""
        models = sorted(self.slot(slot).glob("model-token-*.keras"), key=lambda path: int(path.stem.rpartition("-")[2]))
        return models[-1] if models else None

    def clear_slot(self, number: int) -> None:
        """Removes a finished slot's checkpoints; an attempt that lost its lease may be writing there still."""
        shutil.rmtree(self.slot(number), ignore_errors=True)

    def remove_empty(self) -> None:
        """Removes the folder of the slots once none has checkpoints any more."""
        with contextlib.suppress(OSError):
            (self._root / "slots").rmdir()

    @property
    def _root(self) -> Path:
        return self.artifacts / quote(self.study_name, safe=" ").replace(".", "%2E")


def default_artifacts(storage_url: str) -> Path:
    """The artifact folder beside a SQLite file (`search.db` -> `search-artifacts`); for other storages, in the
    current directory.
    """
    if storage_url.startswith("sqlite:///"):
        path = Path(storage_url.removeprefix("sqlite:///"))
        return path.with_name(f"{path.stem}-artifacts")
    return Path("search-artifacts")
