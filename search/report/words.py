"""The summary of a study in sentences, none of which claims more than its data."""

from collections.abc import Iterator

from search.report.facts import StudyFacts, TrialFacts
from search.study.reasons import counted
from search.study.test_score import earlier_words
from search.views.lessons import FEWEST, lessons
from search.views.majority import majority_share, majority_words
from search.views.proportion import wilson_interval
from search.views.summary_text import lesson_line, number
from spaces import is_built_in, resolve

ACCURACY = "val_accuracy"
NAMES = {"val_accuracy": "validation accuracy", "val_loss": "validation loss"}


def objective_name(facts: StudyFacts) -> str:
    """The objective for people."""
    return NAMES.get(facts.manifest.objective, facts.manifest.objective)


def score(value: float) -> str:
    """A score with as many digits as tables have."""
    return f"{value:.4f}"


def settings(trial: TrialFacts) -> str:
    """A trial's parameters in one line."""
    return ", ".join(f"{name} {number(value)}" for name, value in trial.params.items()) or "no parameters"


def question(facts: StudyFacts) -> str:
    """The question of the study's space: stored with the study, or that of a built-in space."""
    manifest = facts.manifest
    if not manifest.question and is_built_in(manifest.space):
        return resolve(manifest.space).space.question
    return manifest.question or f"The best of the space {manifest.space}."


def headline(facts: StudyFacts) -> str:
    """How far the study is, in one sentence."""
    counts = facts.counts
    named = [(counts.complete, "complete"), (counts.pruned, "pruned"), (counts.diverged, "diverged")]
    open_ = [(counts.failed, "failed"), (counts.leased, "running"), (counts.waiting, "waiting")]
    states = ", ".join(f"{n} {state}" for n, state in (*named, *open_) if n)
    if counts.total == 0:
        return "No trial has been ordered yet."
    if counts.finished == counts.total:
        return f"All {plural(counts.total, 'trial')} finished: {states}."
    return f"{counts.finished} of {plural(counts.total, 'trial')} finished so far: {states}."


def plural(count: int, noun: str) -> str:
    """A number and its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def summary(facts: StudyFacts) -> tuple[str, ...]:
    """What won, by how much, and how sure that is."""
    best = facts.best
    if best is None or best.value is None:
        return tuple(nothing_won(facts))
    return tuple(
        sentence
        for sentence in (
            f"Trial {best.number} is the best of {plural(len(facts.ranked), 'completed trial')}: "
            f"{objective_name(facts)} {score(best.value)} after {plural(len(best.epochs), 'epoch')}, "
            f"with {settings(best)}.",
            lead(facts),
            doubt(facts),
            test_sentence(facts),
            majority_sentence(facts),
            once(facts),
            too_few(facts),
            ended_otherwise(facts),
        )
        if sentence
    )


def nothing_won(facts: StudyFacts) -> Iterator[str]:
    """What is said of a study without a completed trial."""
    yield "No trial has been completed, so there is nothing to report of what is best yet."
    if otherwise := ended_otherwise(facts):
        yield otherwise


def lead(facts: StudyFacts) -> str:
    """By how much the best is ahead of the second."""
    if len(facts.ranked) < 2:
        return "There is no second completed trial to compare it with."
    first, second = facts.ranked[:2]
    gap = abs((first.value or 0.0) - (second.value or 0.0))
    if gap == 0:
        same = sum(trial.value == first.value for trial in facts.ranked[1:])
        return f"{plural(same, 'other trial')} scored exactly the same: the earliest of them is named."
    images = round(gap * facts.manifest.n_validation)
    in_images = f", {plural(images, 'image')} of {facts.manifest.n_validation}" if is_accuracy(facts) else ""
    return f"It is {score(gap)} better than the second, trial {second.number}{in_images}."


def doubt(facts: StudyFacts) -> str:
    """How many others the validation images can't tell from the best."""
    best, n = facts.best, facts.manifest.n_validation
    if best is None or best.value is None or not is_accuracy(facts) or n < 1 or len(facts.ranked) < 2:
        return ""
    low, high = wilson_interval(best.value, n)
    others = facts.ranked[1:]
    close = sum((trial.value or 0.0) >= low for trial in others)
    verdict = (
        f"{close} of the other {len(others)} completed trials lie in that range too: by their scores alone they can't "
        "be told from the best"
        if close
        else "no other completed trial lies in that range"
    )
    return (
        f"With {n} validation images, a true accuracy of {low:.1%} to {high:.1%} would fit that score "
        f"(95 % interval); {verdict}."
    )


def test_sentence(facts: StudyFacts) -> str:
    """What the test images say, or why they say nothing."""
    test, best = facts.test, facts.best
    if test is None or best is None:
        if facts.manifest.n_test == 0:
            return "The data has no test images, so the score of the best is not checked on images it wasn't chosen by."
        return "Test images haven't been used yet: the score above is the one by which it was chosen, and flatters it."
    low, high = wilson_interval(test.accuracy, test.n)
    before = f" {words}" if (words := earlier_words(facts.looks, test)) else ""
    which = f"Trial {test.trial}" + ("" if test.trial == best.number else ", the best when that was measured,")
    return (
        f"{which} has a test accuracy of {test.accuracy:.2%} (95 % interval {low:.1%} to {high:.1%}), {test.words}, "
        f"on {plural(test.n, 'image')} that neither training nor search saw.{before} This is the number to quote: "
        "the validation score is that by which the best was chosen, and flatters it."
    )


def majority_sentence(facts: StudyFacts) -> str:
    """What every accuracy is to be read against."""
    words, test = majority_words(facts.manifest, "validation"), majority_share(facts.manifest, "test")
    if not words or not is_accuracy(facts):
        return ""
    tested = "" if test is None else f", {test:.2%} on the test images"
    return f"For comparison: {words} on the validation images{tested}."


def once(facts: StudyFacts) -> str:
    """That a search has no replicates."""
    if len(facts.ranked) < 2:
        return ""
    return "Each configuration was trained once, with one seed: how much of a difference is luck, this study can't say."


def too_few(facts: StudyFacts) -> str:
    """That few trials say little."""
    judged = sum(trial.state in ("complete", "pruned", "diverged") for trial in facts.trials)
    if judged >= FEWEST:
        return ""
    return f"With {plural(judged, 'finished trial')} nothing can be said about single parameters: that takes {FEWEST}."


def ended_otherwise(facts: StudyFacts) -> str:
    """Failures and stops."""
    reasons = failure_reasons(facts)
    words = [f"{n} failed: {reason}" for reason, n in reasons.items()]
    if facts.stop_reason is not None:
        words.append(f"the study was stopped: {facts.stop_reason}")
    text = "; ".join(words)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def failure_reasons(facts: StudyFacts) -> dict[str, int]:
    """How often each reason ended a trial as failed, the most frequent first."""
    return counted(trial.reason or "no reason" for trial in facts.trials if trial.state == "failed")


def lesson_lines(facts: StudyFacts) -> tuple[str, ...]:
    """What the trials say about each parameter."""
    found = lessons(facts.frozen, facts.manifest.goal)
    return tuple(lesson_line(lesson).strip() for lesson in found if lesson.choices or lesson.best_range)


def is_accuracy(facts: StudyFacts) -> bool:
    """Whether the objective is a share of images."""
    return facts.manifest.objective == ACCURACY
