"""What the benchmarks of speed print: JSON with what was measured, how often, and on what."""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import psutil
from machine_facts import machine_facts


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, range and number of some measurements, and the measurements themselves."""
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "n": len(values),
        "values": [round(value, 4) for value in values],
    }


def ratios(slow: Sequence[float], fast: Sequence[float]) -> dict[str, Any]:
    """How many times as fast one side was as the other, round by round."""
    return spread([a / b for a, b in zip(slow, fast, strict=True)])


def facts(smoke: bool) -> dict[str, Any]:
    """To be taken before the measurement: the machine, and how busy it was with other things."""
    return {"smoke": smoke, **machine_facts()}


def print_report(benchmark: str, facts: Mapping[str, Any], results: Mapping[str, Any]) -> None:
    """Writes the JSON to standard output."""
    load = {"load_after": round(psutil.getloadavg()[0], 1)}
    print(json.dumps({"benchmark": benchmark, **facts, **load, "results": results}, indent=2))
