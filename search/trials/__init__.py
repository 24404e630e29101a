"""All trials of a study as a table, for people and for other programs."""

from search.trials.command import main as main
