"""Published experiments: all of them are there, with their numbers, and their parameters count up to the published."""

import json
import re
from pathlib import Path

import pytest

from spaces.errors import SpaceError
from spaces.published import ARTICLES, Arm, experiments, source

FACTS = Path(__file__).resolve().parents[2].parent / "shared" / "published.json"
ARMS = [(article, arm) for article in ARTICLES for experiment in experiments(article) for arm in experiment.arms]
NUMBERS = ("train_accuracy", "train_loss", "val_accuracy", "val_loss", "test_accuracy", "test_loss")


def test_an_unknown_article_lists_the_articles_and_the_nearest() -> None:
    message = "no article 'bn-and-droput'. Did you mean 'bn-and-dropout'? Valid: cnn-accuracy-textbook, bn-and-dropout,"
    with pytest.raises(SpaceError, match=re.escape(message)):
        experiments("bn-and-droput")


def test_arms_of_an_experiment_have_names_and_configurations_of_their_own() -> None:
    for article in ARTICLES:
        for experiment in experiments(article):
            assert len({arm.name for arm in experiment.arms}) == len(experiment.arms) >= 2
            assert len({arm.configuration.to_json() for arm in experiment.arms}) == len(experiment.arms)


def test_every_published_experiment_is_an_arm_with_its_numbers() -> None:
    if not FACTS.exists():
        pytest.skip(f"needs {FACTS}")
    facts = json.loads(FACTS.read_text())
    assert set(facts) == set(ARTICLES)
    arms: dict[tuple[str, str], Arm] = {(article, arm.name): arm for article, arm in ARMS}
    for article, told in facts.items():
        for name, fact in told["experiments"].items():
            arm = arms[article, name]
            assert arm.published == {metric: fact[metric] for metric in NUMBERS if metric in fact}
            printed = fact.get("params", fact.get("params_computed", arm.params))
            assert arm.params == printed


def test_an_article_is_cited_with_what_is_known_of_it_and_what_is_not() -> None:
    assert source("mnist-memorisation").cited() == (
        "MNIST with dense networks and CNNs, true and shuffled labels. derbuihan, year not known, "
        "https://derbuihan.github.io/posts/mnist_experiment."
    )
    assert "author not known, year not known, address not known" in source("cnn-accuracy-textbook").cited()


def test_an_unknown_article_has_no_source() -> None:
    with pytest.raises(SpaceError, match="no article 'textbook'"):
        source("textbook")


def test_an_experiment_trains_on_as_many_images_as_the_article_where_that_can_be() -> None:
    images = {"cifar10": 50_000, "mnist": 60_000}
    trained_on = {
        (article, one.name): round(images[one.dataset] * (1 - one.validation_share))
        for article in ARTICLES
        for one in experiments(article)
    }
    assert trained_on["bn-and-dropout", "order"] == 40_000
    assert trained_on["keras-cnn-tuning-notes", "batch_norm_and_width"] == 45_000
    assert trained_on["mnist-memorisation", "true_labels"] == 54_000


def test_what_an_article_claims_without_a_run_has_arms() -> None:
    claims = {one.name: one.arms for article in ARTICLES for one in experiments(article)}
    assert {"bn_then_dropout_before_activation", "dropout_then_bn_before_activation"} <= {
        arm.name for arm in claims["claim"]
    }
    assert [arm.published for arm in claims["whitening"]][-1] == {"test_accuracy": 0.74}
    assert claims["conv_2_without_dropout"][-1].configuration.dropout == ()
    assert claims["early_stopping"][-1].configuration.early_stopping is not None
