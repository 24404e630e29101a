"""Metrics of test images with their intervals, against scikit-learn and against the truth of simulated images."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from search.training.jobs.evaluation import evaluation
from search.training.measuring.estimates import estimate, estimates
from spaces.estimate import Estimate
from spaces.metrics import METRICS

SIZES, RECALLS = (80, 30, 10), (0.9, 0.6, 0.4)  # of three classes
LABELS = np.repeat(np.arange(3), SIZES)


def some_logits(seed: int) -> NDArray[np.float32]:
    """Logits that tend to the right class."""
    drawn: NDArray[np.float32] = np.random.default_rng(seed).normal(size=(len(LABELS), 3)).astype(np.float32)
    drawn[np.arange(len(LABELS)), LABELS] += 1
    return drawn


def test_every_metric_equals_scikit_learns_and_lies_within_its_interval() -> None:
    logits = some_logits(0)
    exact = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares = exact / exact.sum(axis=1, keepdims=True)
    taken = logits.argmax(axis=1)
    expected = {
        "val_accuracy": sklearn_metrics.accuracy_score(LABELS, taken),
        "val_loss": sklearn_metrics.log_loss(LABELS, shares),
        "val_balanced_accuracy": sklearn_metrics.balanced_accuracy_score(LABELS, taken),
        "val_macro_f1": sklearn_metrics.f1_score(LABELS, taken, average="macro"),
        "val_auc": sklearn_metrics.roc_auc_score(LABELS, shares, multi_class="ovr"),
    }
    found = estimates([name for name in METRICS if name != "val_top5"], LABELS, logits)
    assert {name: found[name].value for name in METRICS if name in expected} == pytest.approx(expected, abs=1e-9)
    assert all(one.low <= one.value <= one.high for name, one in found.items() if name != "val_ece")  # it is biased
    assert found == estimates(list(found), LABELS, logits)


def test_a_metric_that_is_not_defined_has_no_estimate() -> None:
    one_class = np.zeros(4, np.int64)
    assert estimates(["val_auc"], one_class, np.zeros((4, 3), np.float32)) == {}
    assert estimates(["val_macro_f1"], LABELS, np.full((len(LABELS), 3), np.nan, np.float32)) == {}


def recognized(weights: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """The mean recall of the classes."""
    return float(np.mean(np.bincount(LABELS, weights * hits) / np.bincount(LABELS, weights)))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    source, covered = np.random.default_rng(1), 0
    for _ in range(150):
        hits = source.random(len(LABELS)) < np.array(RECALLS)[LABELS]
        found = estimate(lambda weights, hits=hits: recognized(weights, hits), LABELS, draws=120)  # type: ignore[misc]
        assert found is not None
        covered += int(found.low <= np.mean(RECALLS) <= found.high)
    assert 0.88 <= covered / 150 <= 0.98  # a class of ten images, of which percentiles cover a little less than 95 %


class Fixed:
    """A model whose logits are known."""

    def __init__(self, logits: NDArray[np.float32]) -> None:
        self._logits = logits

    def predict(self, _images: Any, **_: Any) -> NDArray[np.float32]:
        return self._logits


def test_an_evaluation_has_accuracy_confusion_and_the_metrics_that_are_asked_for() -> None:
    logits = some_logits(2)
    found = evaluation(Fixed(logits), np.zeros((len(LABELS), 2, 2, 1), np.float32), LABELS, 3, 32, ["val_macro_f1"])
    assert np.array(found.confusion).sum(axis=1).tolist() == list(SIZES)
    assert found.score.accuracy == pytest.approx(np.trace(np.array(found.confusion)) / len(LABELS))
    assert list(found.metrics) == ["val_macro_f1"]
    assert isinstance(found.metrics["val_macro_f1"], Estimate)
