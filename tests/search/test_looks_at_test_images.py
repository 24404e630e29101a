"""Every look at the test images is on record: when, at which trial, what for, what was seen. None replaces another."""

import json
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from search.best import main as best_command
from search.export import main as export_command
from search.launching.options import LaunchOptions
from search.launching.orders import make_orders
from search.launching.wording import result_json, result_text
from search.report.words import test_words as what_the_report_says
from search.study.test_score import (
    ANSWER,
    EXPORT,
    SEARCH,
    TEST_ATTR,
    copy_look,
    earlier_words,
    look_at,
    record_look,
    recorded_looks,
    stored_test_score,
)
from search.study.test_score import TestScore as Score
from search.views.facts import gather_facts
from spaces import resolve
from storage import SharedStudy
from tests.helpers.lab import Lab

OPTIONS = LaunchOptions(space="bn_dropout")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2.4


@pytest.fixture
def twice(lab: Lab) -> SharedStudy:
    """A search of two trials, gone on with up to four, the last of which is the best."""
    lab.acts = {slot: [{"scores": [0.1, 0.2, 0.3 + slot / 10]}] for slot in range(4)}
    shared: SharedStudy = lab.study(2, top_models=3)
    lab.work()
    orders = make_orders(resolve("bn_dropout").space, shared.manifest, 4)
    shared.ledger.order_up_to(4, orders.__getitem__)
    lab.work()
    return shared


def run(command: click.Command, lab: Lab, *arguments: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(command, ["--storage", lab.url, *arguments])


def test_the_score_of_an_earlier_best_stays_on_record(twice: SharedStudy) -> None:
    looks = recorded_looks(twice)
    assert [(look.trial, look.look, look.reason) for look in looks] == [(1, 1, SEARCH), (3, 2, SEARCH)]
    times = [look.at or "" for look in looks]
    assert "" not in times
    assert times == sorted(times)


def test_a_finished_search_is_not_looked_at_again(twice: SharedStudy, lab: Lab) -> None:
    lab.work()
    assert len(recorded_looks(twice)) == 2


def test_the_table_the_json_best_and_the_report_say_which_look_it_was(twice: SharedStudy, lab: Lab) -> None:
    first = recorded_looks(twice)[0]
    text = result_text(gather_facts(twice), OPTIONS)
    assert "second look" in text
    assert f"Looks before it: trial 1 {first.accuracy:.2%} (search)." in " ".join(text.split())
    document = json.loads(result_json(gather_facts(twice), OPTIONS, 1.0))
    assert document["test"]["look"] == 2
    assert [look["trial"] for look in document["test_looks"]] == [1, 3]
    assert "second look" in run(best_command, lab).stdout
    assert "first look" in run(best_command, lab, "--trial", "1").stdout
    assert [look["look"] for look in json.loads(run(best_command, lab, "-f", "json").stdout)["test_looks"]] == [1, 2]
    assert "second look, on" in what_the_report_says(gather_facts(twice))


def test_a_study_of_an_earlier_release_is_read_as_before(lab: Lab) -> None:
    shared = lab.study(0)
    shared.study.set_user_attr(TEST_ATTR, {"trial": 4, "accuracy": 0.9, "loss": 0.2, "n": 50})
    (look,) = recorded_looks(shared)
    assert (look.trial, look.accuracy, look.loss, look.n, look.at) == (4, 0.9, 0.2, 50, None)
    assert look.words == "first look on record"
    assert stored_test_score(shared) == look
    assert record_look(shared, Score(5, 0.8, 0.3, 50), SEARCH).words == "second look"


def test_an_export_is_a_look_and_isnt_shown_as_the_search_s(lab: Lab) -> None:
    shared = lab.study(0)
    record_look(shared, Score(4, 0.9, 0.2, 50), SEARCH)
    record_look(shared, Score(2, 0.8, None, 50), EXPORT)
    found = stored_test_score(shared)
    assert found is not None
    assert found.trial == 4
    assert record_look(shared, Score(2, 0.8, None, 50), EXPORT).words == "third look"


def test_a_race_s_look_counts_for_its_search_once_and_isnt_its_trial_s(lab: Lab) -> None:
    shared = lab.study(0)
    record_look(shared, Score(4, 0.9, 0.2, 50), SEARCH)
    raced = Score(2, 0.8, None, 50, at="2999-01-01T00:00:00+00:00", reason=ANSWER, study="race")
    assert copy_look(shared, raced).words == copy_look(shared, raced).words == "second look"
    looks = recorded_looks(shared)
    assert look_at(looks, 2) is None
    later = msgspec.structs.replace(raced, look=3, study="")
    assert (
        earlier_words(looks, later)
        == "Looks before it: trial 4 90.00% (search), trial 2 trained again 80.00% (answer)."
    )


def test_looks_of_two_processes_at_once_are_both_kept(twice: SharedStudy, lab: Lab) -> None:
    other = lab.context().shared
    assert len(recorded_looks(other)) == len(recorded_looks(twice)) == 2
    record_look(other, Score(0, 0.5, None, 50), EXPORT)
    record_look(twice, Score(1, 0.6, None, 50), EXPORT)
    assert [look.trial for look in recorded_looks(other)] == [1, 3, 0, 1]


@pytest.fixture
def exportable(lab: Lab, keras: Any) -> SharedStudy:
    """A search of one trial, with a real model in the place of the stub's, without a look at its test images."""
    from search.study.test_score import LOOK_ATTR
    from search.training.models.building import InputSpec, build_model
    from search.views.configuration_text import described_trial
    from search.workers.settle import MODEL_ATTR

    shared: SharedStudy = lab.study(1, top_models=1)
    lab.work()
    for name in [name for name in shared.study.user_attrs if name.startswith(LOOK_ATTR)]:
        shared.study.set_user_attr(name, None)
    model = build_model(
        resolve("bn_dropout").space, described_trial(shared, "best").configuration, InputSpec((8, 8, 1), 10, 18)
    )
    place = lab.files(shared).models / shared.study.get_trials()[0].user_attrs[MODEL_ATTR]
    model.save(place.with_suffix(".keras"))
    place.with_suffix(".keras").replace(place)
    return shared


def test_exports_are_counted_and_say_so(exportable: SharedStudy, lab: Lab, tmp_path: Path) -> None:
    for number, words in enumerate(("first look", "second look")):
        told = run(export_command, lab, "-o", str(tmp_path / f"model-{number}.keras"))
        assert told.exit_code == 0, told.output
        assert f"the {words} at them, on record with the study" in told.stdout
        assert words in (tmp_path / f"model-{number}.md").read_text()
    assert [(look.trial, look.reason) for look in recorded_looks(exportable)] == [(0, EXPORT), (0, EXPORT)]
    facts = json.loads((tmp_path / "model-1.json").read_text())
    assert facts["test_look"]["look"] == 2


def test_an_export_without_a_look_changes_nothing_and_needs_no_right_to_write(
    exportable: SharedStudy, lab: Lab, tmp_path: Path
) -> None:
    before = dict(exportable.study.user_attrs)
    told = run(export_command, lab, "--no-test", "-o", str(tmp_path / "model.keras"))
    assert told.exit_code == 0, told.output
    assert "test images" not in told.stdout
    assert "wasn't run on the test images" in (tmp_path / "model.md").read_text()
    assert exportable.study.user_attrs == before
    assert (tmp_path / "model.npz").is_file()
