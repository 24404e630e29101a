"""`python -m search.compare`: a designed comparison, with error bars."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from search.commands.added_flags import with_flags
from search.commands.axis_flags import batch_size_flag, class_weight_flag, image_size_flags
from search.commands.cli import Verb, format_flag, shared_flags
from search.commands.metric_flags import metric_flags
from search.commands.narrowing_flags import narrowing_flags
from search.commands.numbers import Number, WholeNumber
from search.commands.study_flags import dry_run_flag, precision_flag, seed_flag, validation_share_flag
from search.commands.worker_flags import keep_warm_flag, ready_to_train, worker_flags
from search.host.exit_codes import CODES

if TYPE_CHECKING:
    from search.api.result import Result

F = TypeVar("F", bound=Callable[..., Any])

EXAMPLES = {
    "python -m search.compare --space bn_dropout --axis batch_norm --seeds 8": "",
    "python -m search.compare --space bn_dropout --axis batch_norm --tune 20": "",
    "python -m search.compare --arms before.json after.json --until-decided --max-seeds 30": "",
    "python -m search.compare --space bn_dropout --axis batch_norm -f latex": "its tables, for a paper",
    "python -m search.compare --published bn-and-dropout --data-dir data -o results.md": "",
}


def design_flags(command: F, seeds: str = "Replicates per arm, each with its own seeds.") -> F:
    """The flags of every study of replicates; `seeds` says what `--seeds` counts."""
    flags = [
        click.option("--seeds", type=WholeNumber(1, 1000), help=seeds),
        click.option("--epochs", type=WholeNumber(1, 100_000), help="Epochs per training."),
        batch_size_flag(),
        precision_flag,
        seed_flag,
        click.option("--limit-train", type=WholeNumber(2), help="Draw this many images for each replicate."),
        validation_share_flag,
        image_size_flags,
        click.option(
            "--margin",
            type=Number(0, 100, min_open=True),
            default=0.5,
            show_default=True,
            help="The smallest difference that matters, in points: hundredths of the objective.",
        ),
        click.option(
            "--artifact-store",
            help="s3://BUCKET/PREFIX for checkpoints and models, if hosts share no folder.",
        ),
        dry_run_flag,
        format_flag("table", "json", "csv", "md", "latex"),
        click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path, dir_okay=False, writable=True),
            help="Also write the result to this file, NAME.md, in Markdown, with versions and hardware.",
        ),
        click.option("--force", is_flag=True, help="Overwrite an existing file."),
    ]
    return with_flags(command, flags)


def split_choices(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, ...]:
    """The choices in a text that separates them by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


@click.command(cls=Verb, name="compare", examples=EXAMPLES)
@click.option("--space", help="The space whose parameter is compared: a name, FILE.py:NAME or package.module:NAME.")
@click.option("--axis", help="The parameter to compare: each of its choices is an arm, all else equal.")
@click.option(
    "--choices", callback=split_choices, help="Compare only these choices, or these values of a number: 0.1,0.3,0.5."
)
@click.option(
    "--at",
    help="Values of all other parameters: baseline (the first), baseline:NAME, best or trial:N of --search.  "
    "[default: baseline]",
)
@click.option(
    "--search", "origin", help="The study that --at best and --at trial:N refer to.  [default: SPACE-DATASET]"
)
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a parameter to this value in all arms."
)
@narrowing_flags
@click.option(
    "--tune",
    type=WholeNumber(1, 100_000),
    help="First search this many trials per arm for its best other parameters.",
)
@click.option("--sampler", help="Sampler of --tune.  [default: tpe]")
@click.option(
    "--arms",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Configurations to compare, as JSON files: --arms a.json b.json.",
)
@click.argument(
    "more_arms", nargs=-1, metavar="[JSON]...", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--published", metavar="ARTICLE", help="Run an article's experiments and show them next to its numbers.")
@click.option("--experiment", help="Run only this one of the article's experiments.")
@click.option(
    "--dataset", help="The images, as for search.launch.  [default: digits, or those of the search or article]"
)
@class_weight_flag
@metric_flags("Metric to compare.")
@click.option("--until-decided", is_flag=True, help="Add replicates while a pair is undecided.")
@click.option(
    "--anytime",
    is_flag=True,
    help="With --until-decided: judge after every replicate, by e-processes, instead of at four planned looks.",
)
@click.option(
    "--max-seeds", type=WholeNumber(2, 1000), help="Most replicates per arm with --until-decided.  [default: 30]"
)
@design_flags
@shared_flags
@click.option("--study-name", help="The comparison's name in the database.  [default: derived from the arms]")
@worker_flags
@keep_warm_flag
def main(**flags: Any) -> None:
    """Trains each arm on the same replicates and says which arms differ by more than the margin.

    The arms are the choices of a space's parameter, configurations in files, or an article's networks. Replicate k of
    every arm has the same split, initialization seed and order of images. --only of the axis selects choices, --fix
    sets a parameter in all arms; with --tune, all three narrow the space in which each arm is tuned. It may be
    interrupted or killed at any moment: run it again to continue. Workers on other hosts may join (python -m
    search.worker).
    """
    more = flags.pop("more_arms")
    if more and not flags["arms"]:
        raise click.UsageError(f"{', '.join(map(str, more))}: give files of arms after --arms")
    flags["arms"] += more
    with ready_to_train(flags) as options:
        from search.design.comparing import run_comparison
        from search.design.options import CompareOptions

        raise SystemExit(CODES[run_comparison(CompareOptions(**options))])


class CommandAndFunction(ModuleType):
    """The module of the command, which is also what Python programs call: `search.compare(…)`."""

    def __call__(self, **flags: Any) -> "Result":
        """See `search.api.comparing.compare`."""
        from search.api.comparing import compare

        return compare(**flags)


sys.modules[__name__].__class__ = CommandAndFunction

if __name__ == "__main__":
    main()
