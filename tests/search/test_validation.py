"""--validation: which images trials are validated on, and what the final score is measured on."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy.stats import binomtest

from search.datasets import load_dataset
from search.exporting.positions import parts_of
from search.launching.options import LaunchOptions
from search.launching.orders import make_orders
from search.launching.planning import make_plan
from search.sampling.pruners import make_pruner
from search.study.space import study_space
from search.trainers.protocol import EpochEnd, Message, Trained
from search.training.data.split import Fold, split
from search.views.configuration_text import described_trial, validation_interval
from search.workers.join import data_source
from search.workers.trainer_client import TrainerClient
from spaces import load_space
from spaces.configuration import Configuration
from spaces.epoch_scores import EpochScores
from spaces.errors import ConfigurationError
from spaces.validation import FIXED, Validation, parse_validation
from storage import Manifest, SharedStudy, create_study
from storage.differences import differences
from storage.errors import ManifestMismatch
from tests.helpers.lab import Lab
from tests.helpers.launches import RunLaunch
from tests.helpers.paths import ROOT
from tests.helpers.scripted_trainer import scripted_trainer

PLAIN = LaunchOptions(space="bn_dropout")
TWO_FOLDS = Validation("folds", 2)


def as_arrays(folder: Path, **more: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Path:
    digits = load_dataset("digits")
    np.savez(folder / "own.npz", x_train=digits.x_train[:200], y_train=digits.y_train[:200], **more)  # type: ignore[arg-type]
    return folder / "own.npz"


@pytest.mark.parametrize("text", ["fixed", "reshuffled", "folds:5", "rest"])
def test_a_validation_is_written_as_it_is_typed(text: str) -> None:
    assert str(parse_validation(text)) == text


@pytest.mark.parametrize("text", ["folds", "folds:1", "folds:x", "folds:101", "rest:2", "random", ""])
def test_what_is_none_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ConfigurationError, match="give fixed, reshuffled, folds:K"):
        parse_validation(text)


def test_reshuffled_gives_each_slot_a_split_of_its_own_and_the_same_seeds(sqlite_url: str) -> None:
    options = replace(PLAIN, storage=sqlite_url, n_trials=6, baselines=True)
    fixed, own = make_plan(options), make_plan(replace(options, validation=Validation("reshuffled")))
    assert [order.settings.split_seed for order in fixed.orders] == [None] * 6
    seeds = [order.settings.split_seed for order in own.orders]
    assert None not in seeds
    assert len({*seeds, *(order.seed for order in own.orders)}) == 12
    assert [order.seed for order in own.orders] == [order.seed for order in fixed.orders]
    assert own.orders[0].settings.baseline == fixed.orders[0].settings.baseline is not None
    more = make_plan(replace(options, n_trials=9, validation=Validation("reshuffled")))
    assert more.orders[:6] == own.orders


def test_the_rest_is_counted_as_the_images_of_the_final_score(sqlite_url: str) -> None:
    manifest = make_plan(replace(PLAIN, storage=sqlite_url, limit_train=300, validation=Validation("rest"))).manifest
    assert manifest.n_test == 1438 - 300
    assert data_source(manifest, None).rest
    digits = load_dataset("digits")
    parts = parts_of(digits, manifest, Configuration(), manifest.seed)
    assert len(parts.test) == len(parts.test_labels) == manifest.n_test
    assert not {*parts.test.tolist()} & {*parts.train.tolist(), *parts.validation.tolist()}


def test_an_export_of_folds_has_the_images_of_the_model_that_is_kept(sqlite_url: str) -> None:
    manifest = make_plan(replace(PLAIN, storage=sqlite_url, validation=TWO_FOLDS)).manifest
    source, digits = data_source(manifest, None), load_dataset("digits")
    assert (source.folds, source.fold) == (2, 1)
    kept = split(digits, 0.2, manifest.seed, fold=Fold(1, 2))
    assert parts_of(digits, manifest, Configuration(), manifest.seed).validation_labels.tolist() == kept.y_val.tolist()
    assert (manifest.n_train, manifest.n_validation) == (kept.n_train, kept.n_val)
    assert manifest.epochs_per_trial == 2 * manifest.epochs


def said(finals: Sequence[float]) -> Sequence[Message]:
    """What a trainer says of a job on as many folds, of one epoch each, with these means so far."""
    ends = [
        EpochEnd(1, EpochScores(number, 1.0, 0.5, 1.0, value, 0.1, 0.01), ended_folds=number)
        for number, value in enumerate(finals, 1)
    ]
    return [*ends, Trained(1, 10, len(finals), not_kept="it is made up")]


def work(lab: Lab, shared: SharedStudy, n_trials: int, finals: Sequence[float]) -> None:
    """Orders up to that many trials, which a worker with a new trainer works on."""
    space = study_space(shared.manifest, load_space("bn_dropout"))
    orders = make_orders(space, shared.manifest, n_trials)
    shared.ledger.order_up_to(n_trials, orders.__getitem__)
    context, files = lab.context(), lab.files(shared)
    trainer = TrainerClient(files, {"PYTHONPATH": str(ROOT)}, 4000.0, scripted_trainer(said(finals)))
    pruner = make_pruner(shared.manifest.pruner, shared.manifest.epochs_per_trial)
    lab.work(replace(context, trainer=trainer, pruner=pruner))
    trainer.discard()


@pytest.mark.parametrize(("pruner", "state", "epochs"), [("median", "pruned", 1), ("none", "complete", 3)])
def test_a_trial_behind_the_best_on_the_same_folds_ends_unless_none_may(
    lab: Lab, pruner: str, state: str, epochs: int
) -> None:
    shared = lab.study(0, epochs=1, pruner=pruner, validation=Validation("folds", 3))
    work(lab, shared, 1, (0.6, 0.7, 0.8))
    work(lab, shared, 2, (0.5, 0.9, 0.95))
    work(lab, shared, 3, (0.65, 0.7, 0.75))
    outcomes = [done.outcome for done in shared.ledger.outcomes()]
    assert [(one.state, one.epochs) for one in outcomes] == [("complete", 3), (state, epochs), ("complete", 3)]
    assert [one.value for one in outcomes][::2] == [0.8, 0.75]


def test_the_score_of_folds_is_said_to_be_of_all_images(lab: Lab) -> None:
    """Each is in one of the folds; one fold alone would make the interval too wide."""
    shared = lab.study(0, epochs=1, pruner="none", validation=Validation("folds", 3))
    work(lab, shared, 1, (0.6, 0.7, 0.8))
    images = shared.manifest.n_train + shared.manifest.n_validation
    low, high = binomtest(round(0.8 * images), images).proportion_ci(method="wilson")
    said = validation_interval(described_trial(shared, "best"))
    assert said.startswith(f", on {images} images (95 % interval {low:.1%} to {high:.1%})")


def test_a_study_goes_on_with_its_validation_and_refuses_another(sqlite_url: str) -> None:
    options = replace(PLAIN, storage=sqlite_url, validation=TWO_FOLDS)
    first = make_plan(options)
    with create_study(first.url, first.study_name, first.manifest):
        pass
    assert make_plan(replace(options, validation=None)).manifest.validation == TWO_FOLDS
    with pytest.raises(ManifestMismatch, match="--validation: the study has folds:2, asked for was fixed"):
        make_plan(replace(options, validation=FIXED))


def test_a_manifest_of_an_earlier_release_validates_on_the_same_images(sqlite_url: str) -> None:
    manifest = make_plan(replace(PLAIN, storage=sqlite_url, pruner="none")).manifest
    document = json.loads(manifest.to_json())
    del document["validation"]
    stored = Manifest.from_json(json.dumps({**document, "schema_version": 3}))
    assert stored.validation == FIXED
    assert stored.epochs_per_trial == stored.epochs
    assert differences(stored, manifest) == []
    assert Manifest.from_json(msgspec.structs.replace(manifest, validation=TWO_FOLDS).to_json()).validation == TWO_FOLDS


@pytest.mark.parametrize(
    ("validation", "words"),
    [
        ("reshuffled", "drawn from the training images by each trial for itself"),
        ("folds:4", "each of 4 folds in turn; these are the last"),
    ],
)
def test_the_plan_says_where_validation_images_are_from(validation: str, words: str, cli: RunLaunch) -> None:
    as_arrays(Path.cwd())
    planned = cli("--space", "bn_dropout", "--dataset", "own.npz", "--validation", validation, "--dry-run")
    assert planned.exit_code == 0, planned.stderr
    assert words in " ".join(planned.stderr.split())


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--validation", "folds:1"), "'folds:1' isn't a kind of validation"),
        (("--validation", "folds:90", "--limit-train", "300"), "fewer than the 90 folds"),
        (("--validation", "rest"), "give a smaller --limit-train"),
        (("--validation", "folds:3", "--validation-share", "0.1"), "validates on one of 3 folds at a time"),
        (("--validation", "folds:3", "--select", "smooth"), "scores are means of folds"),
        (("--dataset", "val.npz", "--validation", "reshuffled"), "which every trial uses"),
        (("--dataset", "val.npz", "--validation", "folds:2"), "which every trial uses"),
    ],
)
def test_what_is_wrong_ends_before_anything_is_made(flags: tuple[str, ...], words: str, cli: RunLaunch) -> None:
    digits = load_dataset("digits")
    own = as_arrays(Path.cwd(), x_val=digits.x_train[200:300], y_val=digits.y_train[200:300].astype(np.uint8))
    own.rename("val.npz")
    refused = cli("--space", "bn_dropout", *flags)
    assert refused.exit_code == 2
    assert words in " ".join(refused.stderr.split())
    assert [path.name for path in Path.cwd().iterdir()] == ["val.npz"]
