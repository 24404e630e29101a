"""What a study's state is worth a notice: its end, and that it has had no worker for ten minutes."""

import time
from dataclasses import dataclass, field

from search.notify.notice import Notice
from search.notify.notifier import Notifier
from search.study.snapshot import Snapshot
from search.views.facts import StudyFacts, gather_facts
from search.views.sentences import best_sentence, headline, tested
from search.views.status_view import finished
from storage import SharedStudy

SILENCE_S = 600.0
LOOK_S = 60.0


def search_notice(facts: StudyFacts, left_because: str = "") -> Notice | None:
    """The notice for a search that has come to its end, or whose launch ends before it: then `left_because` says why.
    None for one that goes on.
    """
    counts, over = facts.counts, facts.done or facts.stop_reason is not None
    if not (over or left_because):
        return None
    parts = [left_because if not over else "", f"It was stopped: {facts.stop_reason}." if facts.stop_reason else ""]
    parts += [headline(facts), *([best_sentence(facts, facts.best)] if facts.best else []), tested(facts)]
    parts += [f"{count} failed: {reason}" for reason, count in facts.failures.items()]
    failed = facts.best is None
    words = "failed" if failed else "ended" if over else "was left"
    return Notice(
        kind="failed" if failed else "ended",
        occasion=f"{counts.finished} of {counts.total}",
        title=f"{facts.name}: the search {words}, {counts.finished} of {counts.total} trials finished",
        text="\n".join(part for part in parts if part),
    )


def failure_notice(shared: SharedStudy, reason: str) -> Notice:
    """The notice for a study whose command fails."""
    counts = shared.ledger.counts()
    occasion = f"{counts.finished} of {counts.total}"
    return Notice("failed", occasion, f"{shared.name}: failed, {occasion} trials finished", reason)


def silence_notice(shared: SharedStudy, snapshot: Snapshot, watched_s: float) -> Notice | None:
    """The notice for a study with open trials on which no worker has been for ten minutes; `watched_s` is for how many
    seconds the caller has watched it, which counts where no worker has ever been. None for a study that is paused or
    stopped.
    """
    if snapshot.over or snapshot.stop_reason is not None or shared.queue.place().paused:
        return None
    workers = shared.workers.all()
    silent_s = min((worker.age_s for worker in workers), default=watched_s)
    if silent_s < SILENCE_S:
        return None
    last = max((worker.started_at for worker in workers), default=0.0)
    return Notice(
        kind="no worker",
        occasion=f"since {last:.0f}",
        title=f"{shared.name}: no worker for {silent_s / 60:.0f} minutes",
        text=f"{finished(snapshot)} are finished, and none of the rest is being trained.",
    )


@dataclass
class StudyWatch:
    """Looks at a study for a process that watches it, and sends what is worth a notice."""

    shared: SharedStudy
    notifier: Notifier
    _began: float = field(default_factory=time.monotonic)
    _looked_at: float = -LOOK_S

    def look(self, snapshot: Snapshot) -> None:
        """Call it with each snapshot: once a minute it looks for how long no worker has been there."""
        now = time.monotonic()
        if self.notifier.send is None or now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        self.notifier.tell(self.shared, silence_notice(self.shared, snapshot, now - self._began))

    def note_end(self) -> None:
        """Sends the notice of the study's end, if it is a search and has come to it."""
        if self.notifier.send is not None and self.shared.manifest.is_search:
            self.notifier.tell(self.shared, search_notice(gather_facts(self.shared)))
