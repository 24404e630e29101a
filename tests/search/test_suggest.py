"""The database goes away while a space is asked for a configuration: no trial's fault, and none fails for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from optuna.pruners import NopPruner
from sqlalchemy.engine import make_url

from search.study.trials import open_trial, suggest_configuration
from spaces import load_space
from spaces.configuration import Configuration
from spaces.errors import SpaceError
from spaces.space import Space, Trial
from storage import SharedStudy, create_study
from storage.errors import StorageGone, StorageUnreachable
from storage.records import Lease, SlotOrder
from storage.testkit import claimed, example_manifest

BN_DROPOUT = load_space("bn_dropout")
GONE = {"sqlite": StorageGone, "postgresql": StorageUnreachable}


@pytest.fixture
def shared(storage_url: str) -> Iterator[SharedStudy]:
    with create_study(storage_url, "s", example_manifest()) as study:
        yield study


@pytest.fixture
def take_away(shared: SharedStudy, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Moves the file of a SQLite database, with a directory in its place; closes a Postgres database."""
    database = str(make_url(str(shared.engine.url)).database)
    if shared.engine.dialect.name == "postgresql":
        return lambda: request.getfixturevalue("postgres_server").shut(database)

    def move() -> None:
        shared.engine.dispose()
        Path(database).rename(Path(database).with_suffix(".away"))
        Path(database).mkdir()

    return move


def leased_trial(shared: SharedStudy) -> tuple[Lease, int]:
    """A slot that has a trial without parameters."""
    shared.ledger.order_up_to(1, order_of=SlotOrder)
    lease = claimed(shared.ledger)
    return lease, open_trial(shared, BN_DROPOUT, lease)


def test_a_database_that_is_away_before_the_space_is_asked(shared: SharedStudy, take_away: Callable[[], None]) -> None:
    lease, number = leased_trial(shared)
    take_away()
    with pytest.raises(GONE[shared.engine.dialect.name]):
        suggest_configuration(shared, BN_DROPOUT, lease, number, NopPruner())


def test_a_database_that_goes_away_while_the_space_is_asked(shared: SharedStudy, take_away: Callable[[], None]) -> None:
    def suggest(trial: Trial) -> Configuration:
        take_away()
        return BN_DROPOUT.suggest(trial)

    lease, number = leased_trial(shared)
    with pytest.raises(GONE[shared.engine.dialect.name]):
        suggest_configuration(shared, Space(name="s", question="?", suggest=suggest), lease, number, NopPruner())


def test_a_mistake_in_the_space_is_the_space_s(shared: SharedStudy) -> None:
    def suggest(trial: Trial) -> Configuration:
        raise KeyError("activation")

    lease, number = leased_trial(shared)
    with pytest.raises(SpaceError, match="failed to suggest: KeyError: 'activation'"):
        suggest_configuration(shared, Space(name="s", question="?", suggest=suggest), lease, number, NopPruner())
