"""A comparison of three arms, made up in a moment: for tests of what shows a comparison.

The first arm is worse than the others, the third diverges in one replicate and has a name that would be markup.
"""

import datetime
import math
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.design.confusion import CONFUSION_ATTR
from search.design.replicates import order_of
from spaces.epoch_scores import EpochScores
from storage import SharedStudy, create_study
from storage.comparison import ArmDesign, Comparison, PlannedLook
from storage.records import Outcome, WorkerInfo
from storage.rows import epoch_values, outcome_values
from storage.tables import epochs, slots
from storage.testkit import example_manifest

BEGAN = 1.75e9
HOSTS = ("alpha", "beta")
LEVELS = (0.93, 0.955, 0.953)
NAMES = ("none", "before_activation", "<img src=x onerror=alert(1)>")
REASON = "the loss is not a number after 3 epochs"
EPOCHS = 6


def filled_comparison(url: str, name: str, replicates: int = 10, *, seed: int = 0, **changes: Any) -> SharedStudy:
    """Makes the study; `changes` are of its design."""
    arms = tuple(ArmDesign(name, {"batch_norm": {"position": name}, "dense": [128]}) for name in NAMES)
    looks = (PlannedLook(replicates, 0.05),)
    design = msgspec.structs.replace(
        Comparison(question="Before or after?", arms=arms, margin=0.005, looks=looks), **changes
    )
    manifest = msgspec.structs.replace(example_manifest(), n_validation=287, n_test=359, comparison=design)
    shared = create_study(url, name, manifest)
    count = design.slots_of(design.last_look.replicates)
    shared.ledger.order_up_to(count, lambda slot: order_of(manifest, design, slot))
    for host in HOSTS:
        shared.workers.register(WorkerInfo(f"{host}-4000", host, 4000, "cpu"))
    rng = random.Random(seed)  # noqa: S311 - no secret
    luck = [rng.gauss(0, 0.012) for _ in range(design.last_look.replicates)]
    for slot in range(count):
        cell = design.cell(slot)
        level = LEVELS[cell.arm % len(LEVELS)] + luck[cell.replicate] + rng.gauss(0, 0.003)
        curve = [round((level - 0.5 * math.exp(-0.8 * epoch)) * 287) / 287 for epoch in range(1, EPOCHS + 1)]
        diverged = cell == (2, 1)
        store(shared, slot, design.arm_of(slot).name, curve[:3] if diverged else curve, diverged=diverged)
    matrix = [[27 if row == column else (row + column) % 3 for column in range(10)] for row in range(10)]
    measured = [{"arm": arm.name, "trial": number, "counts": matrix} for number, arm in enumerate(design.arms)]
    shared.study.set_user_attr(CONFUSION_ATTR, measured)
    return shared


def store(shared: SharedStudy, slot: int, arm: str, curve: Sequence[float], *, diverged: bool) -> None:
    """Writes one trial, which has its slot's number, into Optuna's tables and ours."""
    shared.study.add_trial(trial_of(slot, arm, curve, diverged=diverged))
    value, reason = (None, REASON) if diverged else (curve[-1], None)
    outcome = Outcome("diverged" if diverged else "complete", value, reason, None, len(curve))
    worker = f"{HOSTS[slot % len(HOSTS)]}-4000"
    common = {"token": 1, "worker_id": worker, "trial_number": slot, "state": "done", "confirmed": True}
    rows = [EpochScores(epoch, 1 - score, score, 1 - score, score, 0.2, 1e-3) for epoch, score in enumerate(curve, 1)]
    keys = {"study_id": shared.study_id, "trial_number": slot}
    with shared.engine.begin() as connection:
        here = slots.c.study_id == shared.study_id, slots.c.number == slot
        connection.execute(sa.update(slots).where(*here).values(**common, **outcome_values(outcome)))
        connection.execute(sa.insert(epochs), [{**keys, **epoch_values(row, 1), "recorded_at": BEGAN} for row in rows])


def trial_of(slot: int, arm: str, curve: Sequence[float], *, diverged: bool) -> FrozenTrial:
    """The trial as Optuna has it."""
    trial = create_trial(
        state=TrialState.PRUNED if diverged else TrialState.COMPLETE,
        value=curve[-1],
        params={"arm": arm},
        distributions={"arm": CategoricalDistribution(tuple(dict.fromkeys((*NAMES, arm))))},
        intermediate_values=dict(enumerate(curve, start=1)),
        user_attrs={"host": HOSTS[slot % len(HOSTS)], "device": "CPU", "slot": slot},
    )
    trial.datetime_start = datetime.datetime(2026, 1, 1, 12, 0, 0) + datetime.timedelta(seconds=4 * slot)
    trial.datetime_complete = trial.datetime_start + datetime.timedelta(seconds=7)
    return trial
