"""A trial's value: the last epoch's, or the mean of its last three, in everything that ranks and judges trials."""

import math

import msgspec
import pytest

from search.views.facts import gather_facts
from spaces.epoch_scores import EpochScores
from spaces.selection import selection_value
from storage import Manifest, create_study
from storage.errors import ManifestMismatch
from storage.testkit import example_epoch, example_manifest
from tests.helpers.lab import Lab


def curve(*values: float) -> list[EpochScores]:
    """Epochs with these validation accuracies."""
    return [example_epoch(number, val_accuracy=value) for number, value in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("values", "smooth"),
    [
        ((0.5,), 0.5),
        ((0.5, 0.7, 0.6), 0.6),
        ((0.1, 0.2, 0.6, 0.8), 0.7),
        ((0.1, 0.2, 0.3, 0.6, 0.8), 0.7),
        ((0.1, 0.2, 0.3, 0.6, 0.9, 0.3), 0.6),
        ((0.9, 0.9, 0.9, 0.9, 0.9, 0.6, 0.9, 0.3), 0.6),
    ],
)
def test_smooth_is_the_mean_of_the_last_three_epochs_and_of_fewer_of_a_short_trial(
    values: tuple[float, ...], smooth: float
) -> None:
    assert selection_value("smooth", "val_accuracy", curve(*values)) == pytest.approx(smooth)
    assert selection_value("last", "val_accuracy", curve(*values)) == values[-1]


def test_without_a_finite_last_value_there_is_none_and_earlier_ones_that_are_not_finite_are_left_out() -> None:
    assert selection_value("smooth", "val_accuracy", []) is None
    assert selection_value("smooth", "val_accuracy", curve(0.5, 0.5, 0.5, math.nan)) is None
    assert selection_value("smooth", "val_accuracy", curve(0.1, 0.1, 0.1, 0.4, math.nan, 0.6)) == pytest.approx(0.5)


def test_a_study_of_an_earlier_release_has_the_last_epoch_and_another_rule_is_refused(sqlite_url: str) -> None:
    stored = msgspec.json.decode(example_manifest().to_json())
    del stored["select"]
    assert Manifest.from_json(msgspec.json.encode(stored).decode()).select == "last"
    create_study(sqlite_url, "demo", example_manifest()).close()
    with pytest.raises(ManifestMismatch, match="--select: the study has last, asked for was smooth"):
        create_study(sqlite_url, "demo", example_manifest(select="smooth"))


def test_trials_are_ranked_by_the_mean_of_their_last_epochs_and_judged_by_the_running_one(lab: Lab) -> None:
    """The first trial ends with one lucky epoch: by the last epoch it would be the best."""
    lucky, steady = [0.5, 0.5, 0.6, 0.6, 0.6, 0.9], [0.5, 0.5, 0.7, 0.8, 0.8, 0.8]
    shared = lab.study(2, epochs=6, select="smooth", objective="val_accuracy", direction="maximize")
    lab.acts = {0: [{"scores": lucky}], 1: [{"scores": steady}]}
    lab.work()
    first, second = shared.study.get_trials()
    assert [first.value, second.value] == [pytest.approx(0.7), pytest.approx(0.8)]
    assert list(first.intermediate_values.values()) == pytest.approx([0.5, 0.5, 0.6, 0.6, 0.6, 0.7])
    assert [row.val_accuracy for row in shared.ledger.epochs(0)] == lucky
    facts = gather_facts(shared)
    assert facts.best is not None
    assert facts.best.number == shared.ledger.best(shared.manifest.goal)[0].trial_number == 1


def test_a_pruner_sees_the_running_mean(lab: Lab) -> None:
    """After two epochs a trial's value is its second epoch's, after four the mean of two: one dip isn't its end."""
    shared = lab.study(4, epochs=20, pruner="asha-stop", select="smooth")
    dips = [0.9, 0.9, 0.9, 0.1, *[0.9] * 16]
    lab.acts = {slot: [{"scores": [0.4] * 20}] for slot in range(3)} | {3: [{"scores": dips}]}
    lab.work()
    assert shared.study.get_trials()[3].value == pytest.approx(0.9)
