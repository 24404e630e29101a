"""`--baselines` puts what is known into a study's first slots, and the end says how the best compares with it."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from search.errors import UsageError
from search.launching.asked_manifest import Existing
from search.launching.options import LaunchOptions
from search.launching.orders import make_orders, wanted_baselines
from search.launching.wording import result_json, result_text
from search.study.trials import open_trial
from search.views.facts import gather_facts
from spaces import load_space
from storage import Manifest, SharedStudy
from storage.testkit import claimed
from tests.helpers.lab import Lab
from tests.helpers.launches import RunLaunch
from tests.helpers.made_up import study_facts, trial_facts

SPACE = load_space("bn_dropout")
NAMES = ["base", "dropout", "batch_norm"]
OPTIONS = LaunchOptions(space="bn_dropout", baselines=True)
WITHOUT = """
from spaces import Configuration, Space
space = Space("bare", "why?", lambda trial: Configuration(dense=(trial.suggest_int("units", 1, 9),)))
"""


def test_the_first_slots_have_the_parameters_of_the_baselines_and_the_seeds_that_they_would_have(lab: Lab) -> None:
    manifest = lab.study(0).manifest
    plain, orders = (make_orders(SPACE, manifest, 5, baselines) for baselines in ((), SPACE.baselines))
    assert [order.settings.baseline for order in orders] == [*NAMES, None, None]
    assert [order.params for order in orders] == [*(dict(each.params) for each in SPACE.baselines), None, None]
    assert [order.seed for order in orders] == [order.seed for order in plain]


def test_a_grid_follows_after_them_from_its_first_point(lab: Lab) -> None:
    manifest = lab.study(0, sampler="grid").manifest
    plain, orders = (make_orders(SPACE, manifest, 6, baselines) for baselines in ((), SPACE.baselines))
    assert [order.params for order in orders[3:]] == [order.params for order in plain[:3]]


def test_a_study_that_has_them_goes_on_with_them_also_without_the_flag(lab: Lab) -> None:
    manifest = lab.study(0).manifest
    for options in (OPTIONS, replace(OPTIONS, baselines=False)):
        assert wanted_baselines(options, SPACE, Existing(manifest, ordered=5, baselines=3)) == SPACE.baselines
    assert wanted_baselines(replace(OPTIONS, baselines=False), SPACE, Existing(manifest, ordered=5)) == ()


def test_a_study_that_began_without_them_refuses(lab: Lab) -> None:
    with pytest.raises(UsageError, match="first slots are ordered already, and without them"):
        wanted_baselines(OPTIONS, SPACE, Existing(lab.study(0).manifest, ordered=5))


def test_the_flag_needs_baselines_and_room_for_them(cli: RunLaunch) -> None:
    Path("bare.py").write_text(WITHOUT)
    refused = cli("--space", "bare.py", "--baselines")
    assert (refused.exit_code, "the space bare has none" in refused.output) == (2, True)
    refused = cli("--space", "bn_dropout", "--baselines", "--n-trials", "2")
    assert refused.exit_code == 2
    assert "has 3 baselines (base, dropout, batch_norm): give --n-trials 3, or more" in refused.output
    planned = cli("--space", "bn_dropout", "--baselines", "--dry-run")
    assert "first    the baselines base, dropout, batch_norm" in planned.output
    assert [path.name for path in Path().iterdir()] == ["bare.py"]


@pytest.fixture
def done(lab: Lab) -> SharedStudy:
    """A study of three baselines and two more trials, of which the last is the best, under a pruner that likes none."""
    scores = {0: 0.5, 1: 0.6, 2: 0.4, 3: 0.9, 4: 0.3}
    lab.acts = {slot: [{"scores": [score] * 5}] for slot, score in scores.items()}
    shared = lab.study(0, epochs=5, pruner="median")
    orders = make_orders(SPACE, shared.manifest, 5, SPACE.baselines)
    shared.ledger.order_up_to(5, orders.__getitem__)
    lab.work()
    return shared


def test_baselines_are_trials_like_others_but_run_to_their_end_and_are_named(done: SharedStudy) -> None:
    summary = gather_facts(done)
    assert [(each.baseline, each.number, each.value) for each in summary.baselines] == [
        ("base", 0, 0.5),
        ("dropout", 1, 0.6),
        ("batch_norm", 2, 0.4),
    ]
    assert done.trials.resume(1).user_attrs["baseline"] == "dropout"
    text = result_text(summary, OPTIONS)
    assert "Baselines (*): base 0.5000, dropout 0.6000, batch_norm 0.4000." in text
    assert "The best trial, 3, is 0.3000 above the best of them, dropout" in text
    assert "\n    1*" in text
    assert json.loads(result_json(summary, OPTIONS, 1.0))["baselines"][1] == {
        "name": "dropout",
        "trial": 1,
        "value": 0.6,
    }


def test_a_slot_that_is_no_baseline_has_no_such_attribute(lab: Lab) -> None:
    shared = lab.study(1)
    number = open_trial(shared, SPACE, claimed(shared.ledger))
    assert "baseline" not in shared.trials.resume(number).user_attrs


def test_the_best_baseline_is_the_lowest_where_the_loss_counts(manifest: Manifest) -> None:
    a, b, c = (
        trial_facts(0, None, baseline="a", state="failed"),
        trial_facts(1, 0.7, baseline="b"),
        trial_facts(2, 0.2, baseline="c"),
    )
    lower = msgspec.structs.replace(manifest, objective="val_loss", direction="minimize")
    assert study_facts(lower, (a, b, c)).best_baseline == c
    assert study_facts(manifest, (a, b, c)).best_baseline == b
    assert study_facts(manifest, (a,)).best_baseline is None


def test_a_space_of_many_parameters_has_its_trials_side_by_side(done: SharedStudy) -> None:
    summary = gather_facts(done)
    top = summary.best
    assert top is not None
    top.frozen.params = {f"p{index:02}": index for index in range(12)}
    lines = result_text(replace(summary, trials=(summary.trials[1], top)), OPTIONS).splitlines()
    assert any(line.split() == ["trial", "3", "1*"] for line in lines)
    assert any(line.split() == ["p07", "7"] for line in lines)
