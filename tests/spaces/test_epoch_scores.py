"""A score that isn't a finite number is absent, however the record of the epoch was made."""

import math

import msgspec

from spaces.epoch_scores import EpochScores

FINE = EpochScores(2, 0.5, 0.8, 0.6, 0.75, 0.2, 1e-3, {"val_auc": 0.9})


def test_finite_scores_stay_as_they_are() -> None:
    assert msgspec.to_builtins(FINE) == {
        "epoch": 2,
        "loss": 0.5,
        "accuracy": 0.8,
        "val_loss": 0.6,
        "val_accuracy": 0.75,
        "seconds": 0.2,
        "learning_rate": 1e-3,
        "metrics": {"val_auc": 0.9},
    }
    assert FINE.diverged is None


def test_scores_that_are_not_finite_are_absent() -> None:
    scores = EpochScores(1, math.inf, 0.8, math.nan, -math.inf, 0.2, 1e-3, {"val_auc": math.nan, "val_macro_f1": 0.4})
    assert (scores.loss, scores.accuracy, scores.val_loss, scores.val_accuracy) == (None, 0.8, None, None)
    assert scores.metrics == {"val_macro_f1": 0.4}
    assert scores.diverged == "the training loss of epoch 1 is not finite"


def test_the_record_of_an_epoch_goes_through_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(FINE), type=EpochScores) == FINE


def test_the_record_of_an_epoch_without_further_metrics_is_read() -> None:
    text = '{"epoch":1,"loss":null,"accuracy":0.5,"val_loss":1.5,"val_accuracy":0.4,"seconds":2.5,"learning_rate":0.01}'
    assert msgspec.json.decode(text, type=EpochScores) == EpochScores(1, None, 0.5, 1.5, 0.4, 2.5, 0.01)
