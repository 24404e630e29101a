"""What one would write without this project: a Keras model, `fit`, a pruning callback, `study.optimize`.

python benchmarks/plain_optuna.py DATA.npz TRIALS.json EPOCHS BATCH_SIZE {none,asha} STORAGE_URL
"""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
from keras import layers

with np.load(sys.argv[1]) as file:
    x_train, y_train, x_val, y_val = (file[name] for name in ("x_train", "y_train", "x_val", "y_val"))
TRIALS = json.loads(Path(sys.argv[2]).read_text())
EPOCHS, BATCH_SIZE = int(sys.argv[3]), int(sys.argv[4])
BN_MOMENTUM = min(0.99, 0.01 ** (BATCH_SIZE / len(x_train)))  # with Keras' 0.99 it hardly learns in so few steps


class Pruning(keras.callbacks.Callback):
    def __init__(self, trial: optuna.Trial) -> None:
        super().__init__()
        self.trial = trial

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.trial.report(logs["val_accuracy"], epoch + 1)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def make_model(trial: optuna.Trial) -> keras.Model:
    position = trial.suggest_categorical("dropout_position", TRIALS["dropout_positions"])
    rate = trial.suggest_float("dropout_rate", 0.1, 0.6) if position != "none" else 0.0
    batch_norm = trial.suggest_categorical("batch_norm", ["none", "before_activation", "after_activation"])

    def dropout(*here: str) -> list[Any]:
        return [layers.Dropout(rate)] if position in here else []

    found: list[Any] = [keras.Input(x_train.shape[1:])]
    for filters in (32, 64, 128):
        activation = [layers.Activation("relu")]
        middle = activation if batch_norm == "none" else [layers.BatchNormalization(momentum=BN_MOMENTUM)]
        around = [*dropout("before_normalization"), *middle, *dropout("after_normalization")]
        if batch_norm == "before_activation":
            around = [*around, *activation]
        elif batch_norm == "after_activation":
            around = [*activation, *around]
        found += [layers.Conv2D(filters, 3, padding="same"), *around]
        found += [layers.MaxPooling2D(), *dropout("after_pooling")]
    found += [layers.Flatten(), *dropout("before_dense", "before_every_dense"), layers.Dense(128)]
    found += [layers.Activation("relu"), *dropout("before_every_dense"), layers.Dense(10)]
    return keras.Sequential(found)


def make_optimizer(trial: optuna.Trial) -> keras.optimizers.Optimizer:
    name = trial.suggest_categorical("optimizer", ["sgd", "momentum", "rmsprop", "adam", "adadelta"])
    rate = trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
    if name == "momentum":
        return keras.optimizers.SGD(rate, momentum=trial.suggest_float("momentum", 0.5, 0.99))
    return keras.optimizers.get({"class_name": name, "config": {"learning_rate": rate}})


def objective(trial: optuna.Trial) -> float:
    keras.utils.clear_session()
    keras.utils.set_random_seed(trial.number)
    optimizer, model = make_optimizer(trial), make_model(trial)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    history = model.fit(
        x_train,
        y_train,
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        validation_data=(x_val, y_val),
        callbacks=[Pruning(trial), keras.callbacks.TerminateOnNaN()],
        verbose=0,
    )
    return float(history.history["val_accuracy"][-1])


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    halving = optuna.pruners.SuccessiveHalvingPruner(min_resource=max(1, round(EPOCHS / 5)), reduction_factor=3)
    pruner = halving if sys.argv[5] == "asha" else optuna.pruners.NopPruner()
    study = optuna.create_study(storage=sys.argv[6], direction="maximize", pruner=pruner)
    for params in TRIALS["params"]:
        study.enqueue_trial(params)
    study.optimize(objective, n_trials=len(TRIALS["params"]), catch=(ValueError,))
    print(json.dumps([[t.state.name.lower(), t.value, len(t.intermediate_values)] for t in study.trials]))
