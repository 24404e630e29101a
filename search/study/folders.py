"""The folders of a study's files: checkpoints, logs and the best models, under one artifact folder.

ARTIFACTS/
    models/                         Optuna's artifact store: best models, and small files of completed trials
    STUDY/.search-study             marks the folder as a study's (search/study/folder_mark.py)
    STUDY/logs/                     output of workers and trainers
    STUDY/cluster/                  script and logs of a cluster's jobs
    STUDY/1f0c9e.../slots/00007/    checkpoints of one slot, until it is finished
    STUDY/1f0c9e.../images/da39.../ decoded images that the trainers share, until the study is done

A study's name may be reused, and a folder of the name may exist already. So all files that are removed later are in a
folder named by the study's stamp, which no other study or program uses.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from search.datasets.mapped import HALF_WRITTEN, remove_mapped
from search.host.own_files import remove_empty, remove_files
from search.training.models.description import CONFIGURATION, LAYERS

STORE = "models"
JOBS = "cluster"
STAMP_LETTERS = 16
PICTURE = "curves.svg"

_MODEL = r"model-\d+-[0-9a-f]{16}"
_BESIDE = "|".join(map(re.escape, (".keras", LAYERS, CONFIGURATION)))
SLOT_FILES = re.compile(
    rf"token-\d+\.(npz|part|npz\.partial)|{_MODEL}({_BESIDE})|\.{_MODEL}\.part\.keras|{re.escape(PICTURE)}"
)
IMAGES = re.compile(r"[0-9a-f]{16}")
LOCK = re.compile(r"\.lock")


def study_root(artifacts: Path, study_name: str) -> Path:
    """The folder of a study in the artifact folder, for any name distinct from other studies' folders and the
    store's.
    """
    name = quote(study_name, safe=" ").replace(".", "%2E")
    if name.casefold() == STORE:
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return artifacts / (name or "%")


@dataclass(frozen=True)
class StudyFolder:
    """The files of one study on this host. `stamp` is the study's; `remote` is the s3:// URL of its artifact store,
    None if that is a folder here. `database` identifies the database that the study is in, None where that isn't known.
    """

    artifacts: Path
    study_name: str
    stamp: str
    remote: str | None = None
    database: str | None = None

    @property
    def root(self) -> Path:
        """The folder of files that only this study has."""
        return study_root(self.artifacts, self.study_name)

    @property
    def models(self) -> Path:
        """The folder of the artifact store, shared by the studies of one database."""
        return self.artifacts / STORE

    @property
    def store(self) -> str:
        """The artifact store's location, for `storage.open_artifacts`."""
        return self.remote or str(self.models)

    @property
    def logs(self) -> Path:
        """The folder of the logs."""
        return self.root / "logs"

    @property
    def jobs(self) -> Path:
        """The folder of what belongs to a cluster's jobs."""
        return self.root / JOBS

    def images(self, fingerprint: str) -> Path:
        """The folder of the decoded images with that fingerprint."""
        return self._images / fingerprint[:16]

    def remove_images(self) -> None:
        """Removes decoded images; trainers that have them open keep them, others decode the images themselves."""
        for folder in self._images.glob("*"):
            if IMAGES.fullmatch(folder.name):
                remove_mapped(folder)
        for left in self._images.glob(HALF_WRITTEN):
            for folder in left.glob("*"):
                remove_mapped(folder)
            remove_empty(left)
        remove_files(self._images, LOCK)
        remove_empty(self._own)

    def slot(self, number: int) -> Path:
        """The folder of one slot's checkpoints."""
        return self._slots / f"{number:05d}"

    def checkpoint(self, slot: int, token: int) -> Path:
        """The checkpoint that one attempt at a slot keeps up to date."""
        return self.slot(slot) / f"token-{token}.npz"

    def model(self, slot: int, token: int, worker_id: str) -> Path:
        """The file of an attempt's trained model. A restored database reuses tokens, but not worker IDs."""
        worker = hashlib.sha256(worker_id.encode()).hexdigest()[:16]
        return self.slot(slot) / f"model-{token}-{worker}.keras"

    def clear_slot(self, number: int) -> None:
        """Removes a finished slot's files; an attempt that lost its lease may still be writing there."""
        remove_files(self.slot(number), SLOT_FILES)

    def remove_empty(self) -> None:
        """Removes the folder of the slots once none has checkpoints any more."""
        remove_empty(self._slots)
        remove_empty(self._own)

    @property
    def _own(self) -> Path:
        return self.root / self.stamp[:STAMP_LETTERS]

    @property
    def _slots(self) -> Path:
        return self._own / "slots"

    @property
    def _images(self) -> Path:
        return self._own / "images"


def default_artifacts(storage_url: str) -> Path:
    """The artifact folder next to a SQLite file (`search.db` -> `search-artifacts`); for other storages, in the
    current directory.
    """
    if storage_url.startswith("sqlite:///"):
        path = Path(storage_url.removeprefix("sqlite:///"))
        return path.with_name(f"{path.stem}-artifacts")
    return Path("search-artifacts")
