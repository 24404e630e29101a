"""How much of the differences between completed trials each parameter accounts for."""

import warnings
from dataclasses import dataclass

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from search.report.facts import StudyFacts
from search.report.plots import COLOURS, Panel, Plot, axis, layout, plain
from search.views.lessons import FEWEST

TITLE = "Importances"
SEED = 0
TREES = 32
MOST_TRIALS = 300


@dataclass(frozen=True)
class Importances:
    """Each parameter's share, the largest first; they add up to 1. `n` completed trials were compared.

    `missing` says why there are none.
    """

    shares: tuple[tuple[str, float], ...] = ()
    n: int = 0
    missing: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, the most important first."""
        return tuple(name for name, _ in self.shares)


def find_importances(facts: StudyFacts) -> Importances:
    """The importances by fANOVA (Hutter, Hoos and Leyton-Brown 2014), over the parameters that all trials have."""
    complete = [trial for trial in facts.frozen if trial.state is TrialState.COMPLETE and trial.value is not None]
    n = len(complete)
    if n < FEWEST:
        return Importances((), n, f"Not computed: {n} completed trials are too few, it takes {FEWEST}.")
    if len({trial.value for trial in complete}) == 1:
        return Importances((), n, "Not computable: all completed trials have the same score.")
    # A sample of evenly many over the search: the forest's time grows with their number, what it says doesn't.
    chosen = complete[:: -(-n // MOST_TRIALS)]
    study = optuna.create_study(direction=facts.manifest.direction)
    study.add_trials(chosen)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            evaluator = FanovaImportanceEvaluator(n_trees=TREES, seed=SEED)
            found = get_param_importances(study, evaluator=evaluator)
    except (RuntimeError, ValueError) as error:
        return Importances((), n, f"Not computable: {error}")
    if not found:
        return Importances((), n, "Not computable: the completed trials have no parameter in common that varies.")
    return Importances(tuple((name, float(share)) for name, share in found.items()), len(chosen))


def importances_panel(found: Importances) -> Panel:
    """The shares as bars."""
    if not found.shares:
        return Panel("importances", TITLE, notes=(found.missing,))
    shares = found.shares[::-1]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [round(share, 4) for _, share in shares],
        "y": [plain(name) for name, _ in shares],
        "text": [f"{share:.0%}" for _, share in shares],
        "textposition": "auto",
        "marker": {"color": COLOURS["complete"]},
        "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
    }
    look = layout(axis("share of the variance explained", tickformat=".0%"), axis(""), showlegend=False)
    plot = Plot("Bar chart of the importance of each parameter.", (bars,), {**look, "height": 120 + 34 * len(shares)})
    notes = (
        f"fANOVA over {found.n} completed trials and the parameters that all of them have. The trials were chosen by "
        "the sampler and the pruner, so that this describes where this search went"
        + (", and with so few trials it is a rough guess." if found.n < 4 * FEWEST else "."),
    )
    return Panel("importances", TITLE, (plot,), notes)
