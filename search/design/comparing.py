"""`python -m search.compare`, from flags to answers."""

import time
from collections.abc import Callable, Sequence

import optuna

from search.commands.answer import answer, answer_json, tell
from search.design.formats import results_text
from search.design.options import CompareOptions, StudyFlags
from search.design.plan import ComparisonPlan
from search.design.plans import make_plans
from search.design.result import ComparisonResult
from search.design.running import Dependencies, Done, Left, carry_out, end_of_all
from search.design.text import comparison_plan_text, comparison_text, comparisons_markdown
from search.host.atomic_file import require_ending, require_new, require_place, write_text
from search.host.ends import End
from search.launching.wording import unfinished_line
from storage.retry import retry_while_unreachable


def run_comparison(options: CompareOptions, dependencies: Dependencies | None = None) -> End:
    """Carries out the comparisons that the flags ask for, and prints their answers.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with the flags; nothing was created.
        StorageUnreachable: the database is away.
        SearchFailed: an arm has no scores.
    """
    return show(options, lambda: make_plans(options), dependencies or Dependencies())


def show(flags: StudyFlags, plan: Callable[[], Sequence[ComparisonPlan]], dependencies: Dependencies) -> End:
    """Carries out what is planned, telling about it as the flags ask for."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    began = time.monotonic()
    require_page(flags)
    plans = retry_while_unreachable(plan, flags.workers.wait)
    for each in plans:
        say(flags, comparison_plan_text(each, flags.storage))
    if flags.dry_run:
        say(flags, "Nothing was done: this was a dry run.")
        return End.DONE
    done = carry_out_all(plans, flags, dependencies)
    give_results(flags, [one.result for one in done if isinstance(one, Done)])
    end = end_of_all(done)
    if end is not End.DONE:
        tell(unfinished_line(end, flags.workers.timeout, time.monotonic() - began))
    return end


def carry_out_all(plans: Sequence[ComparisonPlan], flags: StudyFlags, dependencies: Dependencies) -> list[Done | Left]:
    """One comparison after the other, until one is left undone; each is told when it ends."""
    done = list[Done | Left]()
    for plan in plans:
        done.append(carry_out(plan, flags, dependencies, lambda text: say(flags, text)))
        last = done[-1]
        if isinstance(last, Done) and flags.format_ == "table":
            answer(comparison_text(last.result))
        if isinstance(last, Left) or last.end.leaves_work:
            break
    return done


def give_results(flags: StudyFlags, results: Sequence[ComparisonResult]) -> None:
    """Prints all answers together, in formats other than a table, and writes the page, if these were asked for."""
    text = results_text(results, flags.format_)
    if flags.format_ == "json":
        answer_json(text)
    elif text:
        answer(text, nl=not text.endswith("\n"))
    if flags.output is not None and results:
        write_text(flags.output, comparisons_markdown(results))
        say(flags, f"Written: {flags.output}")


def require_page(flags: StudyFlags) -> None:
    """Raises UsageError if the page can't be written: said before any work is done for it."""
    if flags.output is not None:
        require_ending(flags.output, ".md", ".markdown", what="the page of a comparison, which is Markdown,")
        require_place(flags.output)
        require_new([flags.output], force=flags.force)


def say(flags: StudyFlags, text: str) -> None:
    """Tells what is going on, on standard error."""
    if not flags.quiet:
        tell(text)
