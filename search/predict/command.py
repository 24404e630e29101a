"""`python -m search.predict`: what an exported model says of images."""

from pathlib import Path
from typing import Any

import click

from search.commands.answer import answer, answer_json, tell
from search.commands.cli import Verb, start_logging
from search.console.held_errors import errors_held_back
from search.host.exit_codes import EXIT_FAILED

EXAMPLES = {
    "python -m search.predict model.keras photo.jpg": "",
    "python -m search.predict model.keras photographs/ -f csv": "every image under a folder",
    "python -m search.predict model.keras photographs/ -f json": "",
}


@click.command(cls=Verb, name="predict", examples=EXAMPLES)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE|FOLDER...")
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="Output format; csv and json have all probabilities.",
)
@click.option("-v", "--verbose", count=True, help="Log more (-vv: debug).")
@click.option("-q", "--quiet", is_flag=True, help="Print only results and errors.")
def main(**flags: Any) -> None:
    """Classifies images with a MODEL that search.export wrote: files, or all images under folders.

    The JSON file next to the model has the classes and the form of the images. Images are read like those of a data
    set: rotated upright, with transparency on white, in full depth, scaled to the model's size. The exit code is 1 if a
    file can't be read; the others are still classified.
    """
    from search.predict.exported_model import open_exported
    from search.predict.image_files import find_images
    from search.predict.predictions import Prediction, Unreadable, predict
    from search.predict.texts import as_csv, as_json, as_table, remarks

    start_logging(flags["verbose"], flags["quiet"])
    with errors_held_back():
        files = find_images(flags["images"])
        found = list(predict(open_exported(flags["model"]), files.images))
    predictions = [one for one in found if isinstance(one, Prediction)]
    unreadable = [one for one in found if isinstance(one, Unreadable)]
    if flags["format_"] == "json":
        answer_json(as_json(predictions, unreadable, files.left_out))
    elif predictions:
        answer(as_csv(predictions) if flags["format_"] == "csv" else as_table(predictions), nl=False)
    if not flags["quiet"]:
        for remark in remarks(predictions, files.left_out):
            tell(remark)
    for one in unreadable:
        tell(f"Error: {one.problem}")
    if unreadable:
        raise SystemExit(EXIT_FAILED)
