"""`python -m search.confirm`: what the best trials of a search reach on seeds that had no part in selecting them."""

from typing import Any

import click

from search.commands.cli import Verb, shared_flags
from search.commands.numbers import WholeNumber
from search.commands.worker_flags import keep_warm_flag, ready_to_train, worker_flags
from search.compare import design_flags
from search.host.exit_codes import CODES

EXAMPLES = {
    "python -m search.confirm --top 3 --seeds 8": "",
    "python -m search.confirm --search bn_dropout-digits --top 5 --seeds 8 -f json": "",
}


@click.command(cls=Verb, name="confirm", examples=EXAMPLES)
@click.option("--search", "origin", help="The study of the search.  [default: the only one in the database]")
@click.option("--top", type=WholeNumber(1, 20), default=3, show_default=True, help="Number of best trials to confirm.")
@click.option("--space", help="Where the search's space is on this host, FILE.py:NAME.  [default: as in the study]")
@click.option("--dataset", help="Where its images are on this host.  [default: as in the study]")
@design_flags
@shared_flags
@click.option("--study-name", help="The confirmation's name in the database.  [default: SEARCH-confirm]")
@worker_flags
@keep_warm_flag
def main(**flags: Any) -> None:
    """Trains the best trials of a search again on fresh seeds and splits, and compares the confirmed scores with those
    that selected them. The best is evaluated on the test images, once.

    It may be interrupted or killed at any moment: run it again to continue.
    """
    with ready_to_train(flags) as options:
        from search.design.confirming import run_confirmation
        from search.design.options import ConfirmOptions

        raise SystemExit(CODES[run_confirmation(ConfirmOptions(**options))])


if __name__ == "__main__":
    main()
