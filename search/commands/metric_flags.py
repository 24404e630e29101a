"""The flags that say what is measured."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from spaces.metrics import DEFAULT_METRIC, METRICS, MetricName, metric_name

F = TypeVar("F", bound=Callable[..., Any])


class MetricChoice(click.Choice[str]):
    """The name of a metric, with or without its val_."""

    def __init__(self) -> None:
        super().__init__(list(METRICS))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> MetricName:
        """The metric; see click.ParamType.convert."""
        return _metric(self, str(value), param, ctx)


class MetricList(click.ParamType[tuple[MetricName, ...]]):
    """Names of metrics, separated by commas."""

    name = "METRIC,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[MetricName, ...]:
        """The metrics; see click.ParamType.convert."""
        if isinstance(value, tuple):
            return value
        return tuple(_metric(self, text.strip(), param, ctx) for text in str(value).split(","))


def metric_flags(objective: str) -> Callable[[F], F]:
    """--objective, with this help, and --report-metrics."""

    def decorate(command: F) -> F:
        reported = click.option(
            "--report-metrics",
            type=MetricList(),
            help="Metrics to measure after each epoch next to the objective: --report-metrics macro_f1,auc.",
        )
        optimized = click.option(
            "--objective",
            type=MetricChoice(),
            metavar="METRIC",
            help=f"{objective.removesuffix('.')}: {', '.join(METRICS)}.  [default: {DEFAULT_METRIC}]",
        )
        return optimized(reported(command))

    return decorate


def _metric(
    kind: "click.ParamType[Any]", text: str, param: click.Parameter | None, ctx: click.Context | None
) -> MetricName:
    try:
        return metric_name(text)
    except ValueError as error:
        kind.fail(str(error), param, ctx)
