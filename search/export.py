"""`python -m search.export`: a trial's trained model as plain Keras, with files that document it."""

from pathlib import Path
from typing import Any

import click

from search.commands.answer import answer
from search.commands.chosen_study import chosen_study, study_flag
from search.commands.cli import Verb, shared_flags, start_logging
from search.commands.numbers import WholeNumber

EXAMPLES = {
    "python -m search.export": "",
    "python -m search.export --study-name bn_dropout-digits --trial best -o model.keras": "",
    "python -m search.export --trial 7 --retrain -o trial-7.keras": "",
    "python -m search.export --ensemble 3 -o ensemble.keras": "the mean of the three best models",
    "python -m search.export --saved-model --onnx": "",
}


@click.command(cls=Verb, name="export", examples=EXAMPLES)
@shared_flags
@study_flag
@click.option("--trial", default="best", show_default=True, help="best, or a completed trial's number.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("model.keras"),
    show_default=True,
    help="The model's file; the files next to it have the same name: model.json, model.md, model.py.",
)
@click.option(
    "--ensemble",
    type=WholeNumber(2, 16),
    help="Write one model that averages the probabilities of this many best distinct models.",
)
@click.option("--retrain", is_flag=True, help="Train the trial again, with its seed, if its model wasn't kept.")
@click.option("--saved-model", is_flag=True, help="Also write a TensorFlow SavedModel, in the folder MODEL-saved.")
@click.option("--onnx", is_flag=True, help="Also write MODEL.onnx (needs the packages onnx and tf2onnx).")
@click.option(
    "--script/--no-script",
    default=True,
    show_default=True,
    help="Write MODEL.py, which trains the trial again, and MODEL.npz, the arrays that it needs.",
)
@click.option(
    "--test/--no-test",
    default=True,
    show_default=True,
    help="Evaluate the model on the test images; the study records each such look at them.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option(
    "--artifacts",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the models.  [default: the study's]",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the NAME.npz files of named data sets on this host.  [default: the study's]",
)
def main(**flags: Any) -> None:
    """Writes a trained model that keras.models.load_model opens without this project.

    The model takes unscaled pixels and outputs probabilities. Next to it: its configuration (JSON), a model card
    (Markdown), and a Python script that repeats its training with Keras alone. Before anything is written, the model
    is evaluated on the study's test images and must reach the study's score; the study records this look at them.

    --ensemble writes the mean of the best models instead, without a script, and compares it with the best one alone.
    """
    from search.exporting.ensemble import export_ensemble
    from search.exporting.export import ExportOptions, export

    start_logging(flags["verbose"], flags["quiet"])
    names = ("trial", "output", "retrain", "saved_model", "onnx", "script", "test", "force", "artifacts", "data_dir")
    options = ExportOptions(ensemble=flags["ensemble"], **{name: flags[name] for name in names})
    with chosen_study(flags["storage"], flags["study_name"], only_look=not options.test) as shared:
        written = export(shared, options) if options.ensemble is None else export_ensemble(shared, options)
    for line in written:
        answer(line)


if __name__ == "__main__":
    main()
