"""Messages for wrong flags: which flag, variable or file has the value, and what was probably meant."""

import os
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import assert_never

import click
from click.core import ParameterSource

from search.commands.answer import answers_alone
from spaces.distributions import Choices, Distribution, Interval
from spaces.names import nearest_name


def explained(error: click.UsageError, arguments: Sequence[str]) -> click.UsageError:
    """The error with the source of its value, or with the flag that was probably meant."""
    match error:
        case click.NoSuchOption(ctx=click.Context() as context):
            return click.UsageError(no_such_flag(error.option_name, context, arguments), context)
        case click.BadParameter(ctx=click.Context() as context, param=click.Parameter() as parameter):
            return at_its_place(error, context, parameter)
        case _:
            return error


def at_its_place(error: click.BadParameter, context: click.Context, parameter: click.Parameter) -> click.UsageError:
    """The error of a value, with the variable or file that has it."""
    message = error.message
    match context.get_parameter_source(parameter.name or ""):
        case ParameterSource.ENVIRONMENT:
            place = f"the environment variable {variable_of(parameter, context)}"
            if isinstance(parameter, click.Option) and parameter.is_flag:
                message = f"{parameter.resolve_envvar_value(context)!r} is neither true nor false: give 1 or 0."
        case ParameterSource.DEFAULT_MAP if "config" in context.params:
            place = f"{flag_of(parameter).removeprefix('--')!r} in {context.params['config']}"
        case _:
            return error
    return click.BadParameter(message, context, parameter, place)


def variable_of(parameter: click.Parameter, context: click.Context) -> str:
    """The environment variable that a parameter takes its value from: the first that is set, else the first."""
    names = variables_of(parameter, context.auto_envvar_prefix or "")
    return next((name for name in names if os.environ.get(name)), names[0])


def variables_of(parameter: click.Parameter, prefix: str) -> tuple[str, ...]:
    """The environment variables that a parameter can take its value from."""
    match parameter.envvar:
        case None:
            return (f"{prefix}_{(parameter.name or '').upper()}",)
        case str() as name:
            return (name,)
        case names:
            return tuple(names)


def flag_of(parameter: click.Parameter) -> str:
    """The long form of a flag."""
    return next((flag for flag in parameter.opts if flag.startswith("--")), parameter.opts[0])


def no_such_flag(name: str, context: click.Context, arguments: Sequence[str]) -> str:
    """The message for an unknown flag: that it is a parameter of the space, or which flag was probably meant."""
    known = [flag for parameter in context.command.params for flag in parameter.opts if flag.startswith("--")]
    drawn = space_parameter(name, context, arguments)
    if drawn is not None:
        return drawn
    near = nearest_name(name, known)
    return f"There is no flag {name}." + ("" if near is None else f" Did you mean {near}?")


def space_parameter(name: str, context: click.Context, arguments: Sequence[str]) -> str | None:
    """What to do if it is the name of a parameter of the searched space, None if it isn't."""
    parameter, reference = name.lstrip("-").replace("-", "_"), space_of(arguments)
    if reference is None:
        return None
    from spaces import resolve
    from spaces.contract import parameters
    from spaces.errors import SpaceError

    try:
        with answers_alone(context):
            space = resolve(reference).space
            valid = parameters(space).get(parameter)
    except SpaceError:
        return None
    if valid is None:
        return None
    flags = {flag for option in context.command.params for flag in option.opts}
    return (
        f"{name} isn't a flag, but a parameter of the space {space.name}: {valid}. {_advice(parameter, valid, flags)}"
    )


def _advice(parameter: str, valid: Distribution, flags: Collection[str]) -> str:
    """How a command that has these flags narrows a parameter."""
    if "--set" in flags:
        return f"--fix {parameter}=VALUE gives it one value in all arms, --axis {parameter} compares its values."
    if "--fix" not in flags:
        return ""
    match valid:
        case Choices(values):
            return f"--only {parameter}={values[0]} searches that alone; several are separated by commas."
        case Interval(low, high):
            return f"--range {parameter}={low:g}:{high:g} gives its bounds, --fix {parameter}=VALUE one value."
        case _:
            assert_never(valid)


def space_of(arguments: Sequence[str]) -> str | None:
    """The space that the arguments, else the environment, name."""
    named = [value for flag, value in pairwise(arguments) if flag == "--space"]
    named += [argument.removeprefix("--space=") for argument in arguments if argument.startswith("--space=")]
    return named[0] if named else os.environ.get("SEARCH_SPACE")
