"""The configuration of a trial: stored with it when its parameters are drawn, and read from there.

So it never depends on code that may have changed since. Trials of earlier releases only have their parameters. Their
configuration is known in a comparison, whose manifest has its arms, and for a built-in space whose source hasn't
changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from optuna.trial import FixedTrial, FrozenTrial

from search.study.trial_attributes import TrialAttributes
from spaces import is_built_in, resolve
from spaces.arms import ARM
from spaces.blame import describe
from spaces.configuration import Configuration
from spaces.diagram import draw
from spaces.errors import SpaceError
from spaces.questions import PlainTrial
from spaces.space import Space
from storage import Manifest


@dataclass(frozen=True)
class TrialModel:
    """A trial's configuration, and a drawing of its layers as text; None if the space builds its models."""

    configuration: Configuration
    layers: str | None


def trained_attributes(space: Space, configuration: Configuration) -> dict[str, Any]:
    """The user attributes that store it with a trial."""
    layers = None if space.build is not None else draw(configuration)
    return TrialAttributes(configuration=msgspec.json.decode(configuration.to_json()), layers=layers).stored()


def trial_model(manifest: Manifest, trial: FrozenTrial) -> TrialModel:
    """The trial's configuration.

    Raises:
        SpaceError: an earlier release stored nothing, and the configuration isn't known any more; or a newer release
            stored one that this one doesn't know.
    """
    stored = TrialAttributes.of(trial.user_attrs)
    if stored.configuration is not None:
        return TrialModel(_decoded(trial.number, stored.configuration), stored.layers)
    if manifest.comparison is not None:
        return _of_arm(manifest, trial)
    return _recomputed(manifest, trial)


def configuration_of(space: Space, params: Mapping[str, Any]) -> Configuration:
    """The space's configuration for these parameters.

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
            "Has it changed since the study was created?"
        ) from error


def _decoded(number: int, document: object) -> Configuration:
    try:
        return Configuration.from_json(msgspec.json.encode(document))
    except SpaceError as error:
        raise SpaceError(f"the configuration that is stored with trial {number} can't be read: {error}") from error


def _of_arm(manifest: Manifest, trial: FrozenTrial) -> TrialModel:
    arms = {} if manifest.comparison is None else {arm.name: arm.configuration for arm in manifest.comparison.arms}
    name = trial.params.get(ARM)
    if name not in arms:
        raise SpaceError(f"trial {trial.number} is of the arm {name!r}, which the comparison doesn't have")
    configuration = _decoded(trial.number, arms[name])
    return TrialModel(configuration, draw(configuration) if _draws(manifest) else None)


def _draws(manifest: Manifest) -> bool:
    """Whether the study's models are built only from their configuration, as far as that is known without
    running a user's space.
    """
    return manifest.space.startswith("spaces.arms:") or (
        is_built_in(manifest.space) and resolve(manifest.space).space.build is None
    )


def _recomputed(manifest: Manifest, trial: FrozenTrial) -> TrialModel:
    if not is_built_in(manifest.space):
        raise SpaceError(
            f"what trial {trial.number} trained isn't stored with it: an earlier release didn't, and {manifest.space} "
            "isn't run only to show it. Its parameters are known; trials from now on have all of it"
        )
    source = resolve(manifest.space)
    if source.fingerprint != manifest.space_fingerprint:
        raise SpaceError(
            f"what trial {trial.number} trained isn't stored with it: an earlier release didn't, and the space "
            f"{manifest.space} has changed since. Its parameters are known; the release that made the study "
            f"({manifest.versions.get('keras-image-search', 'an earlier one')}) shows all of it"
        )
    space = source.space
    configuration = configuration_of(space, trial.params)
    return TrialModel(configuration, None if space.build is not None else draw(configuration))
