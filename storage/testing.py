"""What every storage backend must do, as tests to inherit.

class TestMyBackend(StorageContract):
    @pytest.fixture
    def storage_url(self) -> str: ...        # an empty database
"""

from collections.abc import Iterator

import optuna
import pytest
import sqlalchemy as sa

from storage.errors import LeaseLost, ManifestMismatch, StudyNotFound
from storage.ledger import Ledger
from storage.records import SlotCounts, SlotOrder, WorkerInfo
from storage.study import SharedStudy, create_study, open_study, study_names
from storage.tables import database_now
from storage.testing_identity import IdentityContract
from storage.testing_ledger import LedgerContract
from storage.testing_promotion import PromotionContract
from storage.testkit import LEASE_S, claimed, example_manifest, plain_client
from storage.transaction import reading


class StorageContract(IdentityContract, LedgerContract, PromotionContract):
    """The tests of a backend. They ask for a fixture `storage_url`: the URL of a database without studies."""

    @pytest.fixture
    def study(self, storage_url: str) -> Iterator[SharedStudy]:
        with create_study(storage_url, "demo", example_manifest()) as study:
            yield study

    @pytest.fixture
    def ledger(self, study: SharedStudy) -> Ledger:
        study.ledger.order_up_to(3, order_of=lambda number: SlotOrder(100 + number))
        return study.ledger

    # the study

    def test_the_objective_has_its_name(self, study: SharedStudy) -> None:
        assert study.study.metric_names == [study.manifest.objective]

    def test_a_study_is_made_once_and_then_joined(self, study: SharedStudy, storage_url: str) -> None:
        with create_study(storage_url, "demo", example_manifest(command="typed again")) as again:
            assert (study.created, again.created) == (True, False)
            assert again.manifest == study.manifest

    @pytest.mark.usefixtures("study")
    def test_opening_a_study_gives_its_manifest(self, storage_url: str) -> None:
        with open_study(storage_url, "demo") as opened:
            assert opened.manifest == example_manifest()

    @pytest.mark.usefixtures("study")
    def test_a_study_with_other_settings_is_not_joined(self, storage_url: str) -> None:
        with pytest.raises(ManifestMismatch) as caught:
            create_study(storage_url, "demo", example_manifest(dataset="mnist", epochs=9))
        assert "--dataset: the study has digits, asked for was mnist" in str(caught.value)
        assert "--epochs: the study has 5, asked for was 9" in str(caught.value)

    @pytest.mark.usefixtures("study")
    def test_a_missing_study_names_those_that_there_are(self, storage_url: str) -> None:
        with pytest.raises(StudyNotFound, match="there are: demo; did you mean 'demo'"):
            open_study(storage_url, "dem")

    def test_the_study_optimizes_in_the_direction_of_its_manifest(self, storage_url: str) -> None:
        manifest = example_manifest(objective="val_loss", direction="minimize")
        with create_study(storage_url, "losses", manifest) as study:
            assert study.study.direction == optuna.study.StudyDirection.MINIMIZE

    def test_plain_optuna_reads_the_study(self, study: SharedStudy, storage_url: str) -> None:
        trial = study.study.ask()
        trial.report(0.5, 1)
        study.study.tell(trial.number, 0.5)
        with plain_client(storage_url) as plain:
            found = optuna.load_study(study_name="demo", storage=plain).trials
            assert [trial.intermediate_values for trial in found] == [{1: 0.5}]

    def test_a_trial_goes_on_with_the_parameters_it_has(self, study: SharedStudy, storage_url: str) -> None:
        first = study.study.ask()
        rate = first.suggest_float("rate", 0.0, 1.0)
        with open_study(storage_url, "demo") as elsewhere:
            assert elsewhere.trials.resume(first.number).suggest_float("rate", 0.0, 1.0) == rate

    def test_a_study_deleted_by_a_plain_client_leaves_nothing_to_its_successor(
        self, study: SharedStudy, ledger: Ledger, storage_url: str
    ) -> None:
        ledger.stop("enough")
        study.workers.register(WorkerInfo("worker", "host", 1))
        with plain_client(storage_url) as plain:
            optuna.delete_study(study_name="demo", storage=plain)
            optuna.create_study(study_name="demo", storage=plain, direction="maximize")
        assert study_names(storage_url) == []
        with create_study(storage_url, "demo", example_manifest(seed=2)) as successor:
            assert successor.manifest.seed == 2
            assert (successor.ledger.counts(), successor.ledger.stop_reason()) == (SlotCounts(), None)
            assert successor.workers.all() == []

    def test_a_worker_of_a_deleted_study_is_told(self, study: SharedStudy, ledger: Ledger) -> None:
        lease = claimed(ledger)

        optuna.delete_study(study_name="demo", storage=study.trials.storage)
        with pytest.raises(LeaseLost, match="deleted"):
            ledger.renew(lease, LEASE_S)
        with pytest.raises(StudyNotFound, match="deleted"):
            ledger.claim("worker", LEASE_S)
        with pytest.raises(StudyNotFound, match="deleted"):
            study.workers.register(WorkerInfo("worker", "host", 1))

    # workers

    def test_a_worker_is_seen_until_it_leaves(self, study: SharedStudy) -> None:
        info = WorkerInfo("worker-1", "host", 42, "GPU 0", {"keras": "3.15"})
        study.workers.register(info)
        study.workers.beat("worker-1", doing="training", slot=3)
        study.workers.beat("worker-1")
        (row,) = study.workers.all()
        assert (row.info, row.state, row.left) == (info, {"doing": "training", "slot": 3}, None)
        assert row.age_s >= 0
        study.workers.leave("worker-1", "the search is complete")
        assert study.workers.all()[0].left == "the search is complete"

    def test_a_worker_that_comes_again_starts_again(self, study: SharedStudy) -> None:
        for pid in (1, 2):
            study.workers.register(WorkerInfo("worker", "host", pid))
            study.workers.leave("worker", "stopped")
        study.workers.register(WorkerInfo("worker", "host", 3))
        assert [(row.info.pid, row.left) for row in study.workers.all()] == [(3, None)]

    def test_the_clock_of_the_database_moves_on(self, study: SharedStudy) -> None:
        times: list[float] = []
        for _ in range(2):
            with reading(study.engine) as connection:
                times.append(connection.execute(sa.select(database_now())).scalar_one())
        assert 1.7e9 < times[0] <= times[1]
