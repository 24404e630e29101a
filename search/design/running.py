"""Carrying out a comparison: its tuning, its replicates look by look, and what is stored with its study."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from search.design.ablated import is_estimation, next_cells
from search.design.ablation_tables import ablation_headline
from search.design.arms import design_of
from search.design.axis import SpaceArm
from search.design.base import ranked_trials
from search.design.confusion import Evaluator, evaluator, measure_confusions, ordered
from search.design.figures import store_comparison_figures
from search.design.notices import answer_notice
from search.design.options import StudyFlags
from search.design.plan import ComparisonPlan, Tuning
from search.design.race_stored import looks_of_search, store_in_search
from search.design.replicates import order_of
from search.design.result import ComparisonResult, require_scores, take_result
from search.design.scores import gather_scores
from search.design.test_score import measure_test
from search.errors import SearchFailed
from search.host.ends import End, first_trouble
from search.launching.orders import make_orders
from search.launching.running import go_on, run_search
from search.notify.notifier import Notifier, notifier_of
from search.notify.study_notices import failure_notice
from search.study.configurations import trial_model
from search.study.folders import StudyFolder
from search.study.kept_space import keep_space
from search.study.location import Places, located, places_that_differ
from search.study.own_folder import make_home
from search.study.space import study_space
from search.workers.concluding import all_finished, tidy_up
from search.workers.join import study_folder
from search.workers.settings import WorkerSettings
from spaces import resolve
from storage import Manifest, SharedStudy, create_study
from storage.comparison import ArmDesign, Comparison, DesignCell, PlannedLook
from storage.retry import retry_while_unreachable

log = logging.getLogger(__name__)

Say = Callable[[str], None]


class Runner(Protocol):
    """Runs the workers of a study until no trials are left."""

    def __call__(self, shared: SharedStudy, url: str, workers: WorkerSettings, *, quiet: bool) -> End:
        """Returns how they ended."""


class Evaluators(Protocol):
    """Evaluates kept models, as a context manager."""

    def __call__(
        self, shared: SharedStudy, folder: StudyFolder, data_dir: Path | None
    ) -> AbstractContextManager[Evaluator]: ...


@dataclass(frozen=True)
class Dependencies:
    """What carries a comparison out: who works on the study, who scores models, and who is told of the answer."""

    run: Runner = run_search
    evaluators: Evaluators = evaluator
    notifier: Notifier = field(default_factory=lambda: notifier_of(os.environ))


@dataclass(frozen=True)
class Done:
    """A comparison's result, and how its workers ended."""

    result: ComparisonResult
    end: End


@dataclass(frozen=True)
class Left:
    """A comparison whose workers ended in this way before its arms were known."""

    end: End


def carry_out(plan: ComparisonPlan, flags: StudyFlags, dependencies: Dependencies, say: Say) -> Done | Left:
    """Tunes the arms that ask for it, then trains replicates until the plan's looks are through or all is decided.

    Raises:
        SearchFailed: an arm has no trial, or no replicate has a score.
    """
    if plan.tunings:
        arms = tuned_arms(plan, flags, dependencies, say)
        if isinstance(arms, Left):
            return arms
        plan = plan.with_arms(arms)
    with create_study(plan.url, plan.study_name, plan.manifest, wait_s=flags.workers.wait) as created:
        shared, flags = at_home(created, plan.manifest, flags)
        folder = study_folder(shared, flags.workers.artifacts)
        make_home(shared, folder)
        keep_space(folder, shared.manifest)
        retry_while_unreachable(shared.ledger.resume)
        train = round_by_round if plan.comparison.kind == "ablation" else look_by_look
        done = train(shared, plan, flags, dependencies, say)
        with failures_told(shared, dependencies.notifier, done.end):
            if done.result.scores.complete or done.result.stop_reason is not None:
                require_scores(done.result)
        if not done.end.leaves_work and done.result.scores.complete:
            concluded = retry_while_unreachable(lambda: conclude(shared, plan.url, flags, dependencies, done.result))
            retry_while_unreachable(lambda: store_in_search(plan.url, concluded))
            done = Done(concluded, done.end)
            dependencies.notifier.tell(shared, answer_notice(concluded))
        return done


@contextlib.contextmanager
def failures_told(shared: SharedStudy, notifier: Notifier, end: End) -> Iterator[None]:
    """Sends a notice if the block raises SearchFailed, or if the workers ended with an error."""
    try:
        yield
    except SearchFailed as error:
        notifier.tell(shared, failure_notice(shared, str(error)))
        raise
    if end is not End.DONE and not end.leaves_work:
        notifier.tell(shared, failure_notice(shared, "No workers are left, and not all trials are done."))


def at_home(created: SharedStudy, here: Manifest, flags: StudyFlags) -> tuple[SharedStudy, StudyFlags]:
    """The study with its space and images where they are on this host, and the flags that tell its workers."""
    places = places_that_differ(created.manifest, here)
    workers = replace(flags.workers, space=places.space, dataset=places.dataset)
    return located(created, Places(here.space, here.dataset)), replace(flags, workers=workers)


def look_by_look(
    shared: SharedStudy, plan: ComparisonPlan, flags: StudyFlags, dependencies: Dependencies, say: Say
) -> Done:
    """Trains the replicates of each look, until one decides.

    Repeated on the same study it gives the same result: a look only uses the replicates for which it was planned.
    """
    looks = plan.comparison.looks
    for look in looks:
        retry_while_unreachable(partial(order_replicates, shared, plan, look.replicates))
        end = dependencies.run(shared, plan.url, flags.workers, quiet=flags.quiet)
        done = Done(look_at(shared, flags, look, end), end)
        if end is not End.DONE or not done.result.scores.complete or (done.result.decided and not looks[-1].added):
            break
        if look != looks[-1] and not done.result.decided:
            say(going_on(done.result))
    return done


def round_by_round(
    shared: SharedStudy, plan: ComparisonPlan, flags: StudyFlags, dependencies: Dependencies, say: Say
) -> Done:
    """Trains the rounds of an ablation, each of which says what the next one is, and then the path.

    Repeated on the same study it gives the same result: a round only uses the replicates that choose the path.
    """
    look, comparison = plan.comparison.last_look, plan.comparison
    while True:
        cells = retry_while_unreachable(partial(order_round, shared, comparison))
        end = dependencies.run(shared, plan.url, flags.workers, quiet=flags.quiet)
        done = Done(look_at(shared, flags, look, end), end)
        if end is not End.DONE or not done.result.scores.complete or is_estimation(comparison, cells):
            return done
        say(going_on(done.result))


def order_round(shared: SharedStudy, comparison: Comparison) -> list[DesignCell]:
    """Makes sure that the next trainings of an ablation are ordered; returns which these are."""
    scores = gather_scores(shared.manifest, comparison, shared.ledger.slots(), comparison.last_look.replicates)
    cells = next_cells(shared.manifest, comparison, scores)
    orders = {comparison.slot(cell): order_of(shared.manifest, comparison, comparison.slot(cell)) for cell in cells}
    shared.ledger.order_these(orders)
    return cells


def going_on(result: ComparisonResult) -> str:
    """What is said when a look hasn't ended a comparison."""
    if result.ablated is not None:
        return ablation_headline(result, result.ablated)
    if result.race is not None:
        left = ", ".join(result.race.left)
        return f"After {result.look.replicates} replicates {left} are left: more are added."
    return f"Undecided after {result.look.replicates} replicates: more are added."


def order_replicates(shared: SharedStudy, plan: ComparisonPlan, replicates: int) -> None:
    """Makes sure that each arm has this many replicates."""
    if plan.comparison.kind == "race":
        order_racers(shared, plan.comparison, replicates)
        return
    slots = plan.comparison.slots_of(replicates)
    shared.ledger.order_up_to(slots, lambda slot: order_of(shared.manifest, plan.comparison, slot))


def order_racers(shared: SharedStudy, comparison: Comparison, replicates: int) -> None:
    """Makes sure that those arms of a race that are still in it, and its reference, have this many replicates."""
    before = [look for look in comparison.looks if look.replicates < replicates]
    race = take_result(shared, before[-1]).race if before else None
    names = set(comparison.arm_names if race is None else race.left) | {comparison.reference}
    begun = before[-1].replicates if before else 0
    cells = [
        DesignCell(arm, replicate)
        for replicate in range(begun, replicates)
        for arm, name in enumerate(comparison.arm_names)
        if name in names
    ]
    orders = {comparison.slot(cell): order_of(shared.manifest, comparison, comparison.slot(cell)) for cell in cells}
    shared.ledger.order_these(orders)


def look_at(shared: SharedStudy, flags: StudyFlags, look: PlannedLook, end: End) -> ComparisonResult:
    """The result at a look, when what killed workers left behind is ended."""

    def tidied() -> ComparisonResult:
        tidy_up(shared, study_folder(shared, flags.workers.artifacts))
        return take_result(shared, look)

    return retry_while_unreachable(tidied, give_up=lambda: end.leaves_work)


def conclude(
    shared: SharedStudy, url: str, flags: StudyFlags, dependencies: Dependencies, result: ComparisonResult
) -> ComparisonResult:
    """Measures what only models can tell, and stores the figures with the study."""
    folder = study_folder(shared, flags.workers.artifacts)
    if result.comparison.kind in ("screening", "noise", "ablation"):
        folder.remove_images()
        store_comparison_figures(shared, result)
        return result
    if result.raced is not None:
        return conclude_race(shared, url, flags, dependencies, result)
    with dependencies.evaluators(shared, folder, flags.workers.data_dir) as evaluator:
        confusions = measure_confusions(shared, result.comparison, evaluator)
        test = measure_test(shared, result, evaluator) if result.comparison.kind == "confirmation" else None
    folder.remove_images()
    result = replace(result, confusions=ordered(confusions, result.scores.replicates), test=test)
    store_comparison_figures(shared, result)
    return result


def conclude_race(
    shared: SharedStudy, url: str, flags: StudyFlags, dependencies: Dependencies, result: ComparisonResult
) -> ComparisonResult:
    """Measures the test score of the recommended candidate, once, and stores the figures with the study."""
    folder, raced = study_folder(shared, flags.workers.artifacts), result.raced
    recommended = None if raced is None else raced.recommended
    with dependencies.evaluators(shared, folder, flags.workers.data_dir) as evaluator:
        test = measure_test(shared, result, evaluator, recommended, looks_of_search(url, result))
    folder.remove_images()
    tested = raced if raced is None or test is None else raced.tested(test.score)
    result = replace(result, test=test, raced=tested)
    store_comparison_figures(shared, result)
    return result


def tuned_arms(
    plan: ComparisonPlan, flags: StudyFlags, dependencies: Dependencies, say: Say
) -> tuple[ArmDesign, ...] | Left:
    """The arms with the best parameters that their searches found, unless these were left before they were done."""
    arms = list[ArmDesign]()
    for tuning in plan.tunings:
        say(f"Tuning {tuning.arm}: {tuning.n_trials} trials in the study {tuning.study_name}.")
        arm = tune(plan, tuning, flags, dependencies)
        if isinstance(arm, Left):
            return arm
        arms.append(arm)
    return tuple(arms)


def tune(plan: ComparisonPlan, tuning: Tuning, flags: StudyFlags, dependencies: Dependencies) -> ArmDesign | Left:
    """The arm with the best parameters that its search found, unless that was left before it was done."""
    with create_study(plan.url, tuning.study_name, tuning.manifest, wait_s=flags.workers.wait) as created:
        shared, flags = at_home(created, tuning.manifest, flags)
        folder = study_folder(shared, flags.workers.artifacts)
        make_home(shared, folder)
        orders = make_orders(
            study_space(tuning.manifest, resolve(tuning.manifest.space).space), tuning.manifest, tuning.n_trials
        )
        retry_while_unreachable(lambda: go_on(shared, orders))
        end = dependencies.run(shared, plan.url, flags.workers, quiet=flags.quiet)
        retry_while_unreachable(lambda: tidy_up(shared, folder), give_up=lambda: end.leaves_work)
        if end.leaves_work or not retry_while_unreachable(lambda: all_finished(shared)):
            return Left(first_trouble(end, End.UNFINISHED))
        return retry_while_unreachable(lambda: tuned_arm(shared, tuning))


def tuned_arm(shared: SharedStudy, tuning: Tuning) -> ArmDesign:
    """The arm with the parameters of its search's best trial.

    Raises:
        SearchFailed: no trial was completed.
    """
    ranked = ranked_trials(shared)
    if not ranked:
        raise SearchFailed(f"arm {tuning.arm}: none of its {tuning.n_trials} trials was completed, see {shared.name}")
    best = ranked[0]
    arm = SpaceArm(tuning.arm, dict(best.params), trial_model(shared.manifest, best.frozen).configuration)
    design = design_of(arm)
    return ArmDesign(design.name, design.configuration, design.params, selected=best.value)


def end_of_all(done: Sequence[Done | Left]) -> End:
    """How all comparisons together ended: the first end that isn't DONE."""
    return first_trouble(*(one.end for one in done))
