"""`python -m search.launch`: searches a space, and ends with an answer."""

from pathlib import Path
from typing import Any

import click

from search.commands import completion
from search.commands.cli import Verb, format_flag, precision_flag, shared_flags, start_logging, validation_share_flag
from search.commands.numbers import WholeNumber
from search.commands.worker_flags import take_worker_flags, worker_flags
from search.sampling.pruners import PRUNERS
from search.sampling.samplers import SAMPLERS
from search.trainers.serving import trainer_server

MOST_TRIALS = 1_000_000

EXAMPLES = {
    "python -m search.launch --space bn_dropout": "",
    "python -m search.launch --space bn_dropout --n-trials 60": "go on with it",
    "python -m search.launch --space regularization --baselines": "begin with what is published",
    "python -m search.launch --space my_space.py --dataset images/ --epochs 20": "a space and images of one's own",
    "python -m search.launch --space bn_dropout --dataset cifar10 --data-dir data -f json": "",
    "python -m search.launch --space bn_dropout --n-trials 60 --dry-run": "check, and do nothing",
    "python -m search.launch --space bn_dropout --tensorboard logs --mlflow sqlite:///mlflow.db": "for other programs",
}


@click.command(cls=Verb, name="launch", examples=EXAMPLES)
@click.option(
    "--space",
    required=True,
    shell_complete=completion.offering(completion.spaces),
    help="What to search: a name (bn_dropout), FILE.py:NAME or package.module:NAME.",
)
@click.option(
    "--dataset",
    shell_complete=completion.offering(completion.datasets),
    help="The images: digits, mnist, fashion_mnist, cifar10, cifar100, an .npz file, or a folder with a sub-folder "
    "for each class.  [default: digits]",
)
@click.option(
    "--n-trials",
    type=WholeNumber(1, MOST_TRIALS),
    help="How many trials the study shall hold in all, whoever runs them.  [default: the space's]",
)
@click.option("--epochs", type=WholeNumber(1, 100_000), help="Epochs of a full trial.  [default: the space's]")
@click.option("--batch-size", type=WholeNumber(1, 65_536), help="Images a step.  [default: the space's]")
@precision_flag
@click.option(
    "--sampler",
    shell_complete=completion.offering(completion.samplers),
    help=f"What proposes parameters: {', '.join(SAMPLERS)}.  [default: tpe]",
)
@click.option(
    "--pruner",
    shell_complete=completion.offering(completion.pruners),
    help=f"What ends poor trials early: {', '.join(PRUNERS)}.  [default: asha]",
)
@click.option(
    "--objective",
    type=click.Choice(["val_accuracy", "val_loss"]),
    help="What the search is to raise, or lower.  [default: val_accuracy]",
)
@click.option("--seed", type=WholeNumber(0, 2**31 - 1), help="Decides all that is random.  [default: 0]")
@click.option("--limit-train", type=WholeNumber(2), help="Train on so many images only.")
@validation_share_flag
@click.option(
    "--baselines", is_flag=True, help="Begin with the space's published configurations, to measure the others against."
)
@click.option(
    "--artifact-store",
    help="s3://BUCKET/PREFIX for checkpoints and best models, where hosts share no folder.  [default: in --artifacts]",
)
@shared_flags
@click.option("--study-name", help="The study's name in the database.  [default: SPACE-DATASET]")
@worker_flags
@click.option(
    "--tensorboard",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for TensorBoard's event files, written while this launch watches. Needs tensorboardX.",
)
@click.option("--mlflow", metavar="URI", help="MLflow's tracking server or database, likewise. Needs mlflow-skinny.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would be done, but do nothing.")
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Searches a space for the best model and says what was learnt.

    Makes the study, or goes on with it where it was; runs workers on this machine until it holds --n-trials finished
    trials; prints the best. It may be interrupted (Ctrl-C) or killed at any moment: run it again to go on.
    """
    quiet = flags.pop("quiet")
    start_logging(flags.pop("verbose"), quiet)
    flags.pop("config")
    workers = take_worker_flags(flags)
    trains = workers.n_workers != 0 and not flags["dry_run"]
    with trainer_server(wanted=trains):  # it imports Keras while we import what we need
        from search.launching.planning import LaunchOptions
        from search.launching.running import launch
        from search.trackers.tracker import Tracking

        tracking = Tracking(flags.pop("tensorboard"), flags.pop("mlflow"))
        raise SystemExit(launch(LaunchOptions(**flags, quiet=quiet, workers=workers, tracking=tracking)))


if __name__ == "__main__":
    main()
