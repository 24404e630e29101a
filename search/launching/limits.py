"""Whether a search can keep to its limits, said before it is created."""

from collections.abc import Sequence

from search.errors import UsageError
from search.launching.cost import own_cost
from search.sampling.limits import limits_of
from search.sampling.samplers import GRID
from spaces import Baseline, Space
from spaces.configuration import Configuration
from spaces.contract import configuration_of
from spaces.limits import SIZES, written
from spaces.trials import fixed_trial
from storage import Manifest


def require_possible(
    space: Space, manifest: Manifest, baselines: Sequence[Baseline], fitting: Sequence[Configuration]
) -> str | None:
    """What to say of a search's limits of sizes: how many of the configurations, drawn at random, keep to them; None
    without such limits.

    Raises:
        UsageError: none does, or a baseline that is to be run doesn't.
    """
    limits = limits_of(manifest, space)
    if space.build is not None and any(name in SIZES for name in manifest.limits):
        return "the space builds its models itself: trials whose models are larger than --limit end as infeasible"
    if not limits.of_sizes:
        return None
    if manifest.sampler == GRID:
        raise UsageError("--limit can't go with --sampler grid, which tries every point: narrow the space with --only")
    for baseline in baselines:
        broken = limits.broken_by(configuration_of(space, fixed_trial(baseline.params)))
        if broken is not None:
            raise UsageError(f"--limit: the baseline {baseline.name} breaks it: {broken}; leave --baselines out")
    within = sum(limits.broken_by(one) is None for one in fitting)
    if not within:
        costs = [own_cost(manifest, one) for one in fitting]
        least = [f"{name} {written(min(map(SIZES[name], costs)))}" for name in limits.of_sizes if costs]
        raise UsageError(
            f"--limit: none of {len(fitting)} configurations drawn at random keeps to it; the smallest of them has "
            f"{', '.join(least)}"
        )
    return f"{within} of {len(fitting)} configurations drawn at random keep to the limits"
