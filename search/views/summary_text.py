"""A search in words, tables and JSON."""

from collections.abc import Sequence
from typing import Any

from search.study.baselines import BaselineResult, best_baseline
from search.study.test_score import earlier_words
from search.views.layout import TextTable, table_text
from search.views.lessons import ChoiceScore, Lesson
from search.views.majority import Part, majority_words
from search.views.proportion import wilson_interval
from search.views.summary import Summary, TrialLine
from storage import Manifest

MOST_CHOICES = 3
FACTS = 3  # of a trial, next to its parameters


def in_precision(manifest: Manifest) -> str:
    """What models compute in, "" if that is as usual."""
    return "" if manifest.precision == "float32" else f" in {manifest.precision}"


def headline(summary: Summary) -> str:
    """How the study stands, in one sentence."""
    counts = summary.counts
    ended = f"{counts.complete} complete, {counts.pruned} pruned, {counts.diverged} diverged, {counts.failed} failed"
    if summary.done:
        return f"The study {summary.study_name} is complete: {counts.total} trials ({ended})."
    left = counts.total - counts.finished
    return f"The study {summary.study_name} is not complete: {left} of {counts.total} trials are left ({ended})."


def top_table(summary: Summary) -> str:
    """The table of the best trials."""
    if not summary.top:
        return ""
    names = list(dict.fromkeys(name for line in summary.top for name in line.params))
    columns = ("trial", summary.manifest.objective, "epochs", *names)
    rows = tuple(tuple(cells(line, names)) for line in summary.top)
    table = table_text(TextTable("Best trials", columns, rows, frozenset(columns[:FACTS])))
    remark = majority_words(summary.manifest, "validation") if summary.manifest.objective == "val_accuracy" else ""
    return f"{table}{f'On the validation images, {remark}.' if remark else ''}\n".rstrip("\n") + "\n"


def majority_remark(summary: Summary, part: Part) -> str:
    """What the majority's share is there, to stand behind an accuracy."""
    words = majority_words(summary.manifest, part)
    return f"; {words}" if words else ""


def cells(line: TrialLine, names: Sequence[str]) -> list[str]:
    """What the table has of a trial, a baseline marked by a star."""
    params = [number(line.params[name]) if name in line.params else "" for name in names]
    return [f"{line.number}{'' if line.baseline is None else '*'}", f"{line.value:.4f}", str(line.epochs), *params]


def baselines_text(summary: Summary) -> str:
    """The baselines, and how the best trial compares with the best of them."""
    if not summary.baselines:
        return ""
    reached = [f"{b.name} {'not complete' if b.value is None else f'{b.value:.4f}'}" for b in summary.baselines]
    lines = [f"Baselines (*): {', '.join(reached)}."]
    known = best_baseline(summary.baselines, summary.manifest.goal)
    if known is not None and known.value is not None and summary.best is not None:
        lines.append(against(summary.best, known, known.value))
    return "\n".join(lines) + "\n"


def against(best: TrialLine, known: BaselineResult, value: float) -> str:
    """How the best trial compares with the best baseline, which reached `value`."""
    if best.number == known.number:
        return f"No trial was better than the best of them, {known.name}."
    side = "above" if best.value > value else "below"
    distance = f"{abs(best.value - value):.4f} {side}" if best.value != value else "level with"
    return (
        f"The best trial, {best.number}, is {distance} the best of them, {known.name}: single runs, one the best of "
        "many, so a hint for a comparison, no proof."
    )


def test_line(summary: Summary) -> str:
    """The test score, with its 95 % interval."""
    if summary.test is None:
        return ""
    low, high = wilson_interval(summary.test.accuracy, summary.test.n)
    return (
        f"Test accuracy of trial {summary.test.trial}: {summary.test.accuracy:.2%} "
        f"(95 % interval {low:.1%} to {high:.1%}), {summary.test.words}, on {summary.test.n} images "
        f"that neither training nor search saw{majority_remark(summary, 'test')}.\n{looks_before(summary)}"
    )


def looks_before(summary: Summary) -> str:
    """The looks at the test images before the one that is shown."""
    words = "" if summary.test is None else earlier_words(summary.looks, summary.test)
    return f"{words} The more looks, the more the best of them flatters.\n" if words else ""


def lessons_text(summary: Summary) -> str:
    """What was learned about each parameter."""
    lines = [lesson_line(lesson) for lesson in summary.lessons if lesson.choices or lesson.best_range]
    if not lines:
        return ""
    head = "What the trials say: of those with a choice, how many are in the best quarter (95 % interval of that share)"
    tail = (
        "  The sampler chose these trials, which differ in everything else as well: hints for a comparison, no proof.\n"
    )
    return "\n".join([head, *lines, tail])


def lesson_line(lesson: Lesson) -> str:
    """One parameter in one line."""
    if lesson.best_range is not None:
        return f"  {lesson.parameter:<17} {range_text(lesson.best_range)} in the best quarter"
    return f"  {lesson.parameter:<17} " + ", ".join(choice_text(choice) for choice in lesson.choices[:MOST_CHOICES])


def range_text(found: tuple[float, float]) -> str:
    """The range of a number's values."""
    low, high = map(number, found)
    return low if low == high else f"from {low} to {high}"


def choice_text(score: ChoiceScore) -> str:
    """One choice: its share and interval."""
    return f"{score.choice} {score.best} of {score.n} ({score.low * 100:.0f}-{score.high * 100:.0f} %)"


def failures_text(summary: Summary) -> str:
    """The reasons of failed trials, and why the study was stopped if it was."""
    lines = [f"  {count} x {reason}" for reason, count in summary.failures.items()]
    if lines:
        lines.insert(0, "Failed trials:")
    if summary.stop_reason is not None:
        lines.append(f"The study was stopped: {summary.stop_reason}")
    return "\n".join(lines)


def model_problems_text(summary: Summary) -> str:
    """Why models of completed trials can't be kept, each reason once."""
    lines = [f"  {count} x {reason}" for reason, count in summary.model_problems.items()]
    if not lines:
        return ""
    head = "Models that can't be exported, nor scored on the test images (their trials' scores stand):"
    return "\n".join([head, *lines]) + "\n"


def number(value: Any) -> str:
    """A parameter's value, floats to three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
