"""The best configuration, in words and as JSON."""

import json
import re

import pytest
from click.testing import CliRunner, Result
from optuna.trial import create_trial

from search.best import main
from spaces.configuration import Configuration
from storage import SharedStudy
from storage.records import Outcome
from storage.testkit import bound, claimed
from tests.helpers.lab import Lab


def best(lab: Lab, *arguments: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(main, ["--storage", lab.url, *arguments])


@pytest.fixture
def study(lab: Lab) -> SharedStudy:
    lab.acts = {slot: [{"scores": [0.1, 0.2, 0.3 + slot / 10]}] for slot in range(3)}
    shared = lab.study(3)
    lab.work()
    return shared


def test_it_says_the_score_its_interval_the_layers_and_what_to_do_next(study: SharedStudy, lab: Lab) -> None:
    number = study.study.best_trial.number
    text = best(lab).stdout
    for words in (f"Trial {number} of study", "val_accuracy 0.5000", "95 % interval", "-> max_pool", "search.export"):
        assert words in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_it_fits_the_terminal_and_its_commands_can_be_typed(
    width: int, study: SharedStudy, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shared, number = study, study.study.best_trial.number
    text = best(lab).stdout
    commands = re.sub(r" \\\n +", " ", text)  # as a shell takes them
    assert (
        f"-m search.export --storage {lab.url} --study-name {shared.name} --trial {number} -o model.keras" in commands
    )
    prose = [line for line in text.splitlines() if lab.url not in line]  # one word, however long
    assert max(map(len, prose)) <= width
    assert "(95 % interval" in " ".join(text.split())


def test_the_json_holds_the_configuration_itself(study: SharedStudy, lab: Lab) -> None:
    document = json.loads(best(lab, "-f", "json").stdout)
    assert document["value"] == pytest.approx(0.5)
    assert Configuration.from_json(json.dumps(document["configuration"])).blocks


def test_another_trial_can_be_asked_for(study: SharedStudy, lab: Lab) -> None:
    assert "Trial 1 of study" in best(lab, "--trial", "1").stdout


def test_what_the_ledger_says_of_a_trial_counts_whatever_other_programs_made_of_it(lab: Lab) -> None:
    shared = lab.study(2)
    for value, told in ((0.5, None), (0.4, 0.9)):
        lease = claimed(shared.ledger)
        number = shared.study.ask().number
        bound(shared.ledger, lease, number)
        shared.ledger.finish(lease, Outcome("complete", value, epochs=3))
        if told is not None:
            shared.study.tell(number, told)
    assert "val_accuracy 0.5000 after 3 epochs" in best(lab).stdout  # though its worker hasn't told Optuna yet
    assert "val_accuracy 0.4000 after 3 epochs" in best(lab, "--trial", "1").stdout


def test_a_trial_from_elsewhere_is_none_of_the_study_s(lab: Lab) -> None:
    lab.study(1).study.add_trial(create_trial(value=0.9))
    result = best(lab, "--trial", "0")
    assert result.exit_code == 2
    assert "trial 0 was added to the study from elsewhere" in result.stderr


def test_an_empty_study_has_no_best(lab: Lab) -> None:
    lab.study(0)
    result = best(lab)
    assert result.exit_code == 2
    assert "no finished trial yet" in result.stderr


def test_only_failures_are_counted(lab: Lab) -> None:
    lab.acts = {0: [{"fail": ["space_error", "no such layer"]}]}
    lab.study(1)
    lab.work()
    result = best(lab)
    assert result.exit_code == 2
    assert "0 were pruned, 0 diverged, 0 were infeasible, 1 failed" in result.stderr
