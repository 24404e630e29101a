"""The valid names of a study: folders, checkpoints and TensorBoard's logs are named by it."""

from pathlib import Path

from search.console.outside_text import is_text
from search.errors import UsageError
from search.study.folders import study_root

LONGEST = 200  # characters of the name as a folder's: file systems take 255 bytes, and something is added to it


def require_study_name(study_name: str) -> None:
    """Raises UsageError unless a study can have the name."""
    if not is_text(study_name):
        raise UsageError(f"the study's name {study_name!a} isn't UTF-8 text: give another --study-name")
    if not study_name.isprintable():
        raise UsageError(
            f"the study's name {study_name!a} has characters that can't be printed, such as line ends: give another "
            "--study-name"
        )
    length = len(study_root(Path(), study_name).name)
    if length > LONGEST:
        raise UsageError(
            f"the study's name {study_name[:40]}... is too long: as that of a folder it takes {length} characters, and "
            f"{LONGEST} are the most, of which most letters that aren't ASCII take 6 to 12: give a shorter --study-name"
        )
