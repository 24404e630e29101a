"""`python -m search.best`: the best configuration of a study."""

from typing import Any

import click

from search.commands.answer import answer, answer_json
from search.commands.chosen_study import chosen_study, study_flag
from search.commands.cli import Verb, format_flag, shared_flags, start_logging

EXAMPLES = {
    "python -m search.best": "",
    "python -m search.best --study-name bn_dropout-digits": "",
    "python -m search.best --trial 7": "",
    "python -m search.best -f json": "",
}


@click.command(cls=Verb, name="best", examples=EXAMPLES)
@shared_flags
@study_flag
@click.option("--trial", default="best", show_default=True, help="best, or a completed trial's number.")
@format_flag("table", "json")
def main(**flags: Any) -> None:
    """Prints the best configuration: scores, parameters, the layers of its model, and the commands to continue with."""
    from search.views.configuration_text import described_trial, trial_json, trial_text

    start_logging(flags["verbose"], flags["quiet"])
    with chosen_study(flags["storage"], flags["study_name"]) as shared:
        described = described_trial(shared, flags["trial"])
    if flags["format_"] == "json":
        answer_json(trial_json(described))
    else:
        answer(trial_text(described, flags["storage"]))


if __name__ == "__main__":
    main()
