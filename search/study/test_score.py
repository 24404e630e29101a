"""Looks at the test images: the study records each evaluation of a model on them, and none replaces another.

Every look is a separate user attribute, so that none is lost if several processes look at the same moment. A launch
that ends with an answer leaves the look to it: what the answer recommends is then the one model that is looked at.
"""

import uuid
from datetime import UTC, datetime

import msgspec

from spaces.estimate import Estimate
from spaces.metrics import MetricName
from storage import SharedStudy

TEST_ATTR = "test_score"  # of earlier releases, which only stored the last look
LOOK_ATTR = "test_look_"
WAITS_ATTR = "test_waits_for_answer"
SEARCH, CONFIRMATION, ANSWER, EXPORT, EARLIER = "search", "confirmation", "answer", "export", "earlier release"
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


class TestScore(msgspec.Struct, frozen=True):
    """The score of a trial's model on `n` images that neither training nor the search saw: accuracy in [0, 1]; the loss
    is None if it wasn't measured. `at` is the time (ISO 8601, UTC), None in earlier releases; `reason` the purpose;
    `look` counts the looks at the study's test images from 1. `ensemble` are the trials of an ensemble, whose best is
    `trial`; empty for the model of one trial. `metrics` are the study's objective and those that it reports, unless
    they are the accuracy, with 95 % intervals; named as on the validation images. `study` is the race that trained the
    model, with the configuration of `trial`; "" for the trial's own. `before` are the looks that the search had when a
    race of its trials looked.
    """

    trial: int
    accuracy: float
    loss: float | None
    n: int
    at: str | None = None
    reason: str = EARLIER
    look: int = 1
    ensemble: tuple[int, ...] = ()
    metrics: dict[MetricName, Estimate] = {}
    study: str = ""
    before: int = 0

    @property
    def words(self) -> str:
        """Which look it was: "first look". For one of an earlier release, the number of looks before it is unknown."""
        return f"{look_words(self.look)} on record" if self.at is None else look_words(self.look)


def look_words(look: int) -> str:
    """A look by its number, counted from 1: "first look"."""
    return f"{ORDINALS[look - 1]} look" if look <= len(ORDINALS) else f"look number {look}"


def recorded_looks(shared: SharedStudy) -> tuple[TestScore, ...]:
    """All recorded looks, by time."""
    stored = shared.study.user_attrs
    looks = [
        msgspec.convert(value, TestScore) for name, value in stored.items() if name.startswith(LOOK_ATTR) and value
    ]
    earlier = [msgspec.convert(stored[TEST_ATTR], TestScore)] if stored.get(TEST_ATTR) is not None else []
    ordered = [*earlier, *sorted(looks, key=lambda look: look.at or "")]
    return tuple(msgspec.structs.replace(look, look=number + look.before) for number, look in enumerate(ordered, 1))


def stored_test_score(shared: SharedStudy) -> TestScore | None:
    """The last test score of a search's or confirmation's best trial, None without one."""
    return last_of_search(recorded_looks(shared))


def last_of_search(looks: tuple[TestScore, ...]) -> TestScore | None:
    """The last look that wasn't an export's."""
    return next((look for look in reversed(looks) if look.reason != EXPORT), None)


def look_at(looks: tuple[TestScore, ...], trial: int) -> TestScore | None:
    """The first look at the model of a trial alone, None if there was none."""
    return next((look for look in looks if look.trial == trial and not look.ensemble and not look.study), None)


def record_look(shared: SharedStudy, score: TestScore, reason: str) -> TestScore:
    """Records a look, and returns it with its time and number."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return _add_look(shared, msgspec.structs.replace(score, at=now, reason=reason))


def copy_look(shared: SharedStudy, score: TestScore) -> TestScore:
    """Records the look of a race with the search whose trials raced, once; returns it with its number there."""
    looks = recorded_looks(shared)
    known = next((look for look in looks if (look.study, look.at) == (score.study, score.at)), None)
    return known or _add_look(shared, score)


def _add_look(shared: SharedStudy, score: TestScore) -> TestScore:
    """Stores a look that has its time, and returns it with its number."""
    document = msgspec.to_builtins(score)
    del document["look"]
    shared.study.set_user_attr(f"{LOOK_ATTR}{uuid.uuid4().hex}", document)
    return next(look for look in reversed(recorded_looks(shared)) if look.at == score.at)


def leave_look_to_answer(shared: SharedStudy, *, wanted: bool) -> None:
    """Says whether the search's test images wait for its answer, so that no worker looks at them before."""
    if look_waits_for_answer(shared) != wanted:
        shared.study.set_user_attr(WAITS_ATTR, wanted)


def look_waits_for_answer(shared: SharedStudy) -> bool:
    """Whether the search's test images wait for its answer."""
    return shared.study.user_attrs.get(WAITS_ATTR) is True


def earlier_words(looks: tuple[TestScore, ...], shown: TestScore) -> str:
    """The looks before the one that is shown, in a sentence; "" without any."""
    before = [look for look in looks if look.look < shown.look]
    listed = ", ".join(f"{model_of(look)} {look.accuracy:.2%} ({look.reason})" for look in before)
    return f"Looks before it: {listed}." if before else ""


def model_of(look: TestScore) -> str:
    """Which model was evaluated."""
    if not look.ensemble:
        return f"trial {look.trial}{' trained again' if look.study else ''}"
    return f"the ensemble of trials {', '.join(map(str, look.ensemble))}"
