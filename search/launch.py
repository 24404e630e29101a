"""`python -m search.launch`: searches a space and prints the result."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.cluster.flags import MOST_JOBS, engine_names, job_flags, take_placing
from search.commands import completion
from search.commands.axis_flags import batch_size_flag, class_weight_flag, image_size_flags, validation_flag
from search.commands.cli import Verb, format_flag, shared_flags, start_logging
from search.commands.metric_flags import metric_flags
from search.commands.narrowing_flags import narrowing_flags
from search.commands.numbers import AnyNumber, Number, WholeNumber
from search.commands.queue_flags import PLACE, given_place, place_flags
from search.commands.study_flags import (
    answer_share_flag,
    dry_run_flag,
    precision_flag,
    seed_flag,
    validation_share_flag,
)
from search.commands.worker_flags import keep_warm_flag, take_worker_flags, worker_flags
from search.errors import UsageError
from search.host.exit_codes import CODES
from search.sampling.pruners import PRUNERS
from search.sampling.samplers import SAMPLERS
from search.trainers.serving import trainer_server
from spaces.selection import SELECTS

if TYPE_CHECKING:
    from search.host.ends import End
    from search.launching.options import FinishedSearch

MOST_TRIALS = 1_000_000
DEFAULT_MARGIN = 0.002

EXAMPLES = {
    "python -m search.launch --space bn_dropout": "",
    "python -m search.launch --space bn_dropout --n-trials 60": "continue it",
    "python -m search.launch --space regularization --baselines": "start with published configurations",
    "python -m search.launch --space bn_dropout --target 0.99 --patience 20": "end it early",
    "python -m search.launch --space my_space.py --dataset images/ --epochs 20": "your own space and images",
    "python -m search.launch --space bn_dropout --dataset cifar10 --data-dir data -f json": "",
    "python -m search.launch --space bn_dropout --n-trials 60 --dry-run": "only check the command",
    "python -m search.launch --space bn_dropout --tensorboard logs --mlflow sqlite:///mlflow.db": "trackers",
}


@click.command(cls=Verb, name="launch", examples=EXAMPLES)
@click.option(
    "--space",
    required=True,
    shell_complete=completion.offering(completion.spaces),
    help="The search space: a name (bn_dropout), FILE.py:NAME or package.module:NAME.",
)
@click.option(
    "--dataset",
    shell_complete=completion.offering(completion.datasets),
    help="The images: digits, mnist, fashion_mnist, cifar10, cifar100, an .npz file, or a folder with a "
    "subfolder per class.  [default: digits]",
)
@click.option(
    "--n-trials",
    type=WholeNumber(1, MOST_TRIALS),
    help="Total trials in the study, across all workers.  [default: the space's]",
)
@narrowing_flags
@click.option("--epochs", type=WholeNumber(1, 100_000), help="Most epochs per trial.  [default: the space's]")
@batch_size_flag("  [default: the space's]")
@precision_flag
@click.option(
    "--sampler",
    shell_complete=completion.offering(completion.samplers),
    help=f"Sampler: proposes the parameters of each trial ({', '.join(SAMPLERS)}).  [default: tpe]",
)
@click.option(
    "--pruner",
    shell_complete=completion.offering(completion.pruners),
    help=f"Pruner: stops poor trials early ({', '.join(PRUNERS)}).  [default: asha]",
)
@click.option(
    "--select",
    type=click.Choice(SELECTS),
    help="Value of a trial: the last epoch's, or the mean of its last three (smooth).  [default: smooth]",
)
@class_weight_flag
@metric_flags("Metric to optimize.")
@seed_flag
@click.option("--limit-train", type=WholeNumber(2), help="Use at most this many training images.")
@validation_flag
@validation_share_flag
@image_size_flags
@click.option(
    "--limit",
    metavar="NAME=MOST,…",
    help="The most that a trial may take: --limit parameters=200k,model_mb=2,train_seconds=600.",
)
@click.option("--target", type=AnyNumber(), help="End the search once a trial's objective is this good, as 0.99.")
@click.option(
    "--patience",
    type=WholeNumber(0, MOST_TRIALS),
    help="End the search after this many finished trials in a row without a better objective. 0: never.",
)
@click.option(
    "--until-converged",
    type=Number(0),
    is_flag=False,
    flag_value=str(DEFAULT_MARGIN),
    metavar="[MARGIN]",
    help="End the search when the next --patience trials (else 20) would gain less than this, with 90 % confidence; "
    f"without a value {DEFAULT_MARGIN:g}. 0: never.",
)
@click.option("--baselines", is_flag=True, help="Run the space's published configurations first, for comparison.")
@click.option(
    "--artifact-store",
    help="s3://BUCKET/PREFIX for checkpoints and best models, if hosts share no folder.  [default: in --artifacts]",
)
@click.option(
    "--answer",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="End a search of 10 trials or more with an answer: its best trials and the baseline race on fresh splits.",
)
@answer_share_flag
@shared_flags
@click.option("--study-name", help="The study's name in the database.  [default: SPACE-DATASET]")
@worker_flags
@keep_warm_flag
@place_flags
@click.option(
    "--tensorboard",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for TensorBoard event files, written while this command runs. Needs tensorboardX.",
)
@click.option(
    "--mlflow",
    metavar="URI",
    help="MLflow tracking server or database, written while this command runs. Needs mlflow-skinny.",
)
@click.option(
    "--on", type=click.Choice(engine_names()), help="A cluster's engine that runs the workers.  [default: this machine]"
)
@click.option(
    "--workers", type=WholeNumber(1, MOST_JOBS), help="With --on: how many jobs, each with as many GPUs as --gpus says."
)
@click.option("--detach", is_flag=True, help="With --on: submit the jobs and return.")
@job_flags
@dry_run_flag
@click.option("--time-epoch", is_flag=True, help="With --dry-run: train two batches, and say how long an epoch takes.")
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Searches a space for the best model and summarizes the findings.

    Creates the study, or continues an existing one; runs workers on this machine until the study has --n-trials
    finished trials; prints the best. It may be interrupted (Ctrl-C) or killed at any moment: run it again to continue.
    """
    quiet = flags.pop("quiet")
    start_logging(flags.pop("verbose"), quiet)
    flags.pop("config")
    workers = take_worker_flags(flags)
    placing, workers = take_placing(flags, workers, quiet=quiet)
    keep_warm_s = flags.pop("keep_warm")
    if keep_warm_s and placing is not None:
        raise UsageError("--keep-warm can't go with --on: the cluster's workers train elsewhere")
    place = given_place({name: flags.pop(name) for name in PLACE})
    trains = workers.n_workers != 0 and not flags["dry_run"] and placing is None
    with trainer_server(wanted=trains, keep_warm_s=keep_warm_s):  # it imports Keras while we import what we need
        from search.launching.options import Answering, LaunchOptions
        from search.launching.running import launch
        from search.trackers.tracking import Tracking

        if placing is not None:
            placing.require(flags["artifact_store"])
        placed = None if placing is None else placing.run
        share, answers = flags.pop("answer_share"), flags.pop("answer") == "on"
        answering = Answering(share, _answer) if answers else None
        tracking = Tracking(flags.pop("tensorboard"), flags.pop("mlflow"))
        given = {"quiet": quiet, "workers": workers, "tracking": tracking, "placed": placed, "answering": answering}
        options = LaunchOptions(**flags, **given, place=place)
        raise SystemExit(CODES[launch(options)])


def _answer(finished: "FinishedSearch", share: float) -> "End":
    """Imports what an answer needs when it is due: half a second, for which the workers would wait at the beginning."""
    from search.design.answering import answer_search

    return answer_search(finished, answer_share=share)


if __name__ == "__main__":
    main()
