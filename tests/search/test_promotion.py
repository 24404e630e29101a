"""A search whose trials are paused and promoted: each is counted once, resumed where it was, and ended with a word."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from optuna.trial import TrialState

from search.errors import UsageError
from search.host.shutdown import Shutdown
from search.launching.asked_manifest import asked_pruner
from search.sampling.pruners import promotion_rule, rung_epochs
from search.status import main as status
from search.study.trial_attributes import TrialAttributes
from search.workers.attempt import attempt_slot
from search.workers.deferred_settlement import DeferredSettlement
from search.workers.paused import end_paused, next_lease
from spaces.validation import FIXED, parse_validation
from storage import SharedStudy
from storage.records import Lease
from tests.helpers.lab import Lab

EPOCHS = 5  # the rungs are after epochs 1 and 3
N_TRIALS = 9


def scripted(lab: Lab) -> SharedStudy:
    """A study whose trials keep the value that they begin with: a later one is better."""
    shared = lab.study(N_TRIALS, pruner="asha", epochs=EPOCHS)
    lab.acts = {slot: [{"scores": [(slot + 1) / 10] * EPOCHS}] * 4 for slot in range(N_TRIALS)}
    return shared


def test_every_trial_counts_once_and_the_best_are_trained_to_their_end(lab: Lab) -> None:
    shared = scripted(lab)
    lab.work()
    counts = shared.ledger.counts()
    assert (counts.finished, counts.total, counts.complete, counts.paused) == (N_TRIALS, N_TRIALS, 3, 0)
    states = [trial.state for trial in shared.study.get_trials()]
    assert states.count(TrialState.PRUNED) == N_TRIALS - 3
    pruned = [done for done in shared.ledger.outcomes() if done.outcome.state == "pruned"]
    assert {done.outcome.kind for done in pruned} == {"paused"}
    assert pruned[0].outcome.reason == "paused after 1 epoch; it was never among the best third"
    attributes = TrialAttributes.of(shared.trials.get(pruned[0].trial_number or 0).user_attrs)
    assert (attributes.outcome, attributes.paused_after, attributes.failure) == ("pruned", 1, None)
    assert not list(lab.files(shared).root.glob("*/slots/*/*")), "no checkpoint is left"


def test_a_resumed_trial_repeats_no_epoch(lab: Lab) -> None:
    shared = scripted(lab)
    lab.work()
    resumed = [slot for slot in shared.ledger.slots() if slot.token > 1]
    assert resumed
    for slot in resumed:
        epochs = [epoch for epoch in shared.ledger.all_epochs() if epoch.trial_number == slot.trial_number]
        tokens = [epoch.token for epoch in epochs]
        assert tokens == sorted(tokens)
        assert [epoch.scores.epoch for epoch in epochs] == list(range(1, len(epochs) + 1))
        assert TrialAttributes.of(shared.trials.get(slot.trial_number or 0).user_attrs).started_over is None


def test_one_worker_and_one_seed_give_the_same_trials_twice(tmp_path: Path) -> None:
    found = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        lab = Lab(f"sqlite:///{tmp_path / name / 'search.db'}", tmp_path / name)
        shared = scripted(lab)
        lab.work()
        found.append([(slot.trial_number, slot.outcome, slot.token) for slot in shared.ledger.slots()])
        lab.close()
    assert found[0] == found[1]


def test_a_paused_trial_runs_for_other_programs_and_is_judged_for_samplers(lab: Lab) -> None:
    shared = pause_first(lab)
    assert shared.study.get_trials()[0].state is TrialState.RUNNING
    assert shared.study.get_trials()[0].user_attrs["paused_after"] == 1
    seen = shared.trials.history.trials()[0]
    assert (seen.state, seen.intermediate_values) == (TrialState.PRUNED, {1: 0.1})
    shared.study.tell(0, state=TrialState.FAIL)
    assert shared.trials.history.trials()[0].state is TrialState.FAIL, "it wasn't taken for finished"
    shown = CliRunner().invoke(status, ["--storage", lab.url, "--study-name", shared.name])
    assert "1 paused" in shown.output


def test_a_lost_checkpoint_is_begun_again_and_counted(lab: Lab) -> None:
    shared = pause_first(lab)
    lab.files(shared).clear_slot(0)
    lab.work()
    assert shared.ledger.counts().complete == 2
    assert shared.study.get_trials()[0].user_attrs["started_over"] == 1


def test_a_stopped_search_prunes_what_is_paused(lab: Lab) -> None:
    shared = pause_first(lab)
    shared.ledger.stop("enough")
    assert end_paused(shared, lab.files(shared)) == 1
    assert shared.study.get_trials()[0].state is TrialState.PRUNED
    assert not list(lab.files(shared).root.glob("*/slots/*/*"))


def pause_first(lab: Lab) -> SharedStudy:
    """A study of two trials, the first of which was paused."""
    shared = lab.study(2, pruner="asha", epochs=EPOCHS)
    lab.acts = {0: [{"scores": [0.1] * EPOCHS}] * 3}
    context = lab.context()
    lease = next_lease(context)
    assert isinstance(lease, Lease)
    assert attempt_slot(context, lease, Shutdown(), DeferredSettlement()) == "done"
    assert shared.ledger.counts().paused == 1
    return shared


@pytest.mark.parametrize(("epochs", "rungs"), [(1, ()), (2, (1,)), (5, (1, 3)), (10, (2, 6)), (12, (2, 6))])
def test_rungs_are_after_a_fifth_of_the_epochs_and_at_multiples_by_three(epochs: int, rungs: tuple[int, ...]) -> None:
    assert rung_epochs(epochs) == rungs


def test_trials_of_folds_are_ended_and_not_paused() -> None:
    folds = parse_validation("folds:3")
    assert asked_pruner(None, None, folds) == "asha-stop"
    assert asked_pruner(None, None, FIXED) == "asha"
    with pytest.raises(UsageError, match="give --pruner asha-stop"):
        asked_pruner("asha", None, folds)


def test_only_promotion_has_a_rule(lab: Lab) -> None:
    assert promotion_rule(lab.study(1, pruner="asha-stop").manifest) is None
