"""The axis of early stopping."""

from spaces.configuration import EarlyStopping
from spaces.space import Trial, choose

CHOICES = ("none", "stop", "restore_best")
PATIENCE = (2, 5)


def suggest_early_stopping(trial: Trial) -> EarlyStopping | None:
    """Asks for `early_stopping` by val_loss: none, stopping and keeping the last model, or going back to the best; and
    for its `patience`, around the 3 epochs that were published, within the few epochs of a search.
    """
    choice = choose(trial, "early_stopping", CHOICES)
    if choice == "none":
        return None
    return EarlyStopping(trial.suggest_int("patience", *PATIENCE), restore_best=choice == "restore_best")
