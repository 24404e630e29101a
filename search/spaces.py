"""`python -m search.spaces`: lists the spaces, or shows one in full."""

from dataclasses import replace
from typing import Any

import click

from search.commands.answer import answer, answer_json
from search.commands.cli import Verb, format_flag
from search.commands.narrowing_flags import narrowing_flags
from search.console.held_errors import errors_held_back

EXAMPLES = {
    "python -m search.spaces": "",
    "python -m search.spaces bn_dropout": "",
    "python -m search.spaces optimizer --only optimizer=adam,rmsprop": "only a part of it",
    "python -m search.spaces my_space.py:space -f json": "",
}


@click.command(cls=Verb, name="spaces", examples=EXAMPLES)
@click.argument("space", required=False)
@narrowing_flags
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Lists the spaces with their questions, parameters, ranges and baselines.

    With a SPACE (a name, FILE.py:NAME or package.module:NAME), shows that one in full, with a drawing of the
    layers for each choice. --only, --range and --fix show the part that a launch with these flags searches.
    """
    from search.views.space_text import all_as_json, all_as_text, one_as_json, one_as_text
    from spaces import resolve, space_names
    from spaces.narrowing import narrowed, parse_narrowing

    as_json, ref = flags["format_"] == "json", flags["space"]
    narrows = flags["only"] or flags["ranges"] or flags["fixed"]
    if narrows and ref is None:
        raise click.UsageError("--only, --range and --fix narrow one SPACE: name it")
    with errors_held_back():  # it may import Keras
        sources = [resolve(name) for name in ([ref] if ref is not None else space_names())]
        if narrows:
            space = sources[0].space
            narrowing = parse_narrowing(space, flags["only"], flags["ranges"], flags["fixed"])
            sources = [replace(sources[0], space=narrowed(space, narrowing))]
    if ref is None:
        text = all_as_json(sources) if as_json else all_as_text(sources)
    else:
        text = one_as_json(sources[0]) if as_json else one_as_text(sources[0])
    if as_json:
        answer_json(text)
    else:
        answer(text)


if __name__ == "__main__":
    main()
