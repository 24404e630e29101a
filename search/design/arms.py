"""Arms as a comparison's design has them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from search.design.axis import SpaceArm
from spaces.configuration import Configuration
from storage.comparison import ArmDesign


def design_of(arm: SpaceArm) -> ArmDesign:
    """The arm as a manifest has it."""
    return ArmDesign(arm.name, document(arm.configuration), dict(arm.params))


def document(configuration: Configuration) -> dict[str, Any]:
    """A configuration as JSON."""
    decoded: dict[str, Any] = msgspec.json.decode(configuration.to_json())
    return decoded


def without_shared_early_stopping(arms: Sequence[SpaceArm]) -> Sequence[SpaceArm]:
    """The arms as they are, but none stops early if all would in the same way: then it isn't what is compared, and arms
    that were trained for different times would be.
    """
    rules = {arm.configuration.early_stopping for arm in arms}
    if len(rules) > 1 or all(rule is None or rule.patience is None for rule in rules):
        return arms
    return [replace(arm, configuration=_to_the_end(arm.configuration)) for arm in arms]


def _to_the_end(configuration: Configuration) -> Configuration:
    return msgspec.structs.replace(configuration, early_stopping=None)
