"""`python -m search.noise`: where the spread of equal trainings is from."""

from functools import partial
from typing import Any

import click

from search.commands.cli import Verb, shared_flags
from search.commands.worker_flags import keep_warm_flag, ready_to_train, worker_flags
from search.compare import design_flags
from search.host.exit_codes import CODES

EXAMPLES = {
    "python -m search.noise --search bn_dropout-digits": "",
    "python -m search.noise --space bn_dropout --at baseline:dropout --seeds 5": "",
}


@click.command(cls=Verb, name="noise", examples=EXAMPLES)
@click.option("--search", "origin", help="The study of the search.  [default: the only one in the database]")
@click.option("--at", help="Which configuration: best, trial:N, baseline or baseline:NAME.  [default: best]")
@click.option("--space", help="Measure a baseline of a space without a search.")
@click.option("--dataset", help="The images, as for search.launch.  [default: those of the search, or digits]")
@partial(design_flags, seeds="Seeds of each kind; the number of trainings is the square.  [default: 4]")
@shared_flags
@click.option("--study-name", help="The measurement's name in the database.  [default: SEARCH-noise]")
@worker_flags
@keep_warm_flag
def main(**flags: Any) -> None:
    """Trains one configuration again and again, with a few seeds each for its initial weights, its split and the order
    of its images, and says how much of the scores' variance each makes, and what more trainings would buy.

    It may be interrupted or killed at any moment: run it again to continue.
    """
    with ready_to_train(flags) as options:
        from search.design.noise_plan import run_noise
        from search.design.options import NoiseOptions

        raise SystemExit(CODES[run_noise(NoiseOptions(**options))])


if __name__ == "__main__":
    main()
