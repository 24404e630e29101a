"""The axis of learning-rate schedules, and every optimizer with one."""

import msgspec

from spaces.configuration import EVERY_OPTIMIZER, SCHEDULES, Optimizer, Schedule
from spaces.optimizer import suggest_optimizer
from spaces.space import Trial, choose

DECAYS = (1e-5, 1e-2)
WEIGHT_DECAYS = (1e-4, 1e-1)


def suggest_schedule(trial: Trial) -> Schedule:
    """Asks for `schedule` and, for inverse_time, for its `decay` a step, log scale.

    A decay of 1e-4 was published with a training of some 50,000 steps, which end at a sixth of the rate; a search has
    fewer steps, hence the larger ones. A cosine has no settings: it ends at 0 with the last epoch.
    """
    name = choose(trial, "schedule", SCHEDULES)
    return Schedule(name, trial.suggest_float("decay", *DECAYS, log=True) if name == "inverse_time" else 0.0)


def suggest_every_optimizer(trial: Trial) -> Optimizer:
    """Asks for what `suggest_optimizer` does, adamw and nadam among the optimizers; for adamw its `weight_decay`, log
    scale; and for a schedule. The weight decay lies around Keras' 0.004 and the 1e-2 that is usual elsewhere.
    """
    optimizer = suggest_optimizer(trial, EVERY_OPTIMIZER)
    if optimizer.name == "adamw":
        weight_decay = trial.suggest_float("weight_decay", *WEIGHT_DECAYS, log=True)
        optimizer = msgspec.structs.replace(optimizer, weight_decay=weight_decay)
    return msgspec.structs.replace(optimizer, schedule=suggest_schedule(trial))
