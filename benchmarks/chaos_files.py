"""What a campaign looks for on the disk: files of strangers, which must stay, and files of studies, which must not."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from optuna.artifacts import get_all_artifact_meta

from search.study.folder_mark import MARK
from storage import SharedStudy

NAME = "of-a-stranger.txt"
STAYS = ("models", "logs")  # folders whose files are the studies' results, and what was printed


def folders_under(folder: Path) -> Iterator[Path]:
    """A folder and all below it, also while studies take some of them away."""
    return (Path(place) for place, _, _ in os.walk(folder))


def files_under(folder: Path) -> Iterator[Path]:
    """The files in a folder and below it, likewise."""
    return (Path(place) / name for place, _, names in os.walk(folder) for name in names)


@dataclass
class Strangers:
    """Files of other programs, next to everything that the project creates in a folder."""

    folder: Path
    _planted: dict[Path, str] = field(default_factory=dict)

    def plant(self) -> None:
        """Puts a file into each folder that has none yet."""
        for folder in folders_under(self.folder):
            path = folder / NAME
            if path in self._planted or self._is_unmarked(folder):
                continue
            try:
                path.write_text(f"mine: {path}")
            except FileNotFoundError:
                continue  # the folder has just gone
            self._planted[path] = path.read_text()

    def _is_unmarked(self, folder: Path) -> bool:
        """Whether it is a study's folder that has no mark yet: with a stranger's file in it, it would be refused."""
        return folder.parent == self.folder and folder.name != "models" and not (folder / MARK).exists()

    def counts(self) -> dict[str, int]:
        """How many there are, and how many aren't as they were."""
        touched = sum(not path.exists() or path.read_text() != text for path, text in self._planted.items())
        return {"files_of_strangers": len(self._planted), "files_of_strangers_touched": touched}


def files_left(artifacts: Path) -> list[str]:
    """Files of studies that are done which should be gone: checkpoints, models in slots, images, half-written ones."""
    found = []
    for path in files_under(artifacts):
        inside = path.relative_to(artifacts).parts
        kept = path.name == MARK or any(part in STAYS for part in inside[:-1])
        half_written = ".part" in path.name
        if path.name != NAME and (half_written or not kept):
            found.append(str(path.relative_to(artifacts)))
    return found


def models_unknown(studies: list[SharedStudy], artifacts: Path) -> list[str]:
    """Files of the artifact store that no trial of any study knows."""
    known = {
        meta.artifact_id
        for shared in studies
        for trial in shared.study.get_trials(deepcopy=False)
        for meta in get_all_artifact_meta(trial, storage=shared.trials.storage)
    }
    there = [path.name for path in (artifacts / "models").glob("*") if path.is_file()]
    return [name for name in there if name not in known and name != NAME]
