"""What ends a launch's search before all its trials are done, and whether one that has ended goes on."""

from search.errors import UsageError
from search.launching.asked_manifest import Existing
from search.launching.options import LaunchOptions
from storage import Manifest
from storage.ending import EndingRule


def wanted_rule(options: LaunchOptions, manifest: Manifest, existing: Existing | None) -> EndingRule | None:
    """What ends the search: the flags, and where one wasn't given, what the study has. 0 takes --patience and
    --until-converged away. None if nothing ends it but the number of its trials.

    Raises:
        UsageError: the target is a value that the objective can't have.
    """
    stored = None if existing is None else existing.rule
    known = stored or EndingRule(manifest.direction)
    require_target(options, manifest)
    rule = EndingRule(
        direction=manifest.direction,
        target=known.target if options.target is None else options.target,
        patience=(known.patience if options.patience is None else options.patience) or None,
        margin=(known.margin if options.until_converged is None else options.until_converged) or None,
    )
    return None if rule.asks_the_same(EndingRule(manifest.direction)) else rule


def require_target(options: LaunchOptions, manifest: Manifest) -> None:
    """Raises UsageError for a share of images above 1 or below 0."""
    if options.target is not None and manifest.goal.is_share and not 0 <= options.target <= 1:
        raise UsageError(
            f"--target {options.target:g}: {manifest.objective} is from 0 to 1, so that 99 % is --target 0.99"
        )


def goes_on(options: LaunchOptions, rule: EndingRule | None, existing: Existing | None) -> bool:
    """Whether a search that has ended goes on: the flags ask for more trials than it had, or for another end."""
    if existing is None or existing.ended is None:
        return False
    same = existing.rule is not None and rule is not None and rule.asks_the_same(existing.rule)
    return not same or (options.n_trials or 0) > existing.ended.ordered


def ended_note(existing: Existing | None, *, going_on: bool) -> str | None:
    """What to say about a search that has ended; None about another."""
    if existing is None or existing.ended is None or going_on:
        return None
    return (
        f"the search has ended: {existing.ended.words}. To continue it, give another --target, --patience or "
        f"--until-converged, or --n-trials above {existing.ended.ordered}"
    )
