"""The answer with which a launch ends: a race of the search's best trials, if the epochs are enough for one."""

from collections.abc import Callable
from dataclasses import replace

from search.design.options import AnswerOptions
from search.design.plan import ComparisonPlan
from search.design.racing import plan_of
from search.design.running import Dependencies, Runner, carry_out
from search.errors import SearchFailed, UsageError
from search.host.ends import End
from search.launching.options import FinishedSearch
from search.views.answer_sentences import listed
from search.workers.settings import WorkerSettings
from spaces.errors import SpaceError
from storage import SharedStudy
from storage.retry import retry_while_unreachable


def answer_search(search: FinishedSearch, answer_share: float, dependencies: Dependencies | None = None) -> End:
    """Races the best trials of a finished search; returns how that ended. Where there can be no answer, it says why.

    Raises:
        StorageUnreachable: the database is away.
    """
    flags = AnswerOptions(
        storage=search.storage,
        origin=search.shared.name,
        answer_share=answer_share,
        quiet=search.quiet,
        workers=search.workers,
    )
    try:
        plan = retry_while_unreachable(lambda: plan_of(flags, search.shared))
        search.say(announcement(plan))
        given = dependencies or Dependencies()
        return carry_out(plan, flags, replace(given, run=unless_leaving(given.run, search.leaving)), search.say).end
    except (UsageError, SpaceError, SearchFailed) as error:
        search.say(f"No answer with error bars: {error}.")
        return End.DONE


def unless_leaving(run: Runner, leaving: Callable[[], End]) -> Runner:
    """The runner, but for a command that has been told to leave before workers begin."""

    def run_unless(shared: SharedStudy, url: str, workers: WorkerSettings, *, quiet: bool) -> End:
        end = leaving()
        return run(shared, url, workers, quiet=quiet) if end is End.DONE else end

    return run_unless


def announcement(plan: ComparisonPlan) -> str:
    """What is about to happen, in one line."""
    comparison = plan.comparison
    return (
        f"For an answer with error bars, {listed(list(comparison.arm_names))} race on up to "
        f"{comparison.last_look.replicates} fresh splits and seeds (--answer off leaves that out)."
    )
