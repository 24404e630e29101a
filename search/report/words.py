"""The summary of a study in sentences, none of which claims more than its data."""

from collections.abc import Iterator

from search.views.classes_table import classes_sentence
from search.views.facts import StudyFacts
from search.views.lessons import FEWEST, JUDGED
from search.views.number import plural, score
from search.views.proportion import wilson_interval
from search.views.sentences import (
    answered,
    baselines,
    best_sentence,
    reported,
    tested,
    tested_by_answer,
    validation_majority,
)
from spaces import resolve
from spaces.registry import is_built_in
from storage import Manifest

TO_QUOTE = "This is the number to quote: the validation score is that by which the best was chosen, and flatters it."


def question(manifest: Manifest) -> str:
    """The question of the study's space: stored with the study, or that of a built-in space."""
    if not manifest.question and is_built_in(manifest.space):
        return resolve(manifest.space).space.question
    return manifest.question or f"The best of the space {manifest.space}."


def summary(facts: StudyFacts) -> tuple[str, ...]:
    """What won, by how much, and how sure that is."""
    best = facts.best
    if best is None or best.value is None:
        return tuple(nothing_won(facts))
    return tuple(
        sentence
        for sentence in (
            best_sentence(facts, best),
            lead(facts),
            doubt(facts),
            test_words(facts),
            validation_majority(facts.manifest),
            classes_sentence(facts.class_results, facts.manifest.classes),
            reported(facts.manifest),
            *answered(facts),
            TO_QUOTE if tested_by_answer(facts) else "",
            *baselines(facts),
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
    images = round(gap * facts.manifest.n_scored)
    in_images = f", {plural(images, 'image')} of {facts.manifest.n_scored}" if facts.manifest.goal.is_share else ""
    return f"It is {score(gap)} better than the second, trial {second.number}{in_images}."


def doubt(facts: StudyFacts) -> str:
    """How many others the validation images can't tell from the best."""
    best, n = facts.best, facts.manifest.n_scored
    if best is None or best.value is None or not facts.manifest.goal.is_share or n < 1 or len(facts.ranked) < 2:
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


def test_words(facts: StudyFacts) -> str:
    """What the test images say, or why they say nothing; "" where the answer says it."""
    if tested_by_answer(facts):
        return ""
    chosen = sum(trial.state in JUDGED for trial in facts.trials) > 1
    if facts.test is not None:
        return f"{tested(facts)} {TO_QUOTE}" if chosen else tested(facts)
    if facts.manifest.n_test == 0:
        return "The data has no test images, so the score of the best is not checked on images it wasn't chosen by."
    why = ": the score above is the one by which it was chosen, and flatters it" if chosen else ""
    return f"Test images haven't been used yet{why}."


def once(facts: StudyFacts) -> str:
    """That a search has no replicates."""
    if len(facts.ranked) < 2 or facts.answer is not None:
        return ""
    return "Each configuration was trained once, with one seed: how much of a difference is luck, this study can't say."


def too_few(facts: StudyFacts) -> str:
    """That few trials say little."""
    judged = sum(trial.state in JUDGED for trial in facts.trials)
    if judged >= FEWEST:
        return ""
    return f"With {plural(judged, 'finished trial')} nothing can be said about single parameters: that takes {FEWEST}."


def ended_otherwise(facts: StudyFacts) -> str:
    """Failures, vetoes and stops."""
    words = [f"{n} failed: {reason}" for reason, n in facts.failures.items()]
    words += [f"{n} infeasible: {reason}" for reason, n in facts.infeasible.items()]
    if facts.stop_reason is not None:
        words.append(f"the study was stopped: {facts.stop_reason}")
    text = "; ".join(words)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
