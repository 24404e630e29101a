"""`python -m search.explain`: which settings matter, by a designed screening."""

from typing import Any

import click

from search.commands.cli import Verb, shared_flags
from search.commands.worker_flags import keep_warm_flag, ready_to_train, worker_flags
from search.compare import design_flags, split_choices
from search.host.exit_codes import CODES

EXAMPLES = {
    "python -m search.explain --search bn_dropout-digits": "",
    "python -m search.explain --search bn_dropout-digits --settings optimizer,learning_rate --seeds 8": "",
    "python -m search.explain --search bn_dropout-digits --ablation": "",
    "python -m search.explain --space cnn --levels n_blocks=2,3 --levels learning_rate=0.0003,0.003": "",
}


@click.command(cls=Verb, name="explain", examples=EXAMPLES)
@click.option("--search", "origin", help="The study of the search.  [default: the only one in the database]")
@click.option("--from", "start", help="The low levels: baseline, baseline:NAME, best or trial:N.  [default: baseline]")
@click.option("--to", "end", help="The high levels, likewise.  [default: best]")
@click.option("--settings", callback=split_choices, help="Screen only these of the settings that differ.")
@click.option("--levels", multiple=True, metavar="NAME=LOW,HIGH", help="Give a setting these two levels.")
@click.option(
    "--ablation",
    is_flag=True,
    help="Change the settings one after the other instead, in the order in which they gain most: at most 7.",
)
@click.option("--space", help="Screen a space without a search, around its baseline: with --levels.")
@click.option("--dataset", help="The images, as for search.launch.  [default: those of the search, or digits]")
@design_flags
@shared_flags
@click.option("--study-name", help="The study's name in the database.  [default: SEARCH-explain, or SEARCH-ablation]")
@worker_flags
@keep_warm_flag
def main(**flags: Any) -> None:
    """Trains 4 to 24 configurations, each on the same replicates, in which all settings change between two levels at
    once, so that every training says something of every setting: which matter, and which is the cheapest configuration
    that keeps what does. With --ablation, it follows the path between the two points instead: which change made the
    difference, one after the other.

    It may be interrupted or killed at any moment: run it again to continue.
    """
    with ready_to_train(flags) as options:
        from search.design.explaining import run_explanation
        from search.design.options import ExplainOptions

        raise SystemExit(CODES[run_explanation(ExplainOptions(**options))])


if __name__ == "__main__":
    main()
