"""The model that a space's own `build` made for a trial, as it was before its first epoch."""

from typing import Any

from search.console.held_errors import errors_held_back
from search.errors import UsageError
from search.study.batch_size import batch_size
from search.study.image_size import image_shape
from search.training.backends.process import set_precision
from search.training.models.building import InputSpec, build_model, seed_all
from spaces import resolve
from spaces.configuration import Configuration
from spaces.errors import SpaceError
from storage import Manifest


def untrained_model(manifest: Manifest, configuration: Configuration, seed: int, n_train: int) -> Any:
    """The model with its first weights, drawn with the trial's seed or brought along by the space.

    Raises:
        UsageError: the space isn't that of the study any more, or its `build` fails here.
    """
    shape, steps = image_shape(manifest, configuration), -(-n_train // batch_size(manifest, configuration))
    setting = InputSpec(shape, len(manifest.classes), steps)
    try:
        with errors_held_back():
            source = resolve(manifest.space, expected=manifest.space_fingerprint)
        set_precision(manifest.precision)
        seed_all(seed)
        return build_model(source.space, configuration, setting)
    except SpaceError as error:
        raise UsageError(
            f"model.py can't be written, as it begins with the weights with which the space's build begins: {error}. "
            "--no-script writes all but the script"
        ) from error
    finally:
        set_precision("float32")
