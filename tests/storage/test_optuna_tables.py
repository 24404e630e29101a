"""What this package writes into Optuna's tables is what Optuna itself would have written."""

import json
import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState, create_trial

import storage.optuna_tables as tables
from storage.epoch_report import TrialScore
from storage.records import Lease, SlotOrder
from storage.study import SharedStudy, create_study
from storage.testkit import (
    COMPLETE,
    LEASE_S,
    claimed,
    example_epoch,
    example_manifest,
    expire,
    leases_left_s,
    order_all,
)
from storage.trial_rows import Parameter

KINDS: dict[str, BaseDistribution] = {
    "optimizer": CategoricalDistribution(["sgd", "adam"]),
    "learning_rate": FloatDistribution(1e-4, 1.0, log=True),
    "filters": IntDistribution(8, 64, step=8),
}
TEMPLATE = create_trial(
    state=TrialState.RUNNING,
    params={"optimizer": "adam", "learning_rate": 0.01, "filters": 16},
    distributions=KINDS,
    user_attrs={"slot": 0, "words": "ä", "many": [1, None]},
)
COLUMNS = {
    "trials": {"trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"},
    "trial_params": {"param_id", "trial_id", "param_name", "param_value", "distribution_json"},
    "trial_values": {"trial_value_id", "trial_id", "objective", "value", "value_type"},
    "trial_user_attributes": {"trial_user_attribute_id", "trial_id", "key", "value_json"},
    "trial_system_attributes": {"trial_system_attribute_id", "trial_id", "key", "value_json"},
    "trial_intermediate_values": {
        "trial_intermediate_value_id",
        "trial_id",
        "step",
        "intermediate_value",
        "intermediate_value_type",
    },
}


@pytest.fixture
def study(storage_url: str) -> Iterator[SharedStudy]:
    with create_study(storage_url, "demo", example_manifest()) as shared:
        order_all(shared.ledger, [SlotOrder(seed=number) for number in range(3)])
        yield shared


def template_of(_lease: Lease) -> FrozenTrial:
    return TEMPLATE


def rows(study: SharedStudy, number: int) -> dict[str, list[dict[str, Any]]]:
    """All that the database has of a trial, but for ids and its number."""
    trial_id = study.trials.ids[number]
    with study.engine.connect() as connection:
        found = {
            name: connection.execute(sa.text(f"SELECT * FROM {name} WHERE trial_id = {trial_id}")).mappings().all()
            for name in COLUMNS
        }
    own = {"trial_id", "number", *(f"{name[:-1]}_id" for name in COLUMNS), "param_id", "trial_value_id"}
    return {
        name: sorted(({key: value for key, value in row.items() if key not in own} for row in found[name]), key=repr)
        for name in COLUMNS
    }


def test_the_tables_have_the_columns_that_are_written(study: SharedStudy) -> None:
    inspector = sa.inspect(study.engine)
    found = {name: {column["name"] for column in inspector.get_columns(name)} for name in COLUMNS}
    assert found == COLUMNS
    ours = (tables.trials, tables.params, tables.values, tables.intermediate_values, tables.user_attributes)
    assert all(set(table.c.keys()) <= COLUMNS[table.name] for table in (*ours, tables.system_attributes))


def test_a_trial_is_what_optuna_would_have_made_of_its_template(study: SharedStudy) -> None:
    number = study.trials.fenced.create(claimed(study.ledger), template_of)
    study.study.add_trial(TEMPLATE)
    assert rows(study, number) == rows(study, number + 1)
    ours, optunas = study.study.get_trials()
    assert (ours.number, optunas.number) == (0, 1)
    assert (ours.params, ours.distributions, ours.user_attrs) == (optunas.params, KINDS, TEMPLATE.user_attrs)
    assert isinstance(ours.datetime_start, datetime)
    assert ours.datetime_start == optunas.datetime_start == TEMPLATE.datetime_start


def test_parameters_and_attributes_are_what_optuna_would_have_set(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    ours = study.trials.fenced.create(lease, lambda _: create_trial(state=TrialState.RUNNING))
    parameters = [
        Parameter("learning_rate", 0.5, KINDS["learning_rate"]),
        Parameter("optimizer", 0, KINDS["optimizer"]),
    ]
    study.trials.fenced.set_params(lease, ours, parameters, {"rung": [0.5]}, {"note": {"of": "ä"}})
    study.study.add_trial(create_trial(state=TrialState.RUNNING))
    trial_id = study.trials.ids[ours + 1]
    for parameter in parameters:
        study.trials.storage.set_trial_param(trial_id, *parameter)
    study.trials.storage.set_trial_system_attr(trial_id, "rung", [0.5])
    study.trials.storage.set_trial_user_attr(trial_id, "note", {"of": "ä"})
    found = [rows(study, number) | {"trials": []} for number in (ours, ours + 1)]
    assert found[0] == found[1]
    assert json.loads(found[0]["trial_system_attributes"][0]["value_json"]) == [0.5]


def test_a_finished_trial_is_not_changed(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    number = study.trials.fenced.create(lease, template_of)
    study.study.tell(number, 0.5)
    before = rows(study, number)
    with pytest.raises(UpdateFinishedTrialError):
        study.trials.fenced.set_params(lease, number, [], {"rung": 1})
    with pytest.raises(UpdateFinishedTrialError):
        study.trials.fenced.annotate(number, {"note": 1})
    assert rows(study, number) == before


def test_trials_of_other_programs_count(study: SharedStudy) -> None:
    """Optuna numbers a trial by those before it, and so does this package."""
    study.study.ask()
    assert study.trials.fenced.create(claimed(study.ledger), template_of) == 1
    assert study.study.ask().number == 2


def test_a_worker_that_makes_trials_for_others_makes_them_for_all_that_have_none(study: SharedStudy) -> None:
    leases = [claimed(study.ledger, f"worker-{number}") for number in range(3)]

    def make(connection: Any, own: Lease, others: Any) -> dict[int, int]:
        assert [(other.slot, other.token, other.worker_id) for other in others] == [
            (0, 1, "worker-0"),
            (2, 1, "worker-2"),
        ]
        return {own.slot: 5} | {other.slot: 6 + other.slot for other in others}

    assert study.ledger.bind(leases[1], make, with_others=True) == 5
    assert [slot.trial_number for slot in study.ledger.slots()] == [6, 5, 8]
    assert study.ledger.bind(leases[2], lambda *_: pytest.fail("it has its trial"), with_others=True) == 8


def test_a_worker_that_waits_for_its_trial_can_renew_its_lease(study: SharedStudy) -> None:
    """Another program holds the study's numbers: Postgres alone can have two writers."""
    if study.engine.dialect.name != "postgresql":
        pytest.skip("a SQLite file has one writer at a time")
    lease = claimed(study.ledger)
    with study.engine.begin() as connection:
        connection.execute(sa.text(f"SELECT 1 FROM studies WHERE study_id = {study.study_id} FOR UPDATE"))
        assert study.ledger.bind(lease, lambda *_: pytest.fail("the numbers are locked")) is None
        study.ledger.renew(lease, 60.0)
    assert study.trials.fenced.create(lease, template_of) == 0


@pytest.mark.parametrize("value", [0.5, math.inf, -math.inf, math.nan])
def test_a_report_is_what_optuna_would_have_stored(study: SharedStudy, value: float) -> None:
    lease = claimed(study.ledger)
    ours = study.trials.fenced.create(lease, lambda _: create_trial(state=TrialState.RUNNING))
    score = TrialScore(study.trials.ids[ours], value)
    assert [study.ledger.record_epoch(lease, example_epoch(2), score) for _ in range(2)] == [True, False]
    study.study.add_trial(create_trial(state=TrialState.RUNNING))
    study.trials.storage.set_trial_intermediate_value(study.trials.ids[ours + 1], 2, value)
    assert rows(study, ours)["trial_intermediate_values"] == rows(study, ours + 1)["trial_intermediate_values"]


def test_a_report_renews_the_lease_and_leaves_a_finished_trial_alone(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    number = study.trials.fenced.create(lease, template_of)
    study.study.tell(number, 0.5)
    expire(study, lease.slot)
    assert study.ledger.record_epoch(lease, example_epoch(1), TrialScore(study.trials.ids[number], 0.25))
    assert leases_left_s(study.engine, study.study_id)[lease.slot] > LEASE_S / 2
    assert study.study.trials[number].intermediate_values == {}
    assert len(study.ledger.epochs(number)) == 1


def test_a_report_is_one_statement(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    score = TrialScore(study.trials.ids[study.trials.fenced.create(lease, template_of)], 0.5)
    sent: list[str] = []
    sa.event.listen(study.engine, "before_cursor_execute", lambda _connection, _cursor, text, *_: sent.append(text))
    study.ledger.record_epoch(lease, example_epoch(1), score)
    assert len(sent) == (1 if study.engine.dialect.name == "postgresql" else 6)


@pytest.mark.parametrize("last", [None, 0.25, math.inf, math.nan])
@pytest.mark.parametrize(
    ("state", "value"), [(TrialState.COMPLETE, 0.5), (TrialState.PRUNED, None), (TrialState.FAIL, None)]
)
def test_the_end_of_a_trial_is_what_optuna_would_have_told(
    study: SharedStudy, state: TrialState, value: float | None, last: float | None
) -> None:
    ours = study.trials.fenced.create(claimed(study.ledger), template_of)
    study.study.add_trial(TEMPLATE)
    for number in (ours, ours + 1):
        study.trials.storage.set_trial_intermediate_value(study.trials.ids[number], 1, 0.75)
        if last is not None:
            study.trials.storage.set_trial_intermediate_value(study.trials.ids[number], 2, last)
    study.trials.fenced.end(ours, state, value, {"outcome": "x"})
    study.trials.storage.set_trial_user_attr(study.trials.ids[ours + 1], "outcome", "x")
    study.study.tell(ours + 1, value, state=state)
    ended = [rows(study, number) for number in (ours, ours + 1)]
    times = [datetime.fromisoformat(str(found["trials"][0].pop("datetime_complete"))) for found in ended]
    assert ended[0] == ended[1]
    assert abs((times[1] - times[0]).total_seconds()) < 60.0
    with pytest.raises(UpdateFinishedTrialError):
        study.trials.fenced.end(ours, TrialState.COMPLETE, 1.0, {"outcome": "y"})


def test_attributes_and_a_result_are_one_statement_each(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    number = study.trials.fenced.create(lease, template_of)
    assert study.trials.ids[number]
    sent: list[str] = []
    sa.event.listen(study.engine, "before_cursor_execute", lambda _connection, _cursor, text, *_: sent.append(text))
    study.trials.fenced.annotate(number, {"words": "an ä, \\ and \u0000", "many": [1, {"2": None}]})
    study.ledger.finish(lease, COMPLETE)
    assert len(sent) == (2 if study.engine.dialect.name == "postgresql" else 6)
    attributes = study.study.get_trials()[0].user_attrs
    assert (attributes["words"], attributes["many"], attributes["slot"]) == ("an ä, \\ and \u0000", [1, {"2": None}], 0)
