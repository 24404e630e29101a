"""A trained model's file: written whole or not at all, and opened again for its test score."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from search.trainers.protocol import Train, Warned
from search.training.models.description import write_next_to
from search.training.models.keeping import ADVICE, problem
from spaces.blame import condensed
from spaces.errors import SpaceError


def save_model(job: Train, make: Callable[[], Any], path: Path) -> Generator[Warned, None, str | None]:
    """Writes the model that `make` gives; returns why it can't be kept, if that is so because of its own classes. A
    trial is as good without its model: what goes wrong is a warning.
    """
    part = path.with_name(f".{path.stem}.part.keras")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        model = make()
        model.save(part)
        part.replace(path)
        write_next_to(path, model, job.configuration)
    except OSError as error:
        part.unlink(missing_ok=True)
        yield Warned(job.job, f"the model couldn't be written to {path}: {error}")
    except Exception as error:  # noqa: BLE001 - a model's own classes may raise anything, after all epochs are trained
        part.unlink(missing_ok=True)
        return problem(error)
    return None


def load_model(path: Path) -> Any:
    """The uncompiled model in the file.

    Raises:
        FileNotFoundError: there is none.
        SpaceError: it has classes that Keras can't find, or that fail.
    """
    import keras

    if not path.is_file():
        raise FileNotFoundError(f"there is no model {path}")
    try:
        return keras.saving.load_model(path, compile=False)
    except OSError:
        raise
    except Exception as error:
        raise SpaceError(f"the model {path} can't be opened: {condensed(str(error)).rstrip('.')}. {ADVICE}") from error
