"""The trials of a study as a table, as CSV, as JSON and as Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from search.trials.rows import PLAIN, TrialRecord
from search.views.csv_text import csv_text
from search.views.facts import StudyFacts
from search.views.layout import TextTable, table_text
from search.views.markdown import titled_table
from search.views.number import number, plural, score
from spaces.metrics import MetricName


def as_table(facts: StudyFacts, rows: Sequence[TrialRecord]) -> str:
    """The trials for a terminal."""
    return table_text(short_table(facts, rows))


def as_markdown(facts: StudyFacts, rows: Sequence[TrialRecord]) -> str:
    """The same in Markdown."""
    return titled_table(short_table(facts, rows))


def short_table(facts: StudyFacts, rows: Sequence[TrialRecord]) -> TextTable:
    """What people look for: state, objective, epochs, time, parameters, and why a trial didn't complete."""
    params = names_of(row.params for row in rows)
    metrics = facts.manifest.report_metrics
    columns = ("trial", "state", facts.manifest.objective, *metrics, "epochs", "seconds", *params, "reason")
    numbers = frozenset({"trial", facts.manifest.objective, *metrics, "epochs", "seconds"})
    cells = tuple(short_cells(row, metrics, params) for row in rows)
    return TextTable(f"{plural(len(rows), 'trial')} of {facts.name}", columns, cells, numbers)


def short_cells(row: TrialRecord, metrics: Sequence[MetricName], params: Sequence[str]) -> tuple[str, ...]:
    """One trial's line."""
    return (
        f"{row.trial}{'' if row.baseline is None else '*'}",
        row.state,
        "" if row.value is None else score(row.value),
        *("" if (value := row.metrics.get(name)) is None else score(value) for name in metrics),
        str(row.epochs),
        f"{row.training_seconds:.1f}",
        *(number(row.params[name]) if name in row.params else "" for name in params),
        row.reason,
    )


def as_json(facts: StudyFacts, rows: Sequence[TrialRecord]) -> str:
    """One document."""
    document = {
        "study_name": facts.name,
        "space": facts.manifest.space,
        "dataset": facts.manifest.dataset,
        "objective": facts.manifest.objective,
        "direction": facts.manifest.direction,
        "trials": rows,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def as_csv(rows: Sequence[TrialRecord]) -> str:
    """A line for each trial: fixed columns, then scores, metrics, parameters in the order of their names, and the
    configuration as JSON.
    """
    scores, metrics = names_of(row.scores for row in rows), names_of(row.metrics for row in rows)
    params = sorted(names_of(row.params for row in rows))
    named = (("scores", scores), ("metrics", metrics), ("params", params))
    heading = (*PLAIN, *(f"{group}.{name}" for group, names in named for name in names), "configuration")
    return csv_text(heading, (cells(row, named) for row in rows))


def cells(row: TrialRecord, named: Iterable[tuple[str, Sequence[str]]]) -> tuple[Any, ...]:
    """One trial's values, those of fields of several values by their names; None where it has none."""
    configuration = None if row.configuration is None else msgspec.json.encode(row.configuration, order="sorted")
    return (
        *(getattr(row, name) for name in PLAIN),
        *(getattr(row, group).get(name) for group, names in named for name in names),
        None if configuration is None else configuration.decode(),
    )


def names_of(mappings: Iterable[Iterable[str]]) -> list[str]:
    """The names in all of them, each once, in the order of their first appearance."""
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))
