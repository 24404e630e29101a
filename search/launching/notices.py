"""The notice that a launch sends when it ends."""

import os

from search.host.ends import End
from search.launching.wording import ended_by, unfinished_line
from search.notify.notifier import notifier_of
from search.notify.study_notices import failure_notice, search_notice
from search.views.facts import StudyFacts
from storage import SharedStudy


def tell_of_end(shared: SharedStudy, facts: StudyFacts, end: End, timeout: float | None, seconds: float) -> None:
    """Sends SEARCH_NOTIFY the notice of the search's end, of its failure, or of its --timeout. `timeout` is that,
    `seconds` how long the launch took. A launch that a signal ended sends no notice: the user knows.
    """
    notifier = notifier_of(os.environ)
    if notifier.send is None:
        return
    timed_out = end is End.UNFINISHED and timeout is not None and seconds >= timeout
    if not facts.done and facts.stop_reason is None and end is not End.DONE and not end.leaves_work:
        notifier.tell(shared, failure_notice(shared, unfinished_line(end, timeout, seconds, facts.snapshot.open)))
    else:
        notifier.tell(shared, search_notice(facts, ended_by(end, timeout, seconds) if timed_out else ""))
