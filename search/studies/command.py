"""`python -m search.studies`: lists, renames, copies and deletes the studies of a database, and cleans up."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, assert_never

import click

from search.commands.answer import answer, answer_json
from search.commands.cli import Verb, format_flag, shared_flags, start_logging
from search.errors import UsageError

Action = Literal["list", "rename", "copy", "delete", "gc"]
ACTIONS: tuple[Action, ...] = ("list", "rename", "copy", "delete", "gc")

EXAMPLES = {
    "python -m search.studies": "",
    "python -m search.studies -f json": "",
    "python -m search.studies rename bn_dropout-digits first-try": "",
    "python -m search.studies copy first-try --to postgresql://me@db/search": "",
    "python -m search.studies delete first-try": "asks first",
    "python -m search.studies gc": "shows what no study needs any more; --yes removes it",
}


@click.command(cls=Verb, name="studies", examples=EXAMPLES)
@click.argument("action", type=click.Choice(ACTIONS), default="list")
@click.argument("names", nargs=-1, metavar="[NAME] [NEW_NAME]")
@click.option("--to", metavar="URL", help="The database to copy the study into, of either kind.")
@click.option(
    "--artifacts",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the copy's models and files; for gc, another folder to look through.  "
    "[default: that of the database]",
)
@click.option("--yes", is_flag=True, help="Delete without asking; have gc remove what it finds.")
@click.option("--dry-run", is_flag=True, help="Have gc only show what it finds, as it does without --yes.")
@shared_flags
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Lists the studies of a database: kind, space, images, trials, best, active workers, size on this host.

    `rename NAME NEW_NAME` and `copy NAME [NEW_NAME] --to URL` keep everything; `delete NAME` removes the study, its
    models and its other files, and nothing else. None of them changes a study with active workers. `gc` finds files
    that no study needs any more: parts of files that were never stored completely, checkpoints of finished trials,
    what deleted studies have left.
    """
    from storage import study_names

    start_logging(flags["verbose"], flags["quiet"])
    action: Action = flags["action"]
    names, storage = require_names(action, flags["names"]), flags["storage"]
    require_flags(action, flags)
    match action:
        case "list":
            list_studies(storage, study_names(storage), flags["format_"])
        case "rename":
            rename_study(storage, *names)
        case "copy":
            copy_study(storage, names[0], flags["to"], names[-1], flags["artifacts"])
        case "delete":
            delete_study(storage, names[0], sure=flags["yes"])
        case "gc":
            clean_up(storage, flags["artifacts"], flags["format_"], remove=flags["yes"])
        case _:
            assert_never(action)


def require_names(action: Action, names: Sequence[str]) -> tuple[str, ...]:
    """The names; raises UsageError unless they are as many as the action takes."""
    least, most, form = {
        "list": (0, 0, "no name"),
        "rename": (2, 2, "NAME NEW_NAME"),
        "copy": (1, 2, "NAME [NEW_NAME]"),
        "delete": (1, 1, "NAME"),
        "gc": (0, 0, "no name"),
    }[action]
    if not least <= len(names) <= most:
        raise UsageError(f"{action} takes {form}: python -m search.studies --help has examples")
    return tuple(names)


def require_flags(action: Action, flags: dict[str, Any]) -> None:
    """Raises UsageError for a flag that the action doesn't have, and for one that it lacks."""
    allowed: dict[str, tuple[Action, ...]] = {
        "to": ("copy",),
        "artifacts": ("copy", "gc"),
        "yes": ("delete", "gc"),
        "dry_run": ("gc",),
    }
    for name, actions in allowed.items():
        if flags[name] not in (None, False) and action not in actions:
            raise UsageError(f"--{name.replace('_', '-')} is for {' and '.join(actions)}")
    if flags["yes"] and flags["dry_run"]:
        raise UsageError("--yes removes what --dry-run only shows: give one of them")
    if action == "copy" and flags["to"] is None:
        raise UsageError("copy takes --to URL, the database to copy the study into")


def list_studies(storage: str, names: Sequence[str], format_: Literal["table", "json"]) -> None:
    """Prints what the database holds."""
    from search.studies.overview import as_document, overview_text, overviews
    from storage import hide_password

    found = overviews(storage, names)
    if format_ == "json":
        import msgspec

        answer_json(msgspec.json.encode(as_document(found)))
    else:
        answer(overview_text(found, hide_password(storage)))


def rename_study(storage: str, name: str, new_name: str) -> None:
    """Renames a study."""
    from search.commands.chosen_study import chosen_study
    from search.studies.removal import require_no_active_workers
    from search.studies.renaming import rename

    with chosen_study(storage, name, only_look=False) as shared:
        require_no_active_workers(shared)
        rename(shared, new_name)
    answer(f"{name} is called {new_name}.")


def copy_study(storage: str, name: str, to: str, new_name: str, artifacts: Path | None) -> None:
    """Copies a study."""
    from search.commands.chosen_study import chosen_study
    from search.studies.duplication import copy
    from search.studies.removal import require_no_active_workers
    from storage import hide_password

    with chosen_study(storage, name) as shared:
        require_no_active_workers(shared)
        counts, files = shared.ledger.counts(), copy(shared, to, new_name, artifacts)
    under_way = f"; {counts.leased} of them begin again from their first epoch" if counts.leased else ""
    answer(f"{name} is {new_name} in {hide_password(to)}: {counts.total} trials{under_way}, {files} files.")


def delete_study(storage: str, name: str, *, sure: bool) -> None:
    """Deletes a study, after asking."""
    from search.commands.chosen_study import chosen_study
    from search.studies import removal
    from storage import hide_password

    with chosen_study(storage, name, only_look=False) as shared:
        removal.require_no_active_workers(shared)
        counts, models = shared.ledger.counts(), len(shared.kept.all())
        what = f"the study {name} in {hide_password(storage)}, with its {counts.total} trials and {models} files"
        if not sure:
            require_consent(what)
        left = removal.delete_study(shared)
    others = "" if left is None else f" Something that isn't the study's is in {left}, and stays."
    answer(f"Deleted {what}.{others}")


def clean_up(storage: str, artifacts: Path | None, format_: Literal["table", "json"], *, remove: bool) -> None:
    """Shows what no study needs any more, and removes it if `remove`."""
    from search.studies.leftovers import collect
    from search.studies.leftovers_text import leftovers_json, leftovers_text

    found = collect(storage, artifacts, remove=remove)
    if format_ == "json":
        answer_json(leftovers_json(found, removed=remove))
    else:
        answer(leftovers_text(found, removed=remove))


def require_consent(what: str) -> None:
    """Asks; raises UsageError if there is no terminal, or the answer is no."""
    if not sys.stdin.isatty():
        raise UsageError(f"to delete {what}, without being asked, give --yes")
    if not click.confirm(f"Delete {what}? This can't be undone.", err=True):
        raise UsageError("nothing was deleted")
