"""What a launch says: its plan before it begins, and its answer, as text or JSON."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec

from search.host.ends import End
from search.launching.cost import halving
from search.launching.epoch_time import EpochTime
from search.launching.next_steps import next_steps
from search.launching.options import LaunchOptions
from search.launching.planning import Plan
from search.study.space import narrowing_of
from search.views.answer_text import (
    answer_text,
    baselines_text,
    failures_text,
    lessons_text,
    model_problems_text,
    test_text,
    top_text,
)
from search.views.classes_table import classes_document
from search.views.data_text import data_text, inventory_of
from search.views.facts import StudyFacts
from search.views.layout import fitted
from search.views.majority import majority_share
from search.views.number import plural
from search.views.sentences import (
    headline,
    images_of,
    in_batches,
    in_class_weights,
    in_precision,
    in_selection,
    metric_words,
)
from search.views.times import duration
from spaces.metrics import DEFAULT_METRIC, METRICS
from storage import Manifest, hide_password

log = logging.getLogger(__name__)


def plan_text(plan: Plan, options: LaunchOptions) -> str:
    """The plan of a launch, in a few lines."""
    manifest = plan.manifest
    existing = ""
    if plan.existing is not None:
        more = plan.n_trials - plan.existing.ordered
        existing = (
            f"  continues the study as it is, {plural(more, 'trial')} more\n" if more else "  continues the study\n"
        )
    return fitted(
        f"{plan.source.space.question}\n"
        f"  space    {manifest.space}\n"
        f"{narrowing_line(manifest)}"
        f"  images   {images_of(manifest)}\n"
        f"{data_text(manifest)}"
        f"  study    {plan.study_name} in {hide_password(options.storage)}: {plural(plan.n_trials, 'trial')} of up to "
        f"{plural(manifest.epochs, 'epoch')}{in_precision(manifest)}{batch_sizes_words(manifest)}"
        f"{in_class_weights(manifest)}, "
        f"sampler {manifest.sampler}, pruner {manifest.pruner}, "
        f"seed {manifest.seed}{in_selection(manifest)}\n"
        f"{metrics_line(manifest)}{baselines_line(plan)}{ending_line(plan)}{place_line(options)}{existing}"
        f"{''.join(f'  note     {note}{chr(10)}' for note in plan.notes)}"
    )


def batch_sizes_words(manifest: Manifest) -> str:
    """The batch sizes that are searched, "" if all trials have the same."""
    return f", {in_batches(manifest)}" if manifest.batch_sizes else ""


def narrowing_line(manifest: Manifest) -> str:
    """The searched part of the space, "" if it is all of it."""
    narrowing = narrowing_of(manifest)
    return f"  only     {narrowing}\n" if narrowing.names else ""


def metrics_line(manifest: Manifest) -> str:
    """The objective and the metrics that the study reports, with what is better and what guessing gives; "" where the
    accuracy is all.
    """
    names = (manifest.objective, *manifest.report_metrics)
    return (
        "" if names == (DEFAULT_METRIC,) else f"  metrics  {', '.join(metric_words(one, manifest) for one in names)}\n"
    )


def baselines_line(plan: Plan) -> str:
    """The baselines that the study runs first."""
    names = [order.settings.baseline for order in plan.orders if order.settings.baseline is not None]
    return f"  first    the baselines {', '.join(names)}\n" if names else ""


def ending_line(plan: Plan) -> str:
    """What ends the search before all trials are done, "" if nothing does."""
    if plan.rule is None:
        return ""
    rule = plan.rule
    parts = [
        None if rule.target is None else f"at {plan.manifest.goal.label} {rule.target:g}",
        None if rule.patience is None else f"when {rule.patience} trials in a row are no better than the best before",
        None if rule.margin is None else f"when the next {rule.horizon} trials would gain less than {rule.margin:g}",
    ]
    return f"  ends     {', or '.join(part for part in parts if part)}\n"


def place_line(options: LaunchOptions) -> str:
    """The study's place in the queue, as far as it was asked for."""
    words = {"priority": "priority {}", "max_workers": "{} workers at once", "owner": "owner {}"}
    most = options.place.get("max_workers")
    shown = {**options.place, "max_workers": "any number of" if most is None else f"at most {most}"}
    said = [words[name].format(shown[name]) for name in options.place]
    return f"  queue    {', '.join(said)}\n" if said else ""


def images_document(manifest: Manifest) -> dict[str, Any]:
    """The data about a study's images: counts by class, the majority's share, and the inventory."""
    return {
        "dataset": manifest.dataset,
        "counts": {
            part: dict(zip(manifest.classes, counts, strict=True)) for part, counts in manifest.class_counts.items()
        },
        "majority_share": {part: majority_share(manifest, part) for part in ("validation", "test")},
        "own_validation": manifest.own_validation,
        "found": msgspec.to_builtins(inventory_of(manifest)),
    }


def metrics_document(manifest: Manifest) -> dict[str, Any]:
    """The objective and the metrics that the study reports, each with its direction and what guessing gives."""
    return {
        name: {"direction": METRICS[name].direction, "guess": METRICS[name].guess(len(manifest.classes))}
        for name in (manifest.objective, *manifest.report_metrics)
    }


def narrowing_document(manifest: Manifest) -> dict[str, Any]:
    """The searched part of the space, by flag."""
    return {
        "only": {name: list(values) for name, values in manifest.only.items()},
        "range": {name: list(bounds) for name, bounds in manifest.ranges.items()},
        "fix": dict(manifest.fixed),
    }


def epoch_time_text(timed: EpochTime, manifest: Manifest) -> str:
    """How long an epoch takes, and what would halve that; with the trials' most epochs in mind."""
    whole = duration(timed.seconds * manifest.epochs_per_trial)
    return (
        f"  an epoch of {timed.whose} takes about {timed.seconds:.3g} s on this machine (measured on {timed.images} "
        f"images), a trial of all {manifest.epochs_per_trial} about {whole}{halving(manifest)}\n"
    )


def plan_json(plan: Plan, options: LaunchOptions, timed: EpochTime | None = None) -> str:
    """The output of a dry run; `timed` is how long an epoch takes, None if that wasn't measured."""
    document = {
        "study_name": plan.study_name,
        "storage": hide_password(options.storage),
        "dry_run": True,
        "trials": plan.n_trials,
        "narrowed": narrowing_document(plan.manifest),
        "metrics": metrics_document(plan.manifest),
        "images": images_document(plan.manifest),
        "cost": msgspec.to_builtins(plan.cost),
        "epoch": None if timed is None else asdict(timed),
    }
    return json.dumps(document, indent=2)


def result_json(facts: StudyFacts, options: LaunchOptions, duration_s: float) -> str:
    """The result as one JSON document; `duration_s` is the launch's wall time. The counts of the states are
    disjoint and add up to the trials ordered.
    """
    best, test = facts.best, facts.test
    document: dict[str, Any] = {
        "study_name": facts.name,
        "storage": hide_password(options.storage),
        "trials": facts.counts.by_state(),
        "best": None
        if best is None
        else {
            "number": best.number,
            "value": best.value,
            "metrics": dict(best.metrics),
            "params": dict(best.params),
            "epochs": best.epochs,
        },
        "baselines": [
            {"name": trial.baseline, "trial": trial.number, "value": trial.value if trial.complete else None}
            for trial in facts.baselines
        ],
        "objective": facts.manifest.objective,
        "metrics": metrics_document(facts.manifest),
        "images": images_document(facts.manifest),
        "test": None
        if test is None
        else {
            "trial": test.trial,
            "accuracy": test.accuracy,
            "metrics": msgspec.to_builtins(test.metrics),
            "n": test.n,
            "look": test.look,
            "study": test.study,
        },
        "classes": classes_document(facts.class_results, facts.manifest.classes),
        "answer": msgspec.to_builtins(facts.answer),
        "trials_since_answer": None if facts.answer is None else facts.answer.trials_since(facts.counts.finished),
        "test_looks": [msgspec.to_builtins(look) for look in facts.looks],
        "model_problems": dict(facts.model_problems),
        "stop_reason": facts.stop_reason,
        "ended": msgspec.to_builtins(facts.snapshot.ended),
        "duration_s": round(duration_s, 3),
    }
    return json.dumps(document, indent=2)


def result_text(facts: StudyFacts, options: LaunchOptions, ended: str = "") -> str:
    """The result for a terminal: what ended the launch early (`ended`), the best trials, the lessons, the next
    commands.
    """
    parts = (
        headline,
        top_text,
        baselines_text,
        test_text,
        answer_text,
        model_problems_text,
        lessons_text,
        failures_text,
    )
    texts = [_as_far_as_possible(part, facts) for part in parts]
    return "\n".join([*(fitted(text) for text in (ended, *texts) if text), next_steps(facts, options)])


def _as_far_as_possible(part: Callable[[StudyFacts], str], facts: StudyFacts) -> str:
    """The part; if it can't be shown, the rest of a result that took hours still is."""
    try:
        return part(facts)
    except Exception as error:  # noqa: BLE001 - a study may hold anything: other programs write to it, too
        log.warning("a part of the answer can't be shown (%s): %s: %s", part.__name__, type(error).__name__, error)
        return f"(A part of the answer can't be shown: {type(error).__name__}: {error})\n"


def ended_by(end: End, timeout: float | None, seconds: float) -> str:
    """What ended a launch before its search, "" if nothing did. The arguments are those of `unfinished_line`."""
    if end is End.UNFINISHED and timeout is not None and seconds >= timeout:
        return f"Ended by --timeout after {limit(timeout)}."
    if end.leaves_work:
        return "Ended by a signal to terminate." if end is End.UNFINISHED else "Ended by Ctrl-C."
    return ""


def limit(timeout_s: float) -> str:
    """A --timeout with its unit."""
    return f"{timeout_s:g} s" if timeout_s < 120 else duration(timeout_s)


def unfinished_line(end: End, timeout: float | None, seconds: float, left: int | None = None) -> str:
    """Why a command leaves trials unfinished, and what to do. `timeout` is its --timeout, `seconds` how long it ran."""
    trials = "not all trials are done" if left is None else f"{plural(left, 'trial')} not done"
    if left == 0:
        trials = "the answer isn't done"
    if end is End.UNFINISHED and timeout is not None and seconds >= timeout:
        return f"Timeout: {trials} after --timeout {limit(timeout)}. The same command continues the search."
    if end.leaves_work:
        told = "Terminated" if end is End.UNFINISHED else "Interrupted"
        return f"{told}: {trials}. The same command continues the search."
    return f"No workers are left: {trials}. Fix the cause, then the same command continues the search."
