"""Published experiments: all of them are there, with their numbers, and their parameters count up to the published."""

import json
import re
from pathlib import Path

import pytest

from spaces.errors import SpaceError
from spaces.published import ARTICLES, Arm, experiments

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
