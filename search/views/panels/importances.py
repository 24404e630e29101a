"""The importances of a search's parameters, as bars."""

from search.views import palette
from search.views.importances import Importances
from search.views.lessons import FEWEST
from search.views.plots import Panel, Plot, axis, layout, plain

TITLE = "Importances"


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
        "marker": {"color": palette.BLUE},
        "hovertemplate": "%{y}: %{x:.1%}<extra></extra>",
    }
    look = layout(axis("share of the variance explained", tickformat=".0%"), axis(""), showlegend=False)
    plot = Plot("Bar chart of the importance of each parameter.", (bars,), {**look, "height": 120 + 34 * len(shares)})
    notes = (
        f"fANOVA over {found.n} completed trials and the parameters that all of them have; the dashboard shows the "
        "same. The trials were chosen by the sampler and the pruner, so that this describes where this search went"
        + (", and with so few trials it is a rough guess." if found.n < 4 * FEWEST else "."),
    )
    return Panel("importances", TITLE, (plot,), notes)
