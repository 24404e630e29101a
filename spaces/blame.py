"""An exception in one line: what was wrong, and where in the user's own code.

Keras and TensorFlow put the cause behind a first line that says nothing, and before pages of arguments and stacks.
"""

import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

LONGEST = 1000  # characters of another program's words
ROOT = Path(__file__).resolve().parent.parent
OURS = tuple(f"{ROOT / name}/" for name in ("search", "spaces", "storage"))
LIBRARIES = tuple({sysconfig.get_path(name) + "/" for name in ("stdlib", "platstdlib", "purelib", "platlib")})
INSTALLED = ("/site-packages/", "/dist-packages/")
GENERATED = "__autograph_generated"  # by TensorFlow, from the user's functions

COLORS = re.compile(r"\x1b\[[0-9;]*m")
CALLING = re.compile(r"Exception encountered when calling (.+?)\.?$")
ARGUMENTS = re.compile(r"^Arguments received by .*", re.MULTILINE | re.DOTALL)
IN_MESSAGE = re.compile(r'^\s*File "([^"]+)", line (\d+)', re.MULTILINE)
OF_GRAPHS = re.compile(
    r"^\s*(Graph execution error:|Detected at node .*|File \".*|Node: '.*'|\d+ root error\(s\) found\.|"
    r"\[\[.*|Stack trace for op definition.*|<stack traces unavailable>)\s*$"
)
IN_A_CONFIG = re.compile(r".*\bException encountered: ", re.DOTALL)  # Keras has the whole model before it
CONFIG = re.compile(r"\s*Full object config: .*", re.DOTALL)
OPERATION = re.compile(r"\s*\[Op:\w+\].*$")


def describe(error: BaseException, file: Path | None = None) -> str:
    """An error in one line: its type, its words, and the last line of the user's code that ran, of `file` if any of it
    did. No line where no such code ran: one of a library says nothing to its users.
    """
    words = condensed(str(error))
    named = f"{type(error).__name__}: {words}" if words else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError):
        return named
    of_file = [(frame.filename, frame.lineno or 0) for frame in frames if str(file) == frame.filename]
    place = of_file[-1] if of_file else own_line(error)
    return named if place is None else f"{named} ({place[0]}, line {place[1]})"


def own_line(error: BaseException) -> tuple[str, int] | None:
    """File and number of the last line of the user's code on the way to the error, or to what it was raised from; None
    if there was none.
    """
    places = [
        place for cause in reversed([*_chain(error)]) for place in reversed([*_places(cause)]) if is_own(place[0])
    ]
    return places[0] if places else None


def is_own(filename: str) -> bool:
    """Whether a file is the user's: neither this project's, nor Python's, nor that of an installed package."""
    if filename.startswith((*OURS, "<")) or GENERATED in filename:
        return False
    return not any(part in filename for part in INSTALLED) and not filename.startswith(LIBRARIES)


def condensed(text: str) -> str:
    """The words that say why, on one line: of Keras' without the arguments, of TensorFlow's without the stack."""
    lines = CONFIG.sub("", IN_A_CONFIG.sub("", ARGUMENTS.sub("", COLORS.sub("", text)))).strip().splitlines()
    calling = CALLING.match(lines[0]) if len(lines) > 1 else None
    telling = [OPERATION.sub("", line) for line in lines[bool(calling) :] if not OF_GRAPHS.match(line)]
    words = " ".join(" ".join(telling).split()) or " ".join(text.split())
    if calling:
        words = f"{calling[1]}: {words}"
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from."""
    seen = list[BaseException]()
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _places(error: BaseException) -> Iterator[tuple[str, int]]:
    """The lines on the way to it: Python's, and then those by which TensorFlow says where an operation was made."""
    for frame in traceback.extract_tb(error.__traceback__):
        yield frame.filename, frame.lineno or 0
    for filename, number in IN_MESSAGE.findall(COLORS.sub("", str(error))):
        yield filename, int(number)
