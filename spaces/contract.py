"""What every space must keep to, checked in a moment without Keras, Optuna or a database."""

from collections.abc import Mapping
from contextlib import suppress

from spaces.blame import describe
from spaces.configuration import Configuration, Scalar
from spaces.distributions import Distribution
from spaces.errors import Infeasible, SpaceError
from spaces.space import Baseline, Space
from spaces.trials import DryTrial, fixed_trial, random_trial

RANDOM_TRIALS = 25


def check_space(space: Space) -> None:
    """Checks the space's fields, a number of random trials, and its baselines.

    Raises:
        SpaceError: what is wrong, and with which parameters.
    """
    check_fields(space)
    parameters(space)
    for seed in range(RANDOM_TRIALS):
        check_trial(space, seed)
    for baseline in space.baselines:
        check_baseline(space, baseline)


def parameters(space: Space, trials: int = RANDOM_TRIALS) -> dict[str, Distribution]:
    """The choices or range of every parameter that random trials are asked for.

    Raises:
        SpaceError: a parameter has other choices or another range in another trial.
    """
    found: dict[str, Distribution] = {}
    for seed in range(trials):
        trial = random_trial(seed)
        with suppress(Infeasible):
            configuration_of(space, trial)
        for name, distribution in trial.distributions.items():
            _require_same(name, found.setdefault(name, distribution), distribution)
    return found


def check_trial(space: Space, seed: int) -> None:
    """Checks that a random trial's configuration goes through JSON, and that its parameters give it a second time;
    nothing of one that the space vetoes. What a configuration has in `extra` must have a `build` that reads it.

    Raises:
        SpaceError: one of them isn't so.
    """
    trial = random_trial(seed)
    try:
        configuration = configuration_of(space, trial)
    except Infeasible:
        return
    check_round_trip(configuration)
    if configuration_of(space, fixed_trial(trial.params)) != configuration:
        raise SpaceError(
            f"the same parameters gave two different configurations: {trial.params}. "
            "suggest may depend on nothing but the trial's answers"
        )
    if configuration.extra and space.build is None:
        raise SpaceError(
            f"its configurations have extra ({', '.join(configuration.extra)}), which only a build reads, and it has "
            "no build, so that all of them train the same: give Space(..., build=build), or set fields of Configuration"
        )


def configuration_of(space: Space, trial: DryTrial) -> Configuration:
    """The configuration that the space suggests for a trial.

    Raises:
        Infeasible: `suggest` raised it.
        SpaceError: `suggest` raised something else, or returned something else than a configuration.
    """
    try:
        configuration: object = space.suggest(trial)
    except Infeasible:
        raise
    except SpaceError as error:
        raise SpaceError(f"suggest failed{_with(trial.params)}: {error}") from error
    except Exception as error:
        raise SpaceError(f"suggest raised {describe(error)}{_with(trial.params)}") from error
    if not isinstance(configuration, Configuration):
        raise SpaceError(f"suggest returned {_kind(configuration)}, not a Configuration{_with(trial.params)}")
    return configuration


def check_round_trip(configuration: Configuration) -> None:
    """Checks that the configuration goes through JSON unchanged.

    Raises:
        SpaceError: it doesn't; says which fields differ.
    """
    try:
        again = Configuration.from_json(configuration.to_json())
    except (SpaceError, TypeError, ValueError, OverflowError) as error:
        raise SpaceError(f"the configuration {configuration} doesn't go through JSON: {error}") from error
    names = configuration.__struct_fields__
    changed = [name for name in names if getattr(again, name) != getattr(configuration, name)]
    if changed:
        changes = ", ".join(f"{name} {getattr(configuration, name)!r} -> {getattr(again, name)!r}" for name in changed)
        raise SpaceError(f"the configuration changes on its way through JSON: {changes}")


def check_baseline(space: Space, baseline: Baseline) -> None:
    """Checks that the baseline has a value within its range for each parameter that the space asks for, and no other.

    Raises:
        SpaceError: what is missing, out of range or superfluous.
    """
    trial = fixed_trial(baseline.params)
    try:
        configuration_of(space, trial)
    except SpaceError as error:
        raise SpaceError(f"the baseline {baseline.name!r}: {error}") from error
    superfluous = [name for name in baseline.params if name not in trial.params]
    if superfluous:
        raise SpaceError(
            f"the baseline {baseline.name!r} has parameters that aren't asked for: {', '.join(superfluous)}"
        )


def check_fields(space: object) -> None:
    """Checks the types and ranges of a space's fields.

    Raises:
        SpaceError: what isn't of its type, or out of its range.
    """
    if not isinstance(space, Space):
        raise SpaceError(f"it is {_kind(space)}, not a Space")
    for name in ("name", "question"):
        value = getattr(space, name)
        if not isinstance(value, str) or not value.strip():
            raise SpaceError(f"its {name} must be a text that isn't empty, not {value!r}")
    for name in ("version", "n_trials", "epochs", "batch_size"):
        value = getattr(space, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise SpaceError(f"its {name} must be an integer of 1 or more, not {value!r}")
    if not callable(space.suggest):
        raise SpaceError(f"its suggest must be a function of a trial, not {_kind(space.suggest)}")
    if space.build is not None and not callable(space.build):
        raise SpaceError(f"its build must be a function or None, not {_kind(space.build)}")


def _require_same(name: str, before: Distribution, now: Distribution) -> None:
    if before != now:
        raise SpaceError(
            f"{name!r} is {before} in one trial and {now} in another, and samplers need one range for one name. "
            "Give the parameters different names, or one range"
        )


def _with(params: Mapping[str, Scalar]) -> str:
    return f" for the parameters {dict(params)}" if params else ""


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__} ({value!r})"
