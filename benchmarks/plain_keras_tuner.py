"""The same search by KerasTuner, which gives each trial the next of the listed configurations.

python benchmarks/plain_keras_tuner.py DATA.npz TRIALS.json EPOCHS BATCH_SIZE FOLDER
"""

import json
import sys
from typing import Any

import keras
import keras_tuner
from optuna.trial import FixedTrial
from plain_optuna import BATCH_SIZE, EPOCHS, TRIALS, make_model, make_optimizer, x_train, x_val, y_train, y_val


class Listed(keras_tuner.Oracle):
    """Proposes the numbers of the configurations, one after another."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        return {"status": "RUNNING", "values": {"number": int(trial_id)}}


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    number = hp.Int("number", 0, len(TRIALS["params"]) - 1)
    keras.utils.set_random_seed(number)
    trial: Any = FixedTrial(TRIALS["params"][number])
    model = make_model(trial)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=make_optimizer(trial), loss=loss, metrics=["accuracy"])
    return model


if __name__ == "__main__":
    oracle = Listed(keras_tuner.Objective("val_accuracy", "max"), max_trials=len(TRIALS["params"]))
    tuner = keras_tuner.Tuner(oracle, build, directory=sys.argv[5], project_name="versus")
    stop = keras.callbacks.TerminateOnNaN()
    data = {"validation_data": (x_val, y_val), "batch_size": BATCH_SIZE, "callbacks": [stop]}
    tuner.search(x_train, y_train, epochs=EPOCHS, verbose=0, **data)
    found = {trial.hyperparameters["number"]: trial.score for trial in oracle.trials.values()}
    states = {number: "failed" if score is None else "complete" for number, score in found.items()}
    print(json.dumps([[states[number], found[number], EPOCHS] for number in sorted(found)]))
