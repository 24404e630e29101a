"""The configurations of a screening: every setting at one of two levels, everything else equal."""

from collections.abc import Mapping, Sequence

from search.design.axis import SpaceArm, parameter, parse
from search.design.base import BaseParameters
from search.errors import UsageError
from search.statistics.scores import IntArray
from search.statistics.screening import FEWEST_SETTINGS, fold_over
from spaces.configuration import Scalar
from spaces.distributions import Distribution
from spaces.space import Space
from spaces.trials import DryTrial
from storage.comparison import TwoLevels


def parse_levels(space: Space, texts: Sequence[str]) -> dict[str, TwoLevels]:
    """The settings that NAME=LOW,HIGH texts give.

    Raises:
        UsageError: a text has another form, the space has no such parameter, a value is outside of its range, or both
            are the same.
    """
    found = dict[str, TwoLevels]()
    for text in texts:
        name, _, values = text.partition("=")
        ends = values.split(",")
        if len(ends) != 2 or not all(ends):
            raise UsageError(f"--levels {text}: give NAME=LOW,HIGH, as in --levels dropout_rate=0.1,0.4")
        if name in found:
            raise UsageError(f"--levels gives {name} twice")
        low, high = (parse(name, end.strip(), parameter(space, name)) for end in ends)
        if low == high:
            raise UsageError(f"--levels {text}: both levels are {low}; give two different ones")
        found[name] = TwoLevels(name, low, high)
    return found


def levels_between(low: BaseParameters, high: BaseParameters) -> dict[str, TwoLevels]:
    """The parameters in which two points of a space differ: low is the first's value, high the second's."""
    both = [name for name in low.params if name in high.params and low.params[name] != high.params[name]]
    return {name: TwoLevels(name, low.params[name], high.params[name]) for name in both}


def chosen_settings(levels: Mapping[str, TwoLevels], wanted: Sequence[str], where: str) -> tuple[TwoLevels, ...]:
    """The settings to screen: those that are wanted, else all.

    Raises:
        UsageError: one has no levels, or there are too few.
    """
    without = [name for name in wanted if name not in levels]
    if without:
        known = f"it has levels for {', '.join(levels)}" if levels else "it has levels for none"
        raise UsageError(
            f"--settings {', '.join(without)}: {where} gives no two levels of it; {known}. Give them: "
            f"--levels {without[0]}=LOW,HIGH"
        )
    chosen = tuple(levels[name] for name in dict.fromkeys(wanted or levels))
    if not chosen:
        raise UsageError(
            "nothing to explain: no setting has two levels; give --levels NAME=LOW,HIGH of two settings or more, or a "
            "--search whose --from and --to differ"
        )
    if len(chosen) < FEWEST_SETTINGS:
        (one,) = chosen
        raise UsageError(
            f"{one.name} is the only setting: compare its values with search.compare --axis {one.name}, or give levels "
            "of others too, with --levels NAME=LOW,HIGH"
        )
    return chosen


def screening_cells(
    space: Space, settings: Sequence[TwoLevels], bases: Sequence[BaseParameters]
) -> tuple[SpaceArm, ...]:
    """The configurations, in the order of the design. A parameter that is no setting is as in the first base that has
    it, else as in the first of the space's baselines.

    Raises:
        UsageError: too many settings; a setting isn't asked for in every configuration; or a parameter has no value.
    """
    rows = fold_over(len(settings))
    levels = [level_values(settings, row) for row in rows]
    cells = tuple(cell(space, signs(row), given, bases) for row, given in zip(rows, levels, strict=True))
    require_active(settings, cells, levels)
    return cells


def signs(row: IntArray) -> str:
    """The name of a configuration: + for each setting at its high level, - for each at its low one."""
    return "".join("+" if up > 0 else "-" for up in row)


def level_values(settings: Sequence[TwoLevels], row: IntArray) -> dict[str, Scalar]:
    """Each setting's value in a row of the design."""
    return {one.name: one.high if up > 0 else one.low for one, up in zip(settings, row, strict=True)}


def cell(space: Space, name: str, levels: Mapping[str, Scalar], bases: Sequence[BaseParameters]) -> SpaceArm:
    """The configuration with these settings."""
    known = (levels, *(base.params for base in bases), *(baseline.params for baseline in space.baselines))

    def pick(asked: str, distribution: Distribution) -> Scalar:
        for params in known:
            if asked in params and distribution.contains(params[asked]):
                return params[asked]
        raise UsageError(
            f"{asked}, one of {distribution}, has no value: neither {bases[0].name} nor a baseline of the space has "
            f"it; give it two levels, with --levels {asked}=LOW,HIGH, or search the space first"
        )

    trial = DryTrial(pick)
    configuration = space.suggest(trial)
    return SpaceArm(name, dict(trial.params), configuration)


def require_active(
    settings: Sequence[TwoLevels], cells: Sequence[SpaceArm], levels: Sequence[Mapping[str, Scalar]]
) -> None:
    """Raises UsageError, with the condition, unless every configuration has every setting."""
    for setting in settings:
        active = [setting.name in one.params for one in cells]
        if not all(active):
            raise UsageError(
                f"{setting.name} {condition(settings, active, levels)}, so that its effect can't be told from that: "
                "leave out one of the two (--settings), or give levels at which it is always asked for (--levels)"
            )


def condition(settings: Sequence[TwoLevels], active: Sequence[bool], levels: Sequence[Mapping[str, Scalar]]) -> str:
    """Where a setting is asked for, if another one decides that; else in how many configurations it is."""
    if not any(active):
        return "is asked for in none of the configurations"
    for setting in settings:
        for value in (setting.low, setting.high):
            if [given[setting.name] == value for given in levels] == list(active):
                return f"is only asked for where {setting.name} is {value}"
    return f"is only asked for in {sum(active)} of the {len(active)} configurations"
