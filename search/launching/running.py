"""A launch, from plan to answer: creates or joins the study, runs workers, watches, sums up."""

import logging
import socket
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import optuna

from search.commands.answer import answer, answer_json, tell
from search.errors import SearchFailed, UsageError
from search.host.ends import End, first_trouble
from search.host.shutdown import Shutdown
from search.launching.answered import leave_look, look_at_selected, race_best
from search.launching.epoch_time import measure_epoch
from search.launching.notices import tell_of_end
from search.launching.options import FinishedSearch, LaunchOptions
from search.launching.planning import Plan, make_plan
from search.launching.progress import ProgressView
from search.launching.wording import (
    ended_by,
    epoch_time_text,
    plan_json,
    plan_text,
    result_json,
    result_text,
    unfinished_line,
)
from search.study.alive import is_alive
from search.study.folders import StudyFolder
from search.study.kept_space import keep_space
from search.study.location import Places, located, places_that_differ
from search.study.own_folder import make_home
from search.study.snapshot import Snapshot
from search.study.space import study_space
from search.trackers.follower import Follower
from search.views.facts import StudyFacts, gather_facts
from search.views.study_notes import note_study
from search.workers.concluding import all_finished, store_findings, tidy_up
from search.workers.join import study_folder
from search.workers.loop import no_more_work
from search.workers.placement import WorkerPlacement, find_placements
from search.workers.pool import WorkerPool
from search.workers.running import progress_of
from search.workers.scoring import measure_test_score
from search.workers.settings import WorkerSettings
from storage import SharedStudy, create_study
from storage.records import SlotOrder, WorkerRow
from storage.retry import retry_while_unreachable

log = logging.getLogger(__name__)

POLL_S = 0.5
INTERRUPTED = "Finishing the epoch, handing trials back. Ctrl-C once more ends at once."


def launch(options: LaunchOptions) -> End:
    """Carries out a launch and prints its answer.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with the flags; nothing was created.
        StorageUnreachable: the database is away.
        SearchFailed: no trial was completed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if options.time_epoch and not options.dry_run:
        raise UsageError(
            "--time-epoch belongs to a --dry-run: add that, or leave it out; status shows a search's times"
        )
    began = time.monotonic()
    wait = options.workers.wait
    plan = retry_while_unreachable(lambda: make_plan(options), wait)
    options.tracking.require()
    say = _teller(options)
    say(plan_text(plan, options))
    if options.dry_run:
        return rehearse(plan, options, say)
    with create_study(plan.url, plan.study_name, plan.manifest, wait_s=wait) as created:
        shared = located(created, Places(plan.manifest.space, plan.manifest.dataset))
        places = places_that_differ(created.manifest, plan.manifest)
        workers = replace(options.workers, space=places.space, dataset=places.dataset)
        folder = study_folder(shared, workers.artifacts)
        make_home(shared, folder)
        keep_space(folder, shared.manifest)
        retry_while_unreachable(lambda: take_place(shared, options), wait)
        retry_while_unreachable(lambda: carry_on(shared, plan), wait)
        retry_while_unreachable(lambda: leave_look(shared, options), wait)
        end = search_to_end(shared, plan, options, workers, folder)
        with Shutdown() as shutdown:  # whoever leaves now still gets the result
            facts = retry_while_unreachable(lambda: sum_up(shared, plan))
            search = FinishedSearch(
                shared, options.storage, until(workers, began), options.quiet, say, lambda: shutdown.end
            )
            unanswered = partial(look_without_answer, shared, plan, folder, workers.data_dir)
            raced, facts = race_best(search, facts, end, options, unanswered)
        duration_s = time.monotonic() - began
        tell_of_end(shared, facts, end, options.workers.timeout, duration_s)
    return give_result(facts, options, end, raced, duration_s)


def search_to_end(
    shared: SharedStudy, plan: Plan, options: LaunchOptions, workers: WorkerSettings, folder: StudyFolder
) -> End:
    """Has the workers search, here or where they are placed, while trackers follow; concludes a search that is over.
    Returns how the workers ended.
    """

    def describe() -> None:
        if shared.created:
            note_study(shared, plan.source.space, plan.n_trials)

    with Follower(shared, options.tracking.makers(shared.name, shared.key.stamp)):
        if options.placed is None:
            end = run_search(
                shared,
                plan.url,
                workers,
                quiet=options.quiet,
                meanwhile=describe,
                at_end=lambda: write_up(shared, folder),
            )
        else:
            retry_while_unreachable(describe)
            end = options.placed(shared)
            retry_while_unreachable(lambda: write_up(shared, folder), give_up=lambda: end.leaves_work)
        retry_while_unreachable(lambda: conclude(shared, folder, workers.data_dir), give_up=lambda: end.leaves_work)
    return end


def give_result(facts: StudyFacts, options: LaunchOptions, end: End, raced: End, duration_s: float) -> End:
    """Prints the result of a launch of that duration, and what is left to do, if anything; returns how it ended."""
    if options.format_ == "json":
        answer_json(result_json(facts, options, duration_s))
    else:
        ended = "" if facts.done else ended_by(end, options.workers.timeout, duration_s)
        answer(result_text(facts, options, ended))
    end = first_trouble(final_end(facts, end, options.workers), raced)
    if end is not End.DONE:
        tell(unfinished_line(end, options.workers.timeout, duration_s, facts.snapshot.open))
    return end


def take_place(shared: SharedStudy, options: LaunchOptions) -> None:
    """Gives the study the place in the queue that the flags ask for; what they don't say stays as it is."""
    if options.place:
        shared.queue.set(msgspec.structs.replace(shared.queue.place(), **options.place))


def rehearse(plan: Plan, options: LaunchOptions, say: Callable[[str], None]) -> End:
    """The end of a dry run: an epoch is timed if that is asked for, and nothing is kept."""
    timed = measure_epoch(study_space(plan.manifest, plan.source.space), plan.manifest) if options.time_epoch else None
    if timed is not None:
        say(epoch_time_text(timed, plan.manifest))
    say("Nothing was done: this was a dry run.")
    if options.format_ == "json":
        answer_json(plan_json(plan, options, timed))
    return End.DONE


def go_on(shared: SharedStudy, orders: Sequence[SlotOrder]) -> None:
    """Has workers claim again in a study that was stopped, and makes sure that it has a slot for each order."""
    shared.ledger.resume()
    shared.ledger.order_up_to(len(orders), orders.__getitem__)


def carry_on(shared: SharedStudy, plan: Plan) -> None:
    """Has the study's search end as planned, reopens it if it has ended and goes on, and orders what is missing."""
    if plan.goes_on or plan.rule is not None or shared.ledger.ending() is not None:
        reopen = plan.goes_on and shared.ledger.ended() is not None
        shared.ledger.set_ending(plan.rule, go_on=reopen)
    if plan.goes_on:  # its end may have left gaps
        shared.ledger.order_these(dict(enumerate(plan.orders)))
    go_on(shared, plan.orders)


def sum_up(shared: SharedStudy, plan: Plan) -> StudyFacts:
    """The study as it is now, which is noted in it once all trials are done."""
    facts = gather_facts(shared)
    if facts.done:
        note_study(shared, plan.source.space, plan.n_trials, facts)
    return facts


def look_without_answer(shared: SharedStudy, plan: Plan, folder: StudyFolder, data_dir: Path | None) -> StudyFacts:
    """The study that has ended without an answer, with the test score of its selected trial."""
    look_at_selected(shared, folder, data_dir)
    return sum_up(shared, plan)


def until(workers: WorkerSettings, began: float) -> WorkerSettings:
    """The workers with what is left of their --timeout since that moment of the monotonic clock."""
    if workers.timeout is None:
        return workers
    return replace(workers, timeout=max(1.0, workers.timeout - (time.monotonic() - began)))


def final_end(facts: StudyFacts, end: End, workers: WorkerSettings) -> End:
    """How a launch ended: DONE if all trials are done, were stopped on purpose, or weren't to be run by it.

    Raises:
        SearchFailed: no trial was completed, and none will be.
    """
    if workers.n_workers == 0:
        return End.DONE
    if end.leaves_work and not facts.done:
        return end
    require_success(facts)
    return End.DONE if facts.done or facts.stop_reason is not None else first_trouble(end, End.FAILED)


def _teller(options: LaunchOptions) -> Callable[[str], None]:
    def say(text: str) -> None:
        if not options.quiet:
            tell(text)

    return say


def run_search(
    shared: SharedStudy,
    url: str,
    workers: WorkerSettings,
    *,
    quiet: bool,
    meanwhile: Callable[[], None] = lambda: None,
    at_end: Callable[[], None] = lambda: None,
) -> End:
    """Runs workers until the study has nothing left to do, they are told to leave, or fail.

    `meanwhile` is done while they get ready, which takes them seconds; `at_end`, while the last of them measures the
    test score and leaves. Both can be repeated.
    """
    if workers.n_workers == 0 or retry_while_unreachable(lambda: no_more_work(shared)):
        retry_while_unreachable(meanwhile)
        retry_while_unreachable(at_end)
        return End.DONE
    arguments = [f"--study-name={shared.name}", *workers.for_one_worker()]
    free, taken = retry_while_unreachable(lambda: divide_places(workers, shared))
    logs = study_folder(shared, workers.artifacts).logs
    pool = WorkerPool(arguments, free, url, logs, workers.timeout, taken, watches=True)
    view = ProgressView(shared.name, shared.manifest.objective, quiet)
    with pool, Shutdown(at_once=pool.kill) as shutdown, view:
        pool.start()
        retry_while_unreachable(meanwhile, give_up=lambda: shutdown.requested)
        watch(shared, pool, view, shutdown)
        if shutdown.requested and not quiet:
            tell(INTERRUPTED)
        if shutdown.requested:  # they have trials in hand, which are to be given back first
            pool.stop()
        retry_while_unreachable(at_end, give_up=lambda: shutdown.requested)
        pool.stop()
        pool.note_exits()
    return end_so_far(shared, pool, shutdown)


def end_so_far(shared: SharedStudy, pool: WorkerPool, shutdown: Shutdown) -> End:
    """What the end of the workers means for the launch."""
    if shutdown.requested:
        return shutdown.end
    if retry_while_unreachable(lambda: all_finished(shared) or shared.ledger.stop_reason() is not None):
        return End.DONE
    return first_trouble(pool.failure, End.UNFINISHED if pool.left_early else End.FAILED)


def watch(shared: SharedStudy, pool: WorkerPool, view: ProgressView, shutdown: Shutdown) -> None:
    """Shows the search's progress, and replaces killed workers, until it is over or its end is requested.

    Raises:
        StorageUnreachable: the database was unreachable for too long.
    """

    def look() -> bool:
        pool.tell_of_silent(silent_here(view.look(shared)))
        if pool.vacant and not no_more_work(shared):
            pool.take_vacant(kept=len(workers_of_others(shared, pool.pids())))
            if pool.vacant:  # another worker was alive in their places a moment ago, and may be gone by now: look again
                return False
        return is_over(shared, pool)

    while not retry_while_unreachable(look, give_up=lambda: shutdown.requested):
        pool.replace_dead(lambda: progress_of(shared, shutdown))
        if shutdown.wait(POLL_S):
            break


def silent_here(snapshot: Snapshot) -> dict[int, float]:
    """The workers of this host that haven't been heard of lately, by process number: for how many seconds."""
    host = socket.gethostname()
    return {one.pid: one.seen_s for one in snapshot.workers if one.activity == "lost" and one.host == host}


def is_over(shared: SharedStudy, pool: WorkerPool) -> bool:
    """Whether there is nothing left to wait for: no trials, or no workers. Workers of a stopped study finish
    their running trials.
    """
    if no_more_work(shared) and shared.ledger.stop_reason() is None:
        return True
    return pool.alive() == 0 and not any(is_alive(worker) for worker in shared.workers.all())


def divide_places(workers: WorkerSettings, shared: SharedStudy) -> tuple[list[WorkerPlacement], list[WorkerPlacement]]:
    """The places of the workers to start, and those that are taken by an earlier launch's workers. Together they are
    those asked for, but no more than there are trials to do.
    """
    counts = shared.ledger.counts()
    places = find_placements(workers)[: counts.total - counts.finished]
    taken = len(workers_of_others(shared, ()))
    if taken:
        log.warning("%d worker(s) of an earlier launch are at work on this study here, and stay", taken)
    return places[taken:], places[:taken]


def workers_of_others(shared: SharedStudy, own: Collection[int]) -> list[WorkerRow]:
    """The living workers of this host that aren't among a launch's own, given by their process numbers."""
    here = [worker for worker in shared.workers.all() if worker.info.host == socket.gethostname()]
    return [worker for worker in here if worker.info.pid not in own and is_alive(worker)]


def write_up(shared: SharedStudy, folder: StudyFolder) -> None:
    """Ends what killed workers couldn't, and stores what dashboards show of a search once all its trials are done."""
    tidy_up(shared, folder)
    if all_finished(shared):
        store_findings(shared, gather_facts(shared))


def conclude(shared: SharedStudy, folder: StudyFolder, data_dir: Path | None) -> None:
    """Cleans up after workers that were told to leave, and measures the best model's scores, if none of them has, once
    all trials are done.
    """
    tidy_up(shared, folder)
    if all_finished(shared):
        measure_test_score(shared, folder, data_dir)
        folder.remove_images()


def require_success(facts: StudyFacts) -> None:
    """Raises SearchFailed if no trial was completed, with the reasons."""
    if facts.best is not None:
        return
    if facts.stop_reason is not None:
        raise SearchFailed(f"the search was stopped: {facts.stop_reason}")
    listed = {**facts.failures, **{f"infeasible: {reason}": count for reason, count in facts.infeasible.items()}}
    reasons = "; ".join(f"{count} x {reason}" for reason, count in listed.items())
    raise SearchFailed(f"no trial was completed{': ' + reasons if reasons else ''}")
