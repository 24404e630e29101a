"""From the flags of `python -m search.compare` to the plans of its comparisons."""

from search.design.axis_plan import axis_plan
from search.design.given_plans import file_plan, published_plans
from search.design.options import CompareOptions
from search.design.plan import ComparisonPlan
from search.errors import UsageError


def make_plans(options: CompareOptions) -> tuple[ComparisonPlan, ...]:
    """The comparisons that the flags ask for, in their order; nothing was created.

    Raises:
        UsageError, SpaceError, StorageUsageError: something is wrong with the flags.
        StorageUnreachable: the database doesn't answer.
    """
    kinds = {"--axis": options.axis, "--arms": options.arms, "--published": options.published}
    given = [flag for flag, value in kinds.items() if value]
    if len(given) != 1:
        what = f"{' and '.join(given)} can't go together" if given else "there is nothing to compare"
        raise UsageError(f"{what}: give --space S --axis PARAMETER, or --arms A.json B.json, or --published ARTICLE")
    require_fitting_flags(options, given[0])
    if options.published:
        return published_plans(options)
    return (file_plan(options),) if options.arms else (axis_plan(options),)


def require_fitting_flags(options: CompareOptions, kind: str) -> None:
    """Raises UsageError if flags were given that mean nothing for such arms."""
    fitting: dict[str, dict[str, object]] = {
        "--axis": {
            "--at": options.at,
            "--choices": options.choices,
            "--fix": options.fixed,
            "--only": options.only,
            "--range": options.ranges,
            "--search": options.origin,
            "--set": options.settings,
            "--tune": options.tune,
        },
        "--arms": {},
        "--published": {"--experiment": options.experiment},
    }
    every = {flag: value for flags in fitting.values() for flag, value in flags.items()}
    idle = [flag for flag, value in every.items() if value and flag not in fitting[kind]]
    if idle:
        raise UsageError(f"{', '.join(idle)} can't go with {kind}: leave it out")
