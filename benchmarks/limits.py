"""What a limit on the parameters of models costs a search, and whether it holds: JSON.

For each seed there are two searches with the same seed, images, trials and epochs: one with `--limit parameters=…`, one
without. All run in this process, one after the other, in a database that keeps them: the same command continues.
`--smoke` takes seconds.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import optuna
from machine_facts import machine_facts

from search.design.options import POINT
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.statistics.answer import PairAnswer
from search.statistics.comparing import compare
from search.statistics.scores import ArmScores
from search.study.folders import StudyFolder
from search.study.own_folder import prepare
from search.study.trial_attributes import TrialAttributes
from search.trainers.serving import trainer_server
from search.views.facts import gather_facts
from search.workers.join import study_folder
from search.workers.placement import find_placements
from search.workers.running import run_worker
from search.workers.scoring import measure_test_score
from search.workers.settings import WorkerSettings
from search.workers.trainer_client import TrainerClient
from storage import create_study

LIMITED, FREE = "limited", "free"
MARGIN = 0.5 * POINT


@dataclass(frozen=True)
class Searched:
    """What a search found: the best trial's validation accuracy, its model's test accuracy and parameters; the most
    parameters that any trained model has; and how many trials completed.
    """

    validation: float
    test: float
    parameters: int
    largest: int
    completed: int


def searched(options: LaunchOptions, evaluator: TrainerClient) -> Searched:
    """A search from its plan to its result, by one worker in this process."""
    plan = make_plan(options)
    with create_study(plan.url, plan.study_name, plan.manifest) as shared:
        folder = study_folder(shared, None)
        prepare(folder, shared.manifest)
        shared.ledger.order_up_to(plan.n_trials, plan.orders.__getitem__)
        run_worker(plan.url, plan.study_name, options.workers, find_placements(options.workers)[0])
        measure_test_score(shared, folder, None, evaluator)
        facts = gather_facts(shared)
    if facts.best is None or facts.test is None:
        raise click.ClickException(f"the search {plan.study_name} has no result: {facts.counts}")
    sizes = {trial.number: TrialAttributes.of(trial.frozen.user_attrs).parameters or 0 for trial in facts.trials}
    return Searched(
        validation=facts.best.value or 0.0,
        test=facts.test.accuracy,
        parameters=sizes[facts.best.number],
        largest=max(sizes.values()),
        completed=facts.counts.complete,
    )


def paired_searches(arms: Mapping[str, LaunchOptions], seeds: int, scratch: Path) -> dict[int, dict[str, Searched]]:
    """What each arm's search found, by seed and arm."""
    with (
        trainer_server(wanted=True),
        TrainerClient.on_processors(StudyFolder(scratch, "evaluations", "evaluations")) as evaluator,
    ):
        return {
            seed: {
                arm: searched(replace(options, seed=seed, study_name=f"{arm}-{seed}"), evaluator)
                for arm, options in arms.items()
            }
            for seed in range(seeds)
        }


def difference(pairs: Mapping[int, Mapping[str, Searched]], score: str) -> PairAnswer:
    """The limited search's score minus the free one's, over the seeds."""
    arms = [
        ArmScores(arm, {seed: getattr(pair[arm], score) for seed, pair in pairs.items()}) for arm in (LIMITED, FREE)
    ]
    return compare(arms, MARGIN).pairs[0]


def in_points(answer: PairAnswer) -> dict[str, Any]:
    """A difference as JSON, in points."""
    interval = None if answer.interval is None else [answer.interval.low / POINT, answer.interval.high / POINT]
    mean = None if answer.difference is None else answer.difference / POINT
    return {"n": answer.n, "difference": mean, "interval": interval, "verdict": answer.verdict.value}


@click.command()
@click.option("--space", default="cnn", show_default=True)
@click.option("--limit", default="parameters=50k", show_default=True)
@click.option("--seeds", type=click.IntRange(2), default=40, show_default=True, help="Pairs of searches.")
@click.option("--trials", default=5, show_default=True, help="Of each search.")
@click.option("--epochs", default=4, show_default=True)
@click.option("--limit-train", default=500, show_default=True, help="Images for training and validation.")
@click.option("--database", type=click.Path(path_type=Path), help="Where to keep the runs.  [default: nowhere]")
@click.option("--smoke", is_flag=True, help="Few of each, to see that everything runs.")
def main(*, space: str, limit: str, seeds: int, database: Path | None, smoke: bool, **sizes: int) -> None:
    """Print how pairs of searches differ, and the largest model of each side, as JSON."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if smoke:
        space, limit, seeds, sizes = "bn_dropout", "parameters=111k", 2, {"trials": 1, "epochs": 1, "limit_train": 100}
    with tempfile.TemporaryDirectory() as scratch:
        free = LaunchOptions(
            space=space,
            storage=f"sqlite:///{(database or Path(scratch) / 'limits.db').resolve()}",
            dataset="digits",
            pruner="none",
            n_trials=sizes["trials"],
            epochs=sizes["epochs"],
            limit_train=sizes["limit_train"],
            workers=WorkerSettings(n_workers=1),
        )
        pairs = paired_searches({LIMITED: replace(free, limit=limit), FREE: free}, seeds, Path(scratch))
    click.echo(json.dumps({
        "space": space, "limit": limit, "seeds": seeds, **sizes, "machine": machine_facts(),
        "limited_minus_free": {score: in_points(difference(pairs, score)) for score in ("validation", "test")},
        "largest_trained": {arm: max(pair[arm].largest for pair in pairs.values()) for arm in (LIMITED, FREE)},
        "pairs": [{arm: asdict(one) for arm, one in pair.items()} for pair in pairs.values()],
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
