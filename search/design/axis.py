"""The arms of an axis: its choices, everything else equal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from search.design.base import BaseParameters
from search.design.options import StudyFlags
from search.errors import UsageError
from search.study.space import widening_of
from spaces import SpaceSource
from spaces.class_weight import CLASS_WEIGHT, CLASS_WEIGHTS, ClassWeight
from spaces.configuration import Configuration, Scalar
from spaces.contract import parameters
from spaces.distributions import Choices, Distribution
from spaces.errors import SpaceError
from spaces.names import unknown_name
from spaces.narrowing import parse_value
from spaces.space import Space
from spaces.trials import DryTrial
from spaces.widening import (
    BATCH_SIZE,
    IMAGE_SIZE,
    Widening,
    batch_size_given,
    class_weight_given,
    image_size_given,
    require_undecided,
    widened,
)
from storage import Manifest

VALUES_OF = MappingProxyType({BATCH_SIZE: "--batch-size 32,64,128", IMAGE_SIZE: "--image-size 64,96"})


@dataclass(frozen=True)
class SpaceArm:
    """A choice of an axis: the parameters and the configuration of the arm, and what had to be taken from elsewhere."""

    name: str
    params: Mapping[str, Scalar]
    configuration: Configuration
    notes: tuple[str, ...] = ()


def with_added(source: SpaceSource, flags: StudyFlags, searched: Manifest | None = None) -> SpaceSource:
    """The space with a parameter for its batch size, its images' size and its class weights, of which the flags, or
    else a search, have several.

    Raises:
        UsageError: a batch size, a size of images or a class weight is given, and the space decides by itself.
    """
    known = Widening() if searched is None else widening_of(searched)
    sizes = flags.batch_size or known.batch_sizes
    images = flags.image_size or known.image_sizes
    weights = flags.class_weight or known.class_weights
    if len(sizes) == 1:
        require_undecided(source.space, BATCH_SIZE, batch_size_given(sizes))
    if len(images) == 1:
        require_undecided(source.space, IMAGE_SIZE, image_size_given(images))
    if weights:
        require_undecided(source.space, CLASS_WEIGHT, class_weight_given(weights))
    added = Widening(
        batch_sizes=sizes if len(sizes) > 1 else (),
        class_weights=weights if len(weights) > 1 else (),
        image_sizes=images if len(images) > 1 else (),
    )
    return replace(source, space=widened(source.space, added))


def weights_of_axis(source: SpaceSource, axis: str, given: tuple[ClassWeight, ...]) -> tuple[ClassWeight, ...]:
    """The class weights that a comparison adds to its space: those that are given, or all if they are the axis, and
    the space has no parameter for them.

    Raises:
        UsageError: they are the axis, and one is given for all arms.
    """
    if axis != CLASS_WEIGHT:
        return given
    if len(given) == 1:
        raise UsageError(f"--class-weight {given[0]}: it is the axis, whose choices are the arms; leave it out")
    return given or (() if CLASS_WEIGHT in parameters(source.space) else CLASS_WEIGHTS)


def axis_choices(space: Space, axis: str, wanted: Sequence[str]) -> tuple[Scalar, ...]:
    """The choices to compare: those that are wanted, else all.

    Raises:
        UsageError: the space has no such parameter, or it has no such choice; or it is a number, and no values of it
            are given; or there are fewer than two.
    """
    distribution = parameter(space, axis)
    if not wanted and not isinstance(distribution, Choices):
        raise UsageError(f"{axis} is a number, {distribution}: say which values are the arms, as in --choices 0.1,0.5")
    chosen = tuple(parse(axis, text, distribution) for text in wanted)
    if isinstance(distribution, Choices) and not wanted:
        chosen = distribution.values
    twice = [str(choice) for choice in dict.fromkeys(chosen) if chosen.count(choice) > 1]
    if twice:
        raise UsageError(f"--choices has {', '.join(twice)} twice")
    if len(chosen) < 2:
        raise UsageError(f"a comparison needs two arms or more; the choices of {axis} are {distribution}")
    return chosen


def parameter(space: Space, name: str) -> Distribution:
    """The choices or range of a parameter.

    Raises:
        UsageError: the space doesn't have it; lists those that it has.
    """
    known = parameters(space)
    if name not in known and name in VALUES_OF:
        raise UsageError(f"{name} is a parameter of {space.name} once it has values to choose from: {VALUES_OF[name]}")
    if name not in known:
        raise UsageError(f"{unknown_name('axis', name, list(known))} These are the parameters of {space.name}.")
    return known[name]


def parse_settings(space: Space, settings: Sequence[str]) -> dict[str, Scalar]:
    """The parameters that NAME=VALUE texts give.

    Raises:
        UsageError: a text has another form, the space has no such parameter, or the value is outside its range.
    """
    parsed = dict[str, Scalar]()
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting}: give NAME=VALUE, as in --set dropout_rate=0.25")
        parsed[name] = parse(name, text, parameter(space, name))
    return parsed


def parse(name: str, text: str, distribution: Distribution) -> Scalar:
    """The value of a parameter that a text stands for.

    Raises:
        UsageError: it is none of the choices, or not within the range.
    """
    try:
        return parse_value(name, text, distribution)
    except SpaceError as error:
        raise UsageError(str(error)) from error


def axis_arms(
    space: Space, axis: str, choices: Sequence[Scalar], base: BaseParameters, settings: Mapping[str, Scalar]
) -> tuple[SpaceArm, ...]:
    """The arms, with the base's parameters, less those that are set otherwise.

    Raises:
        UsageError: a choice asks for a parameter that neither the base nor any baseline has; or two arms are the same,
            because the axis means nothing here.
    """
    if axis in settings:
        raise UsageError(f"--set {axis}: it is the axis, whose choices are the arms; leave it out")
    arms = tuple(axis_arm(space, axis, choice, base, settings) for choice in choices)
    idle = [name for name in settings if not any(name in arm.params for arm in arms)]
    if idle:
        raise UsageError(f"--set {', '.join(idle)} decides nothing here: no arm asks for it")
    seen = dict[str, str]()
    for arm in arms:
        other = seen.setdefault(arm.configuration.to_json(), arm.name)
        if other != arm.name:
            raise UsageError(
                f"the arms {other} and {arm.name} are the same configuration: {axis} decides nothing at {base.name}; "
                "choose another --at, or --set what it depends on"
            )
    return arms


def axis_arm(space: Space, axis: str, choice: Scalar, base: BaseParameters, settings: Mapping[str, Scalar]) -> SpaceArm:
    """One arm. A parameter that the base lacks, because it makes another choice, is taken from the first baseline that
    has it, one that makes this choice if there is any.
    """
    notes = list[str]()
    alike = [baseline for baseline in space.baselines if baseline.params.get(axis) == choice]
    spare = (*alike, *space.baselines)

    def pick(name: str, distribution: Distribution) -> Scalar:
        if name == axis:
            return choice
        for given in (settings, base.params):
            if name in given and distribution.contains(given[name]):
                return given[name]
        for baseline in spare:
            if name in baseline.params:
                value = baseline.params[name]
                notes.append(f"{name}, which {base.name} lacks, is {value} as in baseline {baseline.name}")
                return value
        raise UsageError(
            f"{axis} {choice} asks for {name}, one of {distribution}, and neither {base.name} nor a baseline has it: "
            f"give it with --set {name}=VALUE"
        )

    trial = DryTrial(pick)
    configuration = space.suggest(trial)
    return SpaceArm(str(choice), dict(trial.params), configuration, tuple(notes))
