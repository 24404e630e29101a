"""Further metrics are those of scikit-learn, with ties and with classes without a name or that have no image."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from search.training.measuring.limits import MOST_LOGITS, why_not_measurable
from search.training.measuring.scores import probabilities, scores_of_logits, weighted_score
from spaces.metrics import METRICS, MetricName

pytestmark = [
    pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true"),
    pytest.mark.filterwarnings("ignore:A single label was found"),
    pytest.mark.filterwarnings("ignore:The number of unique classes is greater than 50%"),
]
EXACT = 1e-9
Case = tuple[Any, Any]


@st.composite
def cases(draw: st.DrawFn, least_classes: int = 2, most: int = 9) -> Case:
    """Labels (n,) and logits (n, classes) of a few values, so that many are equal."""
    classes, n = draw(st.integers(least_classes, most)), draw(st.integers(2, 40))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    logits = draw(st.lists(st.integers(-3, 3), min_size=n * classes, max_size=n * classes))
    return np.array(labels), np.array(logits, np.float32).reshape(n, classes) / 2


def score(name: MetricName, case: Case) -> float:
    return scores_of_logits([name], *case)[name]


@given(cases())
def test_balanced_accuracy_and_macro_f1(case: Case) -> None:
    labels, taken_for = case[0], case[1].argmax(axis=1)
    assert score("val_balanced_accuracy", case) == pytest.approx(
        reference.balanced_accuracy_score(labels, taken_for), abs=EXACT
    )
    assert score("val_macro_f1", case) == pytest.approx(
        reference.f1_score(labels, taken_for, average="macro"), abs=EXACT
    )


@given(cases(least_classes=6, most=12))
def test_top_5_accuracy(case: Case) -> None:
    labels, logits = case
    top5 = reference.top_k_accuracy_score(labels, logits, k=5, labels=np.arange(logits.shape[1]))
    assert score("val_top5", case) == pytest.approx(top5, abs=EXACT)


@given(cases())
@example((np.array([0, 0, 1]), np.zeros((3, 3), np.float32)))
def test_auc_is_that_of_the_classes_that_have_images(case: Case) -> None:
    labels, logits = case
    assume(len(np.unique(labels)) > 1)
    given_p, present = probabilities(logits), np.unique(labels)
    if logits.shape[1] == 2:
        assert score("val_auc", case) == pytest.approx(reference.roc_auc_score(labels, given_p[:, 1]), abs=EXACT)
        return
    if len(present) == logits.shape[1]:
        whole = reference.roc_auc_score(labels, given_p, multi_class="ovr", average="macro")
        assert score("val_auc", case) == pytest.approx(whole, abs=EXACT)
    each = [reference.roc_auc_score(labels == one, given_p[:, one]) for one in present]
    assert score("val_auc", case) == pytest.approx(np.mean(each), abs=EXACT)


@given(cases())
def test_brier_score(case: Case) -> None:
    labels, logits = case
    classes = np.arange(logits.shape[1])
    squared = reference.brier_score_loss(labels, probabilities(logits), labels=classes, scale_by_half=False)
    assert score("val_brier", case) == pytest.approx(squared, abs=EXACT)


@given(cases())
def test_calibration_error_has_the_bins_of_a_calibration_curve(case: Case) -> None:
    labels, logits = case
    confidence = probabilities(logits).max(axis=1)
    correct = logits.argmax(axis=1) == labels
    assume(correct.any() and not correct.all())
    right, confident = calibration_curve(correct, confidence, n_bins=15)
    sizes = np.bincount(np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence))
    expected = (np.abs(right - confident) * sizes[sizes > 0]).sum() / len(labels)
    assert score("val_ece", case) == pytest.approx(expected, abs=EXACT)


@given(cases(least_classes=6), st.data())
def test_weights_are_as_good_as_repeated_images(case: Case, data: st.DataObject) -> None:
    labels, logits = case
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(labels), max_size=len(labels))))
    assume(len(np.unique(np.repeat(labels, times))) > 1)
    repeated = np.repeat(labels, times), np.repeat(logits, times, axis=0)
    for name in (name for name, metric in METRICS.items() if metric.asked_for):
        weighted = weighted_score(name, labels, logits)(times.astype(float))
        assert weighted == pytest.approx(score(name, repeated), abs=EXACT)


def test_what_is_not_defined_is_not_a_number() -> None:
    one_class = np.zeros(3, np.int64), np.zeros((3, 3), np.float32)
    assert math.isnan(score("val_auc", one_class))
    assert math.isnan(score("val_brier", (np.array([0]), np.array([[np.nan, 0.0]], np.float32))))


@pytest.mark.parametrize(
    ("metric", "classes", "images", "problem"),
    [
        ("val_top5", 5, 100, "val_top5 takes 6 classes or more, and these images have 5"),
        ("val_auc", 10, MOST_LOGITS // 10 + 1, "val_auc is made of all logits"),
        ("val_top5", 6, MOST_LOGITS, None),
        ("val_brier", 10, MOST_LOGITS // 10, None),
    ],
)
def test_what_cannot_be_measured(metric: MetricName, classes: int, images: int, problem: str | None) -> None:
    said = why_not_measurable([metric], classes, images)
    assert (said is None) == (problem is None)
    assert (said or "").startswith(problem or "")


GUESSES: dict[MetricName, Callable[[Any], Any]] = {
    "val_auc": lambda _random: np.zeros((3000, 8), np.float32),
    "val_brier": lambda _random: np.zeros((3000, 8), np.float32),
    "val_balanced_accuracy": lambda random: random.random((3000, 8), np.float32),
    "val_macro_f1": lambda random: random.random((3000, 8), np.float32),
    "val_top5": lambda random: random.random((3000, 8), np.float32),
    "val_ece": lambda random: 99 * np.eye(8, dtype=np.float32)[random.integers(0, 8, 3000)],
}


@pytest.mark.parametrize("name", GUESSES)
def test_a_guess_scores_as_the_registry_says(name: MetricName) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(3000) % 8
    assert score(name, (labels, GUESSES[name](random))) == pytest.approx(METRICS[name].guess(8), abs=0.03)
