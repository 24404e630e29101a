"""What the trials say of each parameter, in words."""

from search.views.lessons import ChoiceScore, Lesson
from search.views.number import number

HEAD = "Of the trials with a choice, how many are in the best quarter, with the 95 % interval of that share."
CAVEAT = "The sampler chose the trials, which differ in everything else as well: hints for a comparison, not proof."
MOST_CHOICES = 3


def lesson_lines(lessons: tuple[Lesson, ...]) -> list[str]:
    """A line for each parameter of which something can be said."""
    return [f"{lesson.parameter:<17} {_said(lesson)}" for lesson in lessons if lesson.choices or lesson.best_range]


def range_text(bounds: tuple[float, float]) -> str:
    """The range of a number's values."""
    low, high = map(number, bounds)
    return low if low == high else f"from {low} to {high}"


def _said(lesson: Lesson) -> str:
    if lesson.best_range is not None:
        return f"{range_text(lesson.best_range)} in the best quarter"
    return ", ".join(map(_choice, lesson.choices[:MOST_CHOICES]))


def _choice(score: ChoiceScore) -> str:
    return f"{score.choice} {score.best} of {score.n} ({score.low * 100:.0f}-{score.high * 100:.0f} %)"
