"""The user attributes of a trial: their names and types, stated once."""

from collections.abc import Mapping
from typing import Any, Self

import msgspec

from storage.records import OutcomeKind, OutcomeState


class TrialAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored with a trial as user attributes of these names; None for what isn't stored.

    `slot`, `token` and `seed` are those of the attempt that created the trial. `baseline` names the published
    configuration that it is, `replicate_of` the first trial with the same parameters. `configuration` and `layers` are
    documents (search/study/configurations.py). `paused_after` is the epoch after which it was paused last, and
    `started_over` how often it was trained again from an earlier epoch, as a checkpoint was missing. The others are
    stored when the trial ends: its outcome with its `reason`, and for a failed trial what kind of `failure` it was; how
    many `epochs` were trained; where it ran, the number of the model's `parameters`, the median of `epoch_seconds`, and
    resident memory in MB. `model_problem` says why its model can't be kept, `model_artifact` is the id of one that was.
    """

    slot: int | None = None
    token: int | None = None
    seed: int | None = None
    baseline: str | None = None
    replicate_of: int | None = None
    configuration: Any = None
    layers: Any = None
    paused_after: int | None = None
    started_over: int | None = None
    outcome: OutcomeState | None = None
    epochs: int | None = None
    reason: str | None = None
    failure: OutcomeKind | None = None
    host: str | None = None
    device: str | None = None
    backend: str | None = None
    parameters: int | None = None
    model_problem: str | None = None
    epoch_seconds: float | None = None
    trainer_memory_mb: float | None = None
    trainer_peak_memory_mb: float | None = None
    model_artifact: str | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """What the attributes of a trial say. Trials of other programs may have anything under these names: what isn't
        of its type is as good as absent.
        """
        known = {field.name: field.type for field in msgspec.structs.fields(cls)}
        return cls(**{name: typed(stored[name], known[name]) for name in known.keys() & stored.keys()})

    def stored(self) -> dict[str, Any]:
        """The attributes by their names, without those that are None."""
        found = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in found.items() if value is not None}


def typed(value: Any, type_: Any) -> Any:
    """The value if it is of that type, else None."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return None
