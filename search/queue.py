"""`python -m search.queue`: which study is served first, by workers that serve all studies of a database."""

import getpass
import socket
from collections.abc import Sequence
from typing import Any, Literal, assert_never

import click

from search.commands.answer import answer, answer_json
from search.commands.cli import Verb, format_flag, shared_flags, start_logging
from search.commands.queue_flags import PLACE, given_place, place_flags
from search.errors import UsageError

Action = Literal["list", "set", "pause", "resume", "cancel"]
ACTIONS: tuple[Action, ...] = ("list", "set", "pause", "resume", "cancel")

EXAMPLES = {
    "python -m search.queue": "",
    "python -m search.queue set bn_dropout-digits --priority 10 --max-workers 4": "",
    "python -m search.queue pause bn_dropout-digits": "its workers go on to other studies within an epoch",
    "python -m search.queue resume bn_dropout-digits": "",
}


@click.command(cls=Verb, name="queue", examples=EXAMPLES)
@click.argument("action", type=click.Choice(ACTIONS), default="list")
@click.argument("names", nargs=-1, metavar="[STUDY]...")
@place_flags
@shared_flags
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Lists the studies in the order in which workers without --study-name serve them, or changes it.

    The highest priority goes first; workers are shared out equally among studies of the same. `pause` has the workers
    of a study go on to others within an epoch, `cancel` has them finish their trials and start no others; `resume` ends
    both.
    """
    from storage import study_names

    start_logging(flags["verbose"], flags["quiet"])
    action: Action = flags["action"]
    require_fitting(action, flags)
    storage, known = flags["storage"], study_names(flags["storage"])
    if action == "list":
        show(storage, flags["names"] or known, known, flags["format_"])
    else:
        answer("\n".join(change(action, storage, flags, known)))


def require_fitting(action: Action, flags: dict[str, Any]) -> None:
    """Raises UsageError for names or flags that the action lacks, or that it doesn't take."""
    changes = [name for name in PLACE if flags[name] is not None]
    named = ", ".join(f"--{name.replace('_', '-')}" for name in changes)
    if action != "list" and not flags["names"]:
        raise UsageError(f"{action} takes the names of studies: python -m search.queue lists them")
    if action == "set" and not changes:
        raise UsageError("set takes --priority, --max-workers or --owner")
    if action != "set" and changes:
        raise UsageError(f"{named} can't go with {action}: give them to set")


def show(storage: str, names: Sequence[str], known: Sequence[str], format_: Literal["table", "json"]) -> None:
    """Prints the queue."""
    import msgspec

    from search.studies.queue_view import as_document, queue_text, queued_studies, require_known
    from storage import hide_password

    require_known(names, known)
    found = queued_studies(storage, names)
    if format_ == "json":
        answer_json(msgspec.json.encode(as_document(found)))
    else:
        answer(queue_text(found, hide_password(storage)))


def change(
    action: Literal["set", "pause", "resume", "cancel"], storage: str, flags: dict[str, Any], known: Sequence[str]
) -> list[str]:
    """Changes the studies; what there is to say of each."""
    from search.studies import queue_view

    names = flags["names"]
    queue_view.require_known(names, known)
    match action:
        case "set":
            return queue_view.change_place(storage, names, **given_place(flags))
        case "pause":
            return queue_view.change_place(storage, names, paused=True)
        case "resume":
            return queue_view.resume(storage, names)
        case "cancel":
            return queue_view.cancel(storage, names, f"canceled by {getpass.getuser()}@{socket.gethostname()}")
    assert_never(action)


if __name__ == "__main__":
    main()
