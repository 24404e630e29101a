"""The parts of a search's result on the terminal: each is a text of whole lines, "" if there is nothing to say."""

from search.views import sentences
from search.views.best_trials import best_trials_table
from search.views.classes_table import classes_sentence
from search.views.facts import StudyFacts
from search.views.layout import table_text
from search.views.lessons import lessons
from search.views.lessons_text import CAVEAT, HEAD, lesson_lines


def top_text(facts: StudyFacts) -> str:
    """The table of the best trials, the majority's share for comparison, and how much of each class the best
    recognizes.
    """
    table = best_trials_table(facts, facts.manifest.objective)
    if table is None:
        return ""
    return table_text(table) + _lines(
        sentences.validation_majority(facts.manifest),
        sentences.reported(facts.manifest),
        classes_sentence(facts.class_results, facts.manifest.classes),
    )


def baselines_text(facts: StudyFacts) -> str:
    """The baselines, and how the best trial compares with them."""
    return _lines(*sentences.baselines(facts))


def test_text(facts: StudyFacts) -> str:
    """The test score, and the looks before it; "" where the answer says it."""
    return _lines(sentences.tested(facts))


def answer_text(facts: StudyFacts) -> str:
    """What a race of the best trials found."""
    said = sentences.answered(facts)
    return _lines("Answer", *said) if said else ""


def lessons_text(facts: StudyFacts) -> str:
    """What was learned about each parameter."""
    lines = lesson_lines(lessons(facts.trials, facts.manifest.goal))
    return _lines(HEAD, *(f"  {line}" for line in lines), CAVEAT) if lines else ""


def failures_text(facts: StudyFacts) -> str:
    """The reasons of failed and of infeasible trials, and why the study was stopped if it was."""
    lines = [f"  {count} x {reason}" for reason, count in facts.failures.items()]
    vetoed = [f"  {count} x {reason}" for reason, count in facts.infeasible.items()]
    stopped = [] if facts.stop_reason is None else [f"The study was stopped: {facts.stop_reason}"]
    return "\n".join(
        [
            *(["Failed trials:"] if lines else []),
            *lines,
            *(["Infeasible trials, which broke a limit or were vetoed by the space:"] if vetoed else []),
            *vetoed,
            *stopped,
        ]
    )


def model_problems_text(facts: StudyFacts) -> str:
    """Why models of completed trials can't be kept, each reason once."""
    lines = [f"  {count} x {reason}" for reason, count in facts.model_problems.items()]
    head = "Models that can't be exported, nor scored on the test images (their trials' scores stand):"
    return _lines(head, *lines) if lines else ""


def _lines(*lines: str) -> str:
    """These lines, without those that are empty."""
    return "".join(f"{line}\n" for line in lines if line)
