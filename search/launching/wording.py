"""What a launch says: its plan before it begins, and its answer, as text or JSON."""

import json
import math
from pathlib import Path
from shlex import quote
from typing import Any

from search.baselines import BASELINE
from search.launching.planning import LaunchOptions, Plan
from search.views.summary import Summary
from search.views.summary_text import (
    baselines_text,
    failures_text,
    headline,
    in_precision,
    lessons_text,
    test_line,
    top_table,
)
from storage import hide_password


def describe_plan(plan: Plan, options: LaunchOptions) -> str:
    """What a launch is about to do, in a few lines."""
    manifest = plan.manifest
    height, width, channels = manifest.image_shape
    existing = ""
    if plan.existing is not None:
        more = plan.n_trials - plan.existing.ordered
        existing = f"  goes on with the study as it is, {more} trials more\n" if more else "  goes on with the study\n"
    return (
        f"{plan.source.space.question}\n"
        f"  space    {manifest.space}\n"
        f"  images   {manifest.dataset}: {manifest.n_train} for training, {manifest.n_validation} for validation, "
        f"{manifest.n_test} for the final test; {height}x{width}x{channels}, {len(manifest.classes)} classes\n"
        f"  study    {plan.study_name} in {hide_password(options.storage)}: {plan.n_trials} trials of up to "
        f"{manifest.epochs} epochs{in_precision(manifest)}, sampler {manifest.sampler}, pruner {manifest.pruner}, "
        f"seed {manifest.seed}\n"
        f"{baselines_line(plan)}{existing}"
    )


def baselines_line(plan: Plan) -> str:
    """Which baselines the study begins with."""
    names = [str(order.settings[BASELINE]) for order in plan.orders if order.settings and BASELINE in order.settings]
    return f"  first    the baselines {', '.join(names)}\n" if names else ""


def as_json(summary: Summary, options: LaunchOptions) -> str:
    """The summary as one JSON document. The counts of the states are disjoint and add up to the trials ordered."""
    counts = summary.counts
    best = summary.best
    document: dict[str, Any] = {
        "study_name": summary.study_name,
        "storage": hide_password(options.storage),
        "trials": {
            "complete": counts.complete,
            "pruned": counts.pruned,
            "diverged": counts.diverged,
            "failed": counts.failed,
            "running": counts.leased,
            "waiting": counts.waiting,
        },
        "best": None
        if best is None
        else {"number": best.number, "value": best.value, "params": best.params, "epochs": best.epochs},
        "baselines": [{"name": b.name, "trial": b.number, "value": b.value} for b in summary.baselines],
        "objective": summary.manifest.objective,
        "test": None
        if summary.test is None
        else {"trial": summary.test.trial, "accuracy": summary.test.accuracy, "n": summary.test.n},
        "stop_reason": summary.stop_reason,
        "duration_s": round(summary.duration_s, 3),
    }
    return json.dumps(document, indent=2)


def as_text(summary: Summary, options: LaunchOptions) -> str:
    """The summary for a terminal: the best trials, what was learnt, what to do next."""
    parts = [headline(summary), top_table(summary), baselines_text(summary), test_line(summary), lessons_text(summary)]
    parts.append(failures_text(summary))
    return "\n".join(part for part in [*parts, next_steps(summary, options)] if part)


def next_steps(summary: Summary, options: LaunchOptions) -> str:
    """The commands to type next."""
    storage = hide_password(options.storage)
    models = Path(summary.manifest.artifacts) / "models"
    shown = models.relative_to(Path.cwd()) if models.is_relative_to(Path.cwd()) else models
    stored = "" if options.storage == LaunchOptions.storage else f" --storage {quote(storage)}"
    flags = stored + ("" if options.study_name is None else f" --study-name {quote(options.study_name)}")
    launch = f"python -m search.launch --space {quote(options.space)}{flags}"
    dataset = "" if options.dataset is None else f" --dataset {quote(options.dataset)}"
    more = math.ceil(summary.counts.total * 1.5 / 10) * 10
    go_on = (
        f"  {launch}{dataset} --n-trials {more}\n      searches on, up to {more} trials"
        if summary.done
        else f"  {launch}{dataset}\n      goes on where this ended"
    )
    return (
        "Next:\n"
        f"  optuna-dashboard {quote(storage)} --artifact-dir {quote(str(shown))}\n"
        "      shows every trial with its learning curve in the browser\n"
        f"  python -m search.report{stored} --study-name {quote(summary.study_name)}\n"
        "      writes report.html: figures, all trials, and how sure the answer is\n"
        f"{go_on}"
    )
