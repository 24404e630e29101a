"""Paused trials, from a worker's side: which slot is next, and the end of those that aren't resumed."""

from search.sampling.pruners import promotion_rule
from search.study.folders import StudyFolder
from search.workers.checkpoint_mirror import open_mirror
from search.workers.context import WorkerContext
from search.workers.settle import settle
from storage import SharedStudy
from storage.records import Lease, Unclaimed


def next_lease(context: WorkerContext) -> Lease | Unclaimed:
    """A lease on the slot that is next: a paused one that is to go on, else a new one; or why there is none now.

    Raises:
        StudyNotFound: the study was deleted.
    """
    shared, rule = context.shared, promotion_rule(context.shared.manifest)
    lease_s = shared.manifest.lease_s
    resumed = None if rule is None else shared.promotion.resume(context.worker_id, lease_s, rule)
    return resumed or shared.ledger.try_claim(context.worker_id, lease_s)


def end_paused(shared: SharedStudy, folder: StudyFolder) -> int:
    """Ends the trials that stay paused as pruned, and removes their checkpoints, if nothing is left to do or the study
    is stopped; returns how many.
    """
    rule = promotion_rule(shared.manifest)
    closed = [] if rule is None else shared.promotion.close(rule)
    mirror = open_mirror(folder) if closed else None
    for finished in closed:
        settle(shared, folder, finished)
        if mirror is not None:
            mirror.remove(finished.slot, finished.token)
    return len(closed)
