"""The configuration that a trial trained, from its parameters."""

from collections.abc import Mapping
from typing import Any

from optuna.trial import FixedTrial

from spaces.blame import describe
from spaces.configuration import Configuration
from spaces.errors import SpaceError
from spaces.questions import PlainTrial
from spaces.space import Space


def configuration_of(space: Space, params: Mapping[str, Any]) -> Configuration:
    """What the space makes of these parameters.

    Raises:
        SpaceError: it asks for others, because it has changed since.
    """
    try:
        return space.suggest(PlainTrial(FixedTrial(dict(params))))
    except SpaceError:
        raise
    except Exception as error:
        raise SpaceError(
            f"the space {space.name!r} makes no configuration of {dict(params)}: {describe(error)}. "
            "Has it changed since the study was made?"
        ) from error
