"""Comparing from Python: `compare` does what `python -m search.compare` does."""

import tempfile
from importlib import import_module
from typing import Any

import msgspec

from search.api.result import Result
from search.api.run import as_arguments, command_line, follow, load
from search.errors import SearchFailed, UsageError
from storage.default_url import DEFAULT_STORAGE


class _Compared(msgspec.Struct, frozen=True):
    study_name: str


class _Answer(msgspec.Struct, frozen=True):
    comparisons: tuple[_Compared, ...]


def compare(*, storage: str = DEFAULT_STORAGE, quiet: bool = False, **flags: Any) -> Result:
    """Trains each arm on the same replicates, and waits until all are finished; progress is printed unless `quiet`.

    `flags` are those of `python -m search.compare`: `space="bn_dropout", axis="batch_norm", seeds=8`; `choices`, like
    flags that may be given several times, takes a list. The result has the comparison's `pairs` and `arms`.

    Raises:
        UsageError: a flag is wrong, or an article is given without one of its experiments.
        SearchFailed: an arm has no scores, or nothing was finished before the time was over.
        InfrastructureError: the database is unreachable.
        KeyboardInterrupt: it was interrupted; run it again to continue.
    """
    if flags.get("dry_run"):
        raise UsageError("a dry run has no result to return: python -m search.compare --dry-run says what it would do")
    if flags.get("published") and not flags.get("experiment"):
        raise UsageError("an article has several experiments: name the experiment that is to be compared, experiment=…")
    choices = flags.get("choices")
    if isinstance(choices, list | tuple):
        flags["choices"] = ",".join(map(str, choices))
    arguments = as_arguments(flags, import_module("search.compare").main)
    command, environment = command_line("search.compare", arguments, storage, quiet=quiet)
    with tempfile.TemporaryFile() as output:
        follow(command, environment, output.fileno())
        output.seek(0)
        text = output.read()
    compared = msgspec.json.decode(text, type=_Answer).comparisons if text.strip() else ()
    if not compared:
        raise SearchFailed("nothing was finished before it ended: the same call continues")
    return load(compared[0].study_name, storage=storage)
