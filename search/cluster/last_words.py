"""What is known of a job that ended too soon: the last that it said."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from search.errors import InfrastructureError


@dataclass(frozen=True)
class LastWords:
    """The last line that a job printed, "" if none is known, and the file that has it, if it is one of the fleet's."""

    line: str = ""
    log: Path | None = None

    @classmethod
    def in_log(cls, log: Path) -> Self:
        """Those in a log, if it has any."""
        line = last_of(log.read_text(errors="replace").split("\n")) if log.is_file() else ""
        return cls(line, log) if line else cls()

    def ending(self, *, with_log: bool = True) -> str:
        """The end of a sentence on the job."""
        place = f" (in {self.log})" if with_log and self.log is not None else ""
        return f": {self.line}{place}" if self.line else ""


class FirstJobEnded(InfrastructureError):
    """The first job of a fleet ended before its worker joined the study; `without_log` is the message for where the
    job's log is gone.
    """

    def __init__(self, what: str, said: LastWords) -> None:
        super().__init__(what + said.ending())
        self.without_log = what + said.ending(with_log=False)


def last_of(lines: list[str]) -> str:
    """The last of the lines that isn't blank, "" if all are."""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
