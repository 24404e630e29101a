"""Failures for one reason are one line, though it names another address, layer or number each time."""

from search.report.words import summary
from search.study.reasons import counted
from search.study.snapshot import take_snapshot
from search.views.answer_text import failures_text
from search.views.facts import gather_facts
from tests.helpers.lab import Lab

REASON = (
    "build raised TypeError: <Block object at 0x7f{0}c0ffee> in conv2d_{0} takes {0} images (/home/me/own.py, line 7)"
)


def test_addresses_layers_and_numbers_make_no_other_reason() -> None:
    reasons = [REASON.format(11), "no such layer", REASON.format(2), REASON.format(345)]
    assert counted(reasons) == {REASON.format(11): 3, "no such layer": 1}


def test_the_most_frequent_comes_first() -> None:
    assert list(counted(["rare", "often", "often"])) == ["often", "rare"]
    assert counted([]) == {}


def test_all_that_list_failures_count_them_so(lab: Lab) -> None:
    lab.acts = {number: [{"fail": ["space_error", REASON.format(number)]}] for number in (1, 2)}
    shared = lab.study(4)
    lab.work()
    once = {f"space_error: {REASON.format(1)}": 2}
    assert take_snapshot(shared).failures == once
    facts = gather_facts(shared)
    assert facts.failures == once
    assert f"  2 x space_error: {REASON.format(1)}" in failures_text(facts)
    assert f"2 failed: space_error: {REASON.format(1)}" in " ".join(summary(facts))
