"""The checks, one per file: each takes a record of the search and gives one finding."""

from collections.abc import Callable, Sequence

from search.check.checks.edges import check_edges
from search.check.checks.failures import check_failures
from search.check.checks.last_epochs import check_last_epochs
from search.check.checks.optimism import check_optimism
from search.check.checks.overfitting import check_overfitting
from search.check.checks.pruning import check_pruning
from search.check.checks.ties import check_ties
from search.check.checks.training_length import check_training_length
from search.check.checks.trials import check_trials
from search.check.finding import Finding
from search.check.record import SearchRecord

# In the order in which one would look at them.
CHECKS: Sequence[Callable[[SearchRecord], Finding]] = (
    check_failures,
    check_trials,
    check_edges,
    check_training_length,
    check_last_epochs,
    check_ties,
    check_optimism,
    check_overfitting,
    check_pruning,
)
