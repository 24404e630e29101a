"""Whether a search is to end with an answer that its workers give, as no launch waits for its end."""

from search.study.race_answer import stored_answer
from storage import SharedStudy

DUE_ATTR = "answer_due"


def leave_answer_to_workers(shared: SharedStudy, share: float | None) -> None:
    """Has the worker that ends the search race its best trials, on this share of the epochs; None: no worker does."""
    if shared.study.user_attrs.get(DUE_ATTR) != share:
        shared.study.set_user_attr(DUE_ATTR, share)


def is_left_to_workers(shared: SharedStudy) -> bool:
    """Whether workers are to give the answer when the search is done."""
    return shared.study.user_attrs.get(DUE_ATTR) is not None


def due_share(shared: SharedStudy) -> float | None:
    """The share of the epochs for an answer that workers are to give now; None if none is due: the search isn't done
    or was stopped, has its answer, or is to have none from them.
    """
    share = shared.study.user_attrs.get(DUE_ATTR)
    if not isinstance(share, float | int) or not shared.manifest.is_search:
        return None
    counts, answer = shared.ledger.counts(), stored_answer(shared)
    done = counts.total > 0 and counts.finished == counts.total and shared.ledger.stop_reason() is None
    answered = answer is not None and not answer.trials_since(counts.finished)
    return float(share) if done and not answered else None
