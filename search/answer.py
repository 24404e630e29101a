"""`python -m search.answer`: who is best and how sure, by a race of a search's best trials on fresh splits."""

from typing import Any

import click

from search.commands.cli import Verb, shared_flags
from search.commands.numbers import WholeNumber
from search.commands.study_flags import answer_share_flag
from search.commands.worker_flags import keep_warm_flag, ready_to_train, worker_flags
from search.compare import design_flags
from search.host.exit_codes import CODES

EXAMPLES = {
    "python -m search.answer": "",
    "python -m search.answer --search bn_dropout-digits --answer-share 0.6": "",
    "python -m search.answer --search bn_dropout-digits --top 5 --seeds 12 -f json": "",
}


@click.command(cls=Verb, name="answer", examples=EXAMPLES)
@click.option("--search", "origin", help="The study of the search.  [default: the only one in the database]")
@click.option(
    "--top",
    type=WholeNumber(2, 8),
    help="Number of best trials that race.  [default: those within two standard errors of the best, 3 to 8]",
)
@answer_share_flag
@click.option(
    "--anytime",
    is_flag=True,
    help="Judge after every replicate, by e-processes, instead of at four planned looks.",
)
@click.option("--space", help="Where the search's space is on this host, FILE.py:NAME.  [default: as in the study]")
@click.option("--dataset", help="Where its images are on this host.  [default: as in the study]")
@design_flags
@shared_flags
@click.option("--study-name", help="The race's name in the database.  [default: SEARCH-answer-TRIALS]")
@worker_flags
@keep_warm_flag
def main(**flags: Any) -> None:
    """Races the best trials of a search, and its space's baseline, on fresh seeds and splits, and says which can't be
    told from the best, which of these is the cheapest, what it gains over the baseline, and what to expect of it. The
    test images are used once, for that one.

    From the fourth replicate on, a trial that is shown worse leaves. It may be interrupted or killed at any moment: run
    it again to continue.
    """
    with ready_to_train(flags) as options:
        from search.design.options import AnswerOptions
        from search.design.racing import run_answer

        raise SystemExit(CODES[run_answer(AnswerOptions(**options))])


if __name__ == "__main__":
    main()
