"""A launch whose search ends early: what it stores and says, and what it takes to go on."""

from dataclasses import replace

import pytest

from search.errors import UsageError
from search.launching.asked_manifest import Existing
from search.launching.ending import ended_note, goes_on, wanted_rule
from search.launching.options import LaunchOptions
from search.launching.orders import wanted_trials
from search.study.snapshot import take_snapshot
from search.views.facts import gather_facts
from search.views.sentences import headline
from search.views.status_view import status
from spaces import resolve
from storage.ending import Ended, EndingRule
from tests.helpers.lab import MANIFEST, Lab

SPACE = resolve("bn_dropout").space
OPTIONS = LaunchOptions(space="bn_dropout")
RULE = EndingRule("maximize", patience=3)
ENDED = Existing(MANIFEST, ordered=5, rule=RULE, ended=Ended("patience", "nothing came", finished=5, ordered=9))


def test_a_search_ends_with_the_trial_that_reaches_the_target_and_says_so(lab: Lab) -> None:
    lab.acts = {1: [{"scores": [0.5, 0.6, 0.95]}]}
    shared = lab.study(6)
    shared.ledger.set_ending(EndingRule("maximize", target=0.95))
    lab.work()
    assert [trial.number for trial in shared.study.get_trials()] == [0, 1]
    facts, words = gather_facts(shared), "trial 1 reached the target of 0.95"
    assert facts.done
    assert headline(facts).startswith(f"The search ended after 2 of 6 trials: {words}. All 2 trials of ")
    assert status(take_snapshot(shared)) == f"ended: {words}"


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        ({}, None),
        ({"target": 0.99}, EndingRule("maximize", target=0.99)),
        ({"patience": 20, "until_converged": 0.01}, EndingRule("maximize", patience=20, margin=0.01)),
        ({"patience": 0}, None),
    ],
)
def test_the_flags_say_what_ends_a_search(flags: dict[str, float], rule: EndingRule | None) -> None:
    assert wanted_rule(replace(OPTIONS, **flags), MANIFEST, None) == rule  # type: ignore[arg-type]


def test_a_target_that_no_share_can_reach_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--target 99: val_accuracy is from 0 to 1"):
        wanted_rule(replace(OPTIONS, target=99.0), MANIFEST, None)


@pytest.mark.parametrize(
    ("options", "going_on", "trials"),
    [
        (OPTIONS, False, 5),
        (replace(OPTIONS, n_trials=9), False, 5),
        (replace(OPTIONS, patience=3), False, 5),
        (replace(OPTIONS, n_trials=12), True, 12),
        (replace(OPTIONS, patience=6), True, 9),
        (replace(OPTIONS, patience=0), True, 9),
    ],
)
def test_an_ended_search_goes_on_with_more_trials_or_another_end(
    options: LaunchOptions, going_on: bool, trials: int
) -> None:
    rule = wanted_rule(options, MANIFEST, ENDED)
    assert goes_on(options, rule, ENDED) == going_on
    assert wanted_trials(options, SPACE, ENDED, going_on=going_on) == trials
    assert (ended_note(ENDED, going_on=going_on) is None) == going_on
