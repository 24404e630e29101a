"""A study with any number of finished trials, made up in seconds: for measurements and tests of what shows a study.

    python benchmarks/filled_study.py sqlite:///filled.db 1000

Parameters are drawn by the space `bn_dropout`; scores are made of them and of noise. A few trials diverge, fail, or are
running; a reason, a host and a worker have names that would be markup.
"""

import datetime
import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import optuna
import sqlalchemy as sa
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState, create_trial

from search.study.test_score import TEST_ATTR
from spaces import resolve
from spaces.epoch_scores import EpochScores
from storage import Manifest, SharedStudy, create_study
from storage.records import Outcome, OutcomeState, SlotOrder, WorkerInfo
from storage.rows import epoch_values, outcome_values
from storage.tables import epochs, slots
from storage.testkit import example_manifest

HOSTILE = "<img src=x onerror=alert(1)></script><b>bold</b>"
HOSTS = ("alpha", "beta", "gamma", HOSTILE)
STEP_S = 9.0
BEGAN = 1.75e9


@dataclass(frozen=True)
class Made:
    """A trial that never was: how it ended (None: it runs), its parameters, its scores by epoch."""

    number: int
    state: OutcomeState | None
    params: dict[str, Any]
    distributions: dict[str, BaseDistribution]
    scores: tuple[float, ...]


def filled_study(url: str, name: str, n: int, *, seed: int = 0, **changes: Any) -> SharedStudy:
    """Makes the study: `n` slots, of which the last two are running and waiting; `changes` are of its manifest."""
    manifest = msgspec.structs.replace(
        example_manifest(),
        **{"space": "bn_dropout", "epochs": 10, "n_validation": 287, "n_test": 359, "pruner": "asha", **changes},
    )
    shared = create_study(url, name, manifest)
    rng = random.Random(seed)  # noqa: S311 - no secret
    trials = make_trials(n - 1, manifest, rng)
    shared.ledger.order_up_to(n, lambda number: SlotOrder(seed=number))
    for host in HOSTS:
        shared.workers.register(WorkerInfo(worker_of(host), host, 4000, "cpu"))
        shared.workers.beat(worker_of(host), trainer_memory_mb=900)
    store(shared, trials)
    best = max((made for made in trials if made.state == "complete"), key=lambda made: made.scores[-1], default=None)
    if best is not None:
        shared.study.set_user_attr(TEST_ATTR, {"trial": best.number, "accuracy": 0.97, "loss": 0.1, "n": 359})
    return shared


def worker_of(host: str) -> str:
    """The id of a host's worker."""
    return f"{host}-4000"


def make_trials(n: int, manifest: Manifest, rng: random.Random) -> list[Made]:
    """The finished trials, and a running one as the last."""
    source = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=rng.randrange(2**31)))
    space = resolve(manifest.space).space
    made = []
    for number in range(n):
        asked = source.ask()
        space.suggest(asked)
        made.append(make_trial(number, asked.params, asked.distributions, manifest.epochs, rng, last=number == n - 1))
    return made


def make_trial(
    number: int,
    params: dict[str, Any],
    distributions: dict[str, BaseDistribution],
    epochs: int,
    rng: random.Random,
    *,
    last: bool,
) -> Made:
    """One trial, with a learning curve that depends on its parameters."""
    rate = math.log10(params["learning_rate"])
    best = 0.985 - 0.03 * abs(rate + 2) - 0.04 * (params["batch_norm"] == "none") - 0.02 * rng.random()
    curve = tuple(
        max(0.05, best - 0.7 * math.exp(-0.6 * epoch) - 0.01 * rng.random()) for epoch in range(1, epochs + 1)
    )
    state: OutcomeState | None = "complete" if best > 0.92 else "pruned"
    if number % 23 == 7:
        state = "diverged"
    elif number % 31 == 11:
        state = "failed"
    if last:
        state = None
    lengths: dict[str | None, int] = {"complete": epochs, "pruned": 1 + number % 4, "diverged": 2, "failed": 1, None: 3}
    return Made(number, state, params, distributions, curve[: lengths[state]])


def store(shared: SharedStudy, trials: Sequence[Made]) -> None:
    """Writes them into Optuna's tables and ours, many rows at a time."""
    shared.study.add_trials([frozen(made) for made in trials])
    with shared.engine.begin() as connection:
        for made in trials:
            here = slots.c.study_id == shared.study_id, slots.c.number == made.number
            connection.execute(sa.update(slots).where(*here).values(**slot_values(made)))
        rows = [
            {
                "study_id": shared.study_id,
                "trial_number": made.number,
                **epoch_values(EpochScores(epoch, 1 - score, score, 1 - score, score, 0.2, 1e-3), 1),
                "recorded_at": BEGAN,
            }
            for made in trials
            for epoch, score in enumerate(made.scores, start=1)
        ]
        connection.execute(sa.insert(epochs), rows)


def slot_values(made: Made) -> dict[str, Any]:
    """The columns of a trial's slot."""
    common = {"token": 1, "worker_id": worker_of(HOSTS[made.number % len(HOSTS)]), "trial_number": made.number}
    if made.state is None:
        return {**common, "state": "leased", "lease_expires_at": 4e9}
    value = made.scores[-1] if made.state in ("complete", "pruned") else None
    reason = HOSTILE if made.state == "failed" else None
    outcome = Outcome(made.state, value, reason, "crash" if reason else None, len(made.scores))
    return {**common, "state": "done", "confirmed": True, **outcome_values(outcome)}


def frozen(made: Made) -> optuna.trial.FrozenTrial:
    """The trial as Optuna has it."""
    states = {"complete": TrialState.COMPLETE, "failed": TrialState.FAIL, None: TrialState.RUNNING}
    state = states.get(made.state, TrialState.PRUNED)
    trial = create_trial(
        state=state,
        value=made.scores[-1] if state is TrialState.COMPLETE else None,
        params=made.params,
        distributions=made.distributions,
        intermediate_values=dict(enumerate(made.scores, start=1)),
        user_attrs={"host": HOSTS[made.number % len(HOSTS)], "device": "CPU", "slot": made.number},
    )
    start = datetime.datetime(2026, 1, 1, 12, 0, 0) + datetime.timedelta(seconds=STEP_S * (made.number // len(HOSTS)))
    trial.datetime_start = start
    trial.datetime_complete = None if made.state is None else start + datetime.timedelta(seconds=len(made.scores) * 0.8)
    return trial


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with filled_study(sys.argv[1], "filled", int(sys.argv[2])):
        pass
