"""`python -m search.compare`: a designed comparison, and an answer with error bars."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from search.commands.cli import Verb, format_flag, precision_flag, shared_flags, start_logging, validation_share_flag
from search.commands.numbers import Number, WholeNumber
from search.commands.worker_flags import take_worker_flags, worker_flags
from search.trainers.serving import trainer_server

F = TypeVar("F", bound=Callable[..., Any])

EXAMPLES = {
    "python -m search.compare --space bn_dropout --axis batch_norm --seeds 8": "",
    "python -m search.compare --space bn_dropout --axis batch_norm --tune 20": "",
    "python -m search.compare --arms before.json after.json --until-decided --max-seeds 30": "",
    "python -m search.compare --published bn-and-dropout --data-dir data -o results.md": "",
}


def design_flags(command: F) -> F:
    """The flags of every study of replicates."""
    flags = [
        click.option("--seeds", type=WholeNumber(1, 1000), help="Replicates of each arm, each with seeds of its own."),
        click.option("--epochs", type=WholeNumber(1, 100_000), help="Epochs of each training."),
        click.option("--batch-size", type=WholeNumber(1, 65_536), help="Images a step."),
        precision_flag,
        click.option("--seed", type=WholeNumber(0, 2**31 - 1), help="Decides all that is random.  [default: 0]"),
        click.option("--limit-train", type=WholeNumber(2), help="Draw so many images for each replicate."),
        validation_share_flag,
        click.option(
            "--margin",
            type=Number(0, 100, min_open=True),
            default=0.5,
            show_default=True,
            help="The smallest difference that matters, in points: hundredths of the objective.",
        ),
        click.option(
            "--artifact-store",
            help="s3://BUCKET/PREFIX for checkpoints and models, where hosts share no folder.",
        ),
        click.option("--dry-run", is_flag=True, help="Check everything and say what would be done, but do nothing."),
        format_flag("table", "json"),
        click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path, dir_okay=False, writable=True),
            help="Write the answer into this file too, NAME.md, in Markdown, with versions and hardware.",
        ),
        click.option("--force", is_flag=True, help="Write over a file that is there."),
    ]
    for flag in reversed(flags):
        command = flag(command)
    return command


def split_choices(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, ...]:
    """The choices in a text that separates them by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


@click.command(cls=Verb, name="compare", examples=EXAMPLES)
@click.option("--space", help="The space whose parameter is compared: a name, FILE.py:NAME or package.module:NAME.")
@click.option("--axis", help="The parameter whose choices are the arms; everything else is equal.")
@click.option("--choices", callback=split_choices, help="Only these choices of it, or values of a number: 0.1,0.3,0.5.")
@click.option(
    "--at",
    help="What everything else is as: baseline (the first), baseline:NAME, best or trial:N of --search.  "
    "[default: baseline]",
)
@click.option("--search", "origin", help="The study that --at best and trial:N are of.  [default: SPACE-DATASET]")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Another value of a parameter, in all arms."
)
@click.option(
    "--tune",
    type=WholeNumber(1, 100_000),
    help="Search so many trials for each arm's own best other parameters first.",
)
@click.option("--sampler", help="What proposes parameters to --tune.  [default: tpe]")
@click.option(
    "--arms",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Configurations to compare, as JSON files: --arms a.json b.json.",
)
@click.argument(
    "more_arms", nargs=-1, metavar="[JSON]...", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--published", metavar="ARTICLE", help="The experiments of an article, beside what it says.")
@click.option("--experiment", help="Only this one of the article's experiments.")
@click.option(
    "--dataset", help="The images, as for search.launch.  [default: digits, or those of the search or article]"
)
@click.option("--objective", type=click.Choice(["val_accuracy", "val_loss"]), help="[default: val_accuracy]")
@click.option("--until-decided", is_flag=True, help="Add replicates while a pair is undecided.")
@click.option("--max-seeds", type=WholeNumber(2, 1000), help="With --until-decided, at most so many.  [default: 30]")
@design_flags
@shared_flags
@click.option("--study-name", help="The comparison's name in the database.  [default: made of what is compared]")
@worker_flags
def main(**flags: Any) -> None:
    """Trains each arm on the same replicates, and says which arms differ by more than matters.

    The arms are the choices of a space's parameter, configurations in files, or an article's networks. Replicate k of
    every arm has the same split, initialisation seed and order of images. It may be interrupted or killed at any
    moment: run it again to go on; workers of other hosts may join (python -m search.worker).
    """
    quiet = flags.pop("quiet")
    start_logging(flags.pop("verbose"), quiet)
    flags.pop("config")
    more = flags.pop("more_arms")
    if more and not flags["arms"]:
        raise click.UsageError(f"{', '.join(map(str, more))}: give files of arms after --arms")
    flags["arms"] += more
    workers = take_worker_flags(flags)
    trains = workers.n_workers != 0 and not flags["dry_run"]
    with trainer_server(wanted=trains):
        from search.design.comparing import run_comparison
        from search.design.options import CompareOptions

        raise SystemExit(run_comparison(CompareOptions(**flags, quiet=quiet, workers=workers)))


if __name__ == "__main__":
    main()
