"""The trials as samplers look at them are those that Optuna reads, however the study came to what it is."""

import math
from collections.abc import Iterator
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

import storage.history
from storage.engine import opened
from storage.epoch_report import TrialScore
from storage.history import TrialHistory
from storage.records import SlotOrder
from storage.rungs import Rungs
from storage.study import SharedStudy, create_study
from storage.testkit import COMPLETE, LEASE_S, claimed, example_epoch, example_manifest
from storage.trial_rows import Parameter
from storage.url import parse

TABLES = ("trial_params", "trial_system_attributes", "trial_values", "trial_intermediate_values")
DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "optimizer": CategoricalDistribution(["sgd", "adam", None]),
    "learning_rate": FloatDistribution(1e-4, 1.0, log=True),
    "filters": IntDistribution(8, 64, step=8),
}
PARAMETERS = {
    "optimizer": st.sampled_from([0, 1, 2]),
    "learning_rate": st.floats(1e-4, 1.0),
    "filters": st.sampled_from([8, 32, 64]),
}
SCORES = st.sampled_from([0.5, 0.25, math.inf, -math.inf])
ENDED = st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])


def seen(trial: FrozenTrial) -> dict[str, Any]:
    """What samplers and pruners look at."""
    ended = trial.state.is_finished()
    return {
        "number": trial.number,
        "state": trial.state,
        "params": trial.params,
        "distributions": trial.distributions,
        "system_attrs": trial.system_attrs,
        "values": trial.values if ended else None,
        "curve": {step: repr(value) for step, value in trial.intermediate_values.items()} if ended else {},
    }


class StudyMachine(RuleBasedStateMachine):
    """A study to which programs do this and that, and one history that looks at it all the while."""

    def __init__(self, rdb: RDBStorage) -> None:
        super().__init__()
        self.rdb = rdb
        self.open: list[int] = []

    @initialize()
    def a_new_study(self) -> None:
        self.study = optuna.create_study(storage=self.rdb, direction="maximize")
        self.study_id = self.rdb.get_study_id_from_name(self.study.study_name)
        self.history = TrialHistory(self.rdb.engine, self.study_id)

    @rule(state=ENDED, value=SCORES, curve=st.dictionaries(st.integers(1, 4), SCORES | st.just(math.nan)))
    def add_ended(self, state: TrialState, value: float, curve: dict[int, float]) -> None:
        scored = None if state is TrialState.FAIL else value
        self.study.add_trial(
            create_trial(state=state, value=scored, intermediate_values=curve, system_attrs={"a": [1]})
        )

    @rule(waiting=st.booleans())
    def begin(self, waiting: bool) -> None:
        state = TrialState.WAITING if waiting else TrialState.RUNNING
        template = create_trial(state=state, user_attrs={"slot": len(self.open)})
        self.open.append(self.rdb.create_new_trial(self.study_id, template))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), name=st.sampled_from(sorted(DISTRIBUTIONS)))
    def draw(self, data: st.DataObject, name: str) -> None:
        value = data.draw(PARAMETERS[name])
        self.rdb.set_trial_param(self.one_of_the_open(data), name, value, DISTRIBUTIONS[name])

    @precondition(lambda self: self.open)
    @rule(data=st.data(), epoch=st.integers(1, 3), score=SCORES | st.just(math.nan))
    def report(self, data: st.DataObject, epoch: int, score: float) -> None:
        self.rdb.set_trial_intermediate_value(self.one_of_the_open(data), epoch, score)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), name=st.sampled_from(["rung", "tpe"]))
    def note(self, data: st.DataObject, name: str) -> None:
        self.rdb.set_trial_system_attr(self.one_of_the_open(data), name, {"of": [1, "ä"]})

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        self.rdb.set_trial_state_values(self.one_of_the_open(data), TrialState.RUNNING)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), state=ENDED, value=SCORES)
    def end(self, data: st.DataObject, state: TrialState, value: float) -> None:
        trial_id = self.one_of_the_open(data)
        self.rdb.set_trial_state_values(trial_id, state, None if state is TrialState.FAIL else [value])
        self.open.remove(trial_id)

    @precondition(lambda self: hasattr(self, "history"))
    @invariant()
    def the_history_is_what_optuna_reads(self) -> None:
        read = self.rdb.get_all_trials(self.study_id)
        assert [seen(trial) for trial in self.history.trials()] == [seen(trial) for trial in read]

    def one_of_the_open(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(self.open), "trial")


@pytest.fixture
def rdb(storage_url: str) -> Iterator[RDBStorage]:
    with opened(parse(storage_url), create=True) as storage:
        pass
    yield storage
    storage.engine.dispose()


@pytest.fixture
def shared(storage_url: str) -> Iterator[SharedStudy]:
    with create_study(storage_url, "s", example_manifest()) as shared:
        yield shared


def test_the_history_is_what_optuna_reads(rdb: RDBStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.history, "AT_ONCE", 2)  # several queries even for few trials

    class OnThisStorage(StudyMachine):
        def __init__(self) -> None:
            super().__init__(rdb)

    run(
        OnThisStorage,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )


def test_a_trial_that_has_ended_is_read_once(shared: SharedStudy) -> None:
    shared.study.add_trials([create_trial(value=0.5, intermediate_values={1: 0.5}) for _ in range(3)])
    first = shared.trials.history.trials()
    running = shared.study.ask()
    asked: list[tuple[Any, ...]] = []
    sa.event.listen(shared.engine, "before_cursor_execute", lambda *sent: asked.append(sent))
    second = shared.trials.history.trials()
    assert [trial.number for trial in second] == [0, 1, 2, running.number]
    assert all(before is after for before, after in zip(first, second, strict=False))
    assert len(asked) <= 4  # a transaction's begin, the trials, and two for what belongs to the one that is running


def test_trials_of_another_study_are_not_seen(shared: SharedStudy, storage_url: str) -> None:
    with create_study(storage_url, "other", example_manifest()) as other:
        other.study.ask()
        shared.study.ask()
        other.study.add_trial(create_trial(value=0.5))
        assert [len(study.trials.history.trials()) for study in (shared, other)] == [1, 2]


def test_a_running_trial_that_is_removed_is_forgotten(shared: SharedStudy) -> None:
    shared.study.ask()
    assert len(shared.trials.history.trials()) == 1
    with shared.engine.begin() as connection:
        for table in ("trial_params", "trial_system_attributes", "trials"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    assert shared.trials.history.trials() == []


def test_a_look_that_fails_leaves_the_history_as_it_was(shared: SharedStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    running = shared.study.ask()
    shared.trials.history.trials()
    shared.study.tell(running, 0.5)
    with monkeypatch.context() as patched:
        patched.setattr(storage.history, "rows_of", fail)
        with pytest.raises(RuntimeError):
            shared.trials.history.trials()
    assert [seen(trial) for trial in shared.trials.history.trials()] == [seen(trial) for trial in shared.study.trials]


def fail(*_: object) -> None:
    raise RuntimeError


def test_what_cannot_have_changed_is_read_once(storage_url: str) -> None:
    rung, kind = Rungs((1, 3), "maximize"), FloatDistribution(0.0, 1.0)
    with create_study(storage_url, "demo", example_manifest()) as shared:
        shared.ledger.order_up_to(9, SlotOrder)
        history, sent = TrialHistory(shared.engine, shared.study_id), list[str]()

        def tables_read() -> str:
            """The tables that a look at the study reads; it finds what one finds that remembers nothing."""
            sent.clear()
            found = history.trials()
            read = " ".join(sorted({table for text in sent for table in TABLES if table in text}))
            fresh = TrialHistory(shared.engine, shared.study_id).trials()
            assert [seen(trial) for trial in found] == [seen(trial) for trial in fresh]
            return read

        leases = [claimed(shared.ledger, f"worker-{number}") for number in range(3)]
        for lease in leases:
            number = shared.trials.fenced.create(lease, lambda _: create_trial(state=TrialState.RUNNING))
            shared.trials.fenced.set_params(lease, number, [Parameter("rate", lease.slot / 10, kind)], {})
            score = TrialScore(shared.trials.ids[number], lease.slot / 10)
            shared.ledger.record_epoch(lease, example_epoch(1), score)
        sa.event.listen(shared.engine, "before_cursor_execute", lambda *event: sent.append(event[2]))
        assert tables_read() == "trial_params trial_system_attributes"
        assert tables_read() == "trial_system_attributes", "they run"
        assert [shared.promotion.advance(lease, rung, 1, 0.1 - lease.slot / 100) for lease in leases] == [False] * 3
        assert "trial_intermediate_values" in tables_read(), "they are paused now"
        assert tables_read() == "", "and no worker has them"
        resumed = shared.promotion.resume("worker", LEASE_S, rung)
        assert resumed is not None
        assert tables_read() == "trial_params trial_system_attributes", "one goes on"
        shared.trials.storage.set_trial_system_attr(shared.trials.ids[0], "note", 1)
        shared.ledger.finish(resumed, COMPLETE)
        shared.study.tell(0, 0.9)
        assert "trial_values" in tables_read()
        assert tables_read() == ""


def test_a_single_trial_is_the_callers_own(storage_url: str) -> None:
    with create_study(storage_url, "demo", example_manifest()) as shared:
        shared.study.add_trial(create_trial(state=TrialState.RUNNING, system_attrs={"note": 1}))
        history = TrialHistory(shared.engine, shared.study_id)
        (before,) = history.trials()
        own = history.one(shared.trials.ids[0])
        own.params["rate"] = 0.5
        shared.trials.storage.set_trial_intermediate_value(shared.trials.ids[0], 1, 0.25)
        assert history.one(shared.trials.ids[0], with_curve=True).intermediate_values == {1: 0.25}
        assert (own.system_attrs, before.params) == ({"note": 1}, {})
        with pytest.raises(KeyError, match="no trial of the id"):
            history.one(10_000)
