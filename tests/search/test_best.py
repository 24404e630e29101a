"""The best configuration, in words and as JSON."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from search.best import main
from spaces.configuration import Configuration


def best(lab: Any, *arguments: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(main, ["--storage", lab.url, *arguments])


@pytest.fixture
def study(lab: Any) -> Any:
    lab.acts = {slot: [{"scores": [0.1, 0.2, 0.3 + slot / 10]}] for slot in range(3)}
    shared = lab.study(3)
    lab.work()
    return shared


def test_it_says_the_score_its_interval_the_layers_and_what_to_do_next(study: Any, lab: Any) -> None:
    number = study.study.best_trial.number
    text = best(lab).stdout
    for words in (f"Trial {number} of study", "val_accuracy 0.5000", "95 % interval", "-> max_pool", "search.export"):
        assert words in text


def test_the_json_holds_the_configuration_itself(study: Any, lab: Any) -> None:
    document = json.loads(best(lab, "-f", "json").stdout)
    assert document["value"] == pytest.approx(0.5)
    assert Configuration.from_json(json.dumps(document["configuration"])).blocks


def test_another_trial_can_be_asked_for(study: Any, lab: Any) -> None:
    assert "Trial 1 of study" in best(lab, "--trial", "1").stdout


def test_an_empty_study_has_no_best(lab: Any) -> None:
    lab.study(0)
    result = best(lab)
    assert result.exit_code == 2
    assert "no finished trial yet" in result.stderr


def test_only_failures_are_counted(lab: Any) -> None:
    lab.acts = {0: [{"fail": ["space_error", "no such layer"]}]}
    lab.study(1)
    lab.work()
    result = best(lab)
    assert result.exit_code == 2
    assert "0 were pruned, 0 diverged, 1 failed" in result.stderr
