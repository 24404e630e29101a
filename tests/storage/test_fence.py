"""Optuna's writes under a lease: done as one with the check that it is held, or not at all."""

from collections.abc import Iterator

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from storage.errors import LeaseLost, StorageUnreachable
from storage.records import Lease, SlotOrder
from storage.study import SharedStudy, create_study
from storage.testkit import claimed, example_manifest, expire, plain_client
from storage.trial_rows import Parameter
from tests.helpers.outages import broken_at

TEMPLATE = create_trial(state=TrialState.RUNNING, user_attrs={"slot": 0})


def template(_lease: Lease) -> FrozenTrial:
    return TEMPLATE


PARAMETERS = [
    Parameter("optimizer", 1, CategoricalDistribution(["sgd", "adam"])),
    Parameter("learning_rate", 0.01, FloatDistribution(1e-4, 1.0, log=True)),
]


@pytest.fixture
def study(storage_url: str) -> Iterator[SharedStudy]:
    with create_study(storage_url, "demo", example_manifest()) as shared:
        shared.ledger.order_up_to(2, order_of=SlotOrder)
        yield shared


def trials_of(study: SharedStudy) -> list[dict[str, object]]:
    """The parameters of each trial, as any program sees them."""
    with plain_client(study.engine.url.render_as_string(hide_password=False)) as storage:
        study_id = storage.get_study_id_from_name(study.name)
        return [trial.params for trial in storage.get_all_trials(study_id)]


def test_a_trial_is_made_and_bound_at_once(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    number = study.trials.fenced.create(lease, template)
    assert study.ledger.slots()[lease.slot].trial_number == number == 0
    assert study.study.get_trials()[0].user_attrs == {"slot": 0}


def test_a_slot_that_has_a_trial_gets_no_other(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    assert study.trials.fenced.create(lease, template) == study.trials.fenced.create(lease, template)
    assert len(trials_of(study)) == 1


def test_a_stale_worker_makes_no_trial(study: SharedStudy) -> None:
    stale = claimed(study.ledger, "stale")
    expire(study, stale.slot)
    claimed(study.ledger, "fresh")
    with pytest.raises(LeaseLost):
        study.trials.fenced.create(stale, template)
    assert trials_of(study) == []


def test_a_trial_that_could_not_be_bound_is_not_there(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    with broken_at("UPDATE search_slots SET trial_number"), pytest.raises(StorageUnreachable):
        study.trials.fenced.create(lease, template)
    assert trials_of(study) == []


def test_a_connection_that_breaks_while_optuna_writes_leaves_nothing(
    study: SharedStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # Optuna's pause before it tries again
    lease = claimed(study.ledger)
    with broken_at("INSERT INTO trials"), pytest.raises(StorageUnreachable):
        study.trials.fenced.create(lease, template)
    assert trials_of(study) == []


def test_the_parameters_of_a_trial_are_written_together(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    number = study.trials.fenced.create(lease, template)
    study.trials.fenced.set_params(lease, number, PARAMETERS, {"generation": 2})
    assert trials_of(study) == [{"optimizer": "adam", "learning_rate": 0.01}]
    assert study.study.trials[0].system_attrs == {"generation": 2}


def test_of_parameters_that_break_off_in_the_middle_none_is_written(study: SharedStudy) -> None:
    lease = claimed(study.ledger)
    number = study.trials.fenced.create(lease, template)
    study.trials.fenced.set_params(lease, number, [], {})
    with pytest.raises(ValueError, match="dynamic value space"):
        study.trials.fenced.set_params(
            lease, number, [*PARAMETERS, Parameter("optimizer", 0, CategoricalDistribution(["other"]))], {}
        )
    assert trials_of(study) == [{}]


def test_a_stale_worker_sets_no_parameters(study: SharedStudy) -> None:
    stale = claimed(study.ledger, "stale")
    number = study.trials.fenced.create(stale, template)
    expire(study, stale.slot)
    claimed(study.ledger, "fresh")
    with pytest.raises(LeaseLost):
        study.trials.fenced.set_params(stale, number, PARAMETERS, {})
    assert trials_of(study) == [{}]


def test_after_a_fenced_write_optuna_works_as_before(study: SharedStudy) -> None:
    study.trials.fenced.create(claimed(study.ledger), template)
    study.study.tell(0, 0.5)
    assert study.study.best_value == 0.5
    assert isinstance(study.study.ask().number, int)
