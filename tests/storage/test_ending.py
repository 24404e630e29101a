"""A search ends when its rule is met: from then on no slot is claimed, what waits is closed, and nothing has failed."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from storage import create_study, open_study
from storage.convergence import gain_bound
from storage.ending import EndedBy, EndingRule, FinishedTrial, reason_to_end
from storage.errors import LeaseLost
from storage.ledger import Ledger
from storage.records import Lease, Outcome, SlotOrder
from storage.study import SharedStudy
from storage.testkit import LEASE_S, bound, claimed, example_manifest, expire

UP, DOWN = EndingRule("maximize"), EndingRule("minimize")


@pytest.fixture
def study(storage_url: str) -> Iterator[SharedStudy]:
    with create_study(storage_url, "study", example_manifest()) as shared:
        shared.ledger.order_up_to(8, lambda number: SlotOrder(seed=number))
        yield shared


def started(study: SharedStudy, worker: str = "worker") -> Lease:
    lease = claimed(study.ledger, worker)
    return bound(study.ledger, lease, study.study.ask().number)


def finish(study: SharedStudy, *values: float) -> None:
    for value in values:
        study.ledger.finish(started(study), Outcome("complete", value))


def states(ledger: Ledger) -> list[str]:
    return [slot.outcome.state if slot.outcome is not None else slot.state for slot in ledger.slots()]


def test_what_reaches_the_target_closes_what_waits_and_running_trials_end_by_themselves(study: SharedStudy) -> None:
    study.ledger.set_ending(EndingRule("maximize", target=0.9))
    running = started(study, "other")
    finish(study, 0.8)
    assert study.ledger.ended() is None
    finish(study, 0.95)
    ended = study.ledger.ended()
    assert ended is not None
    assert (ended.by, ended.words, ended.finished, ended.ordered) == (
        "target",
        "trial 2 reached the target of 0.9",
        2,
        8,
    )
    assert study.ledger.claim("late", LEASE_S) is None
    assert states(study.ledger) == ["leased", "complete", "complete"]
    study.ledger.finish(running, Outcome("complete", 0.97))
    assert study.ledger.counts().finished == study.ledger.counts().total == 3
    assert study.ledger.ended() == ended


def test_trials_that_were_handed_back_or_lost_are_closed_as_pruned_and_their_workers_are_fenced(
    study: SharedStudy,
) -> None:
    study.ledger.set_ending(EndingRule("maximize", target=0.9))
    back, lost, late = started(study, "back"), started(study, "lost"), started(study, "late")
    unbound = claimed(study.ledger, "unbound")
    study.ledger.release(back)
    expire(study, lost.slot)
    last = claimed(study.ledger, "lucky")  # the slot that was handed back
    study.ledger.finish(last, Outcome("complete", 1.0))
    assert states(study.ledger) == ["complete", "pruned", "leased", "leased"]
    with pytest.raises(LeaseLost):
        study.ledger.finish(lost, Outcome("complete", 0.9))
    study.ledger.release(late)  # after the end, too
    study.ledger.release(unbound)
    assert study.ledger.claim("after", LEASE_S) is None
    assert states(study.ledger) == ["complete", "pruned", "pruned"]
    assert study.ledger.counts().failed == 0
    reasons = [done.outcome.reason for done in study.ledger.outcomes() if done.outcome.state == "pruned"]
    assert set(reasons) == {"the search ended before it: trial 0 reached the target of 0.9"}


def test_an_ended_search_gets_no_slots_until_it_goes_on_and_then_needs_new_reasons(study: SharedStudy) -> None:
    rule = EndingRule("maximize", patience=2)
    study.ledger.set_ending(rule)
    finish(study, 0.5, 0.4, 0.5)
    assert study.ledger.order_up_to(8, lambda number: SlotOrder(seed=number)) == 0
    study.ledger.set_ending(rule)
    assert study.ledger.ended() is not None
    study.ledger.set_ending(rule, go_on=True)
    assert study.ledger.order_these({number: SlotOrder(seed=number) for number in range(8)}) == 5
    finish(study, 0.4)
    assert (study.ledger.ended(), study.ledger.counts().waiting) == (None, 4)
    finish(study, 0.4)
    assert study.ledger.ended() is not None


def test_no_slot_is_claimed_after_the_end_by_any_worker(study: SharedStudy, storage_url: str) -> None:
    study.ledger.set_ending(EndingRule("maximize", target=0.9))
    with open_study(storage_url, "study") as other:
        finish(study, 0.99)
        assert other.ledger.claim("other", LEASE_S) is None
        assert other.ledger.counts().total == 1


def trials(*values: float | None) -> list[FinishedTrial]:
    return [
        FinishedTrial("pruned" if value is None else "complete", value, number) for number, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("rule", "values", "by"),
    [
        (EndingRule("maximize", target=0.9), (0.8, 0.9), "target"),
        (EndingRule("minimize", target=0.1), (0.2, 0.15), None),
        (EndingRule("minimize", target=0.1), (0.2, 0.1), "target"),
        (EndingRule("maximize", patience=3), (0.5, 0.4, None, 0.5), "patience"),
        (EndingRule("maximize", patience=3), (0.5, 0.4, None, 0.6), None),
        (EndingRule("minimize", patience=3), (0.5, 0.6, None, 0.6), "patience"),
        (EndingRule("maximize", patience=3), (None, None, None, None), None),
        (EndingRule("maximize", patience=2, since=2), (0.5, 0.4, 0.3), None),
        (EndingRule("maximize", margin=0.1), (0.5,) * 100, "converged"),
        (EndingRule("maximize", margin=0.1), (0.5,) * 10, None),
    ],
)
def test_a_rule_is_met(rule: EndingRule, values: Sequence[float | None], by: EndedBy | None) -> None:
    reason = reason_to_end(rule, trials(*values))
    assert (reason and reason[0]) == by


def test_failed_trials_say_nothing_about_the_parameters() -> None:
    failed = [FinishedTrial("failed", None, number) for number in range(1, 9)]
    assert reason_to_end(EndingRule("maximize", patience=3), [*trials(0.5), *failed]) is None


@pytest.mark.parametrize("shape", ["uniform", "beta", "normal", "exponential", "learning"])
@pytest.mark.parametrize("n", [40, 120])
def test_the_bound_on_the_gain_holds_nine_times_in_ten(shape: str, n: int) -> None:
    source, horizon, held = np.random.default_rng(n), 20, 0
    shapes = {
        "uniform": lambda: source.random(n + horizon),
        "beta": lambda: 1 - source.beta(5, 1.5, n + horizon),
        "normal": lambda: source.normal(size=n + horizon),
        "exponential": lambda: -source.exponential(size=n + horizon),  # the heaviest tail that the bound is made for
        "learning": lambda: source.random(n + horizon) / np.sqrt(1 + np.arange(n + horizon)),
    }
    for _ in range(1000):
        losses = shapes[shape]()
        most = gain_bound(list(losses[:n]), horizon)
        assert most is not None
        held += bool(max(0.0, losses[:n].min() - losses[n:].min()) <= most)
    assert held >= 875  # of 1000; 900 less 2.6 standard errors
