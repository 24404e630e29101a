"""The report as one HTML page: figures, tables, style and scripts inside, nothing from the network.

Whatever comes from the study is escaped: by Jinja in the page, by `plain` in figures. Should that ever fail, the page's
own security policy lets no script run but the two that are meant, and nothing be asked for.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from search.views.plots import Panel

PACKAGE = "search.report"


def render(template: str, panels: Sequence[Panel], **content: Any) -> str:
    """The whole page, from the template of its kind."""
    plotly, script = get_plotlyjs(), resource("page.js")
    return (
        environment()
        .get_template(template)
        .render(
            panels=panels,
            figures=figures_json(panels),
            style=Markup(resource("page.css")),  # noqa: S704 - our own file
            plotly=Markup(plotly),  # noqa: S704 - Plotly's own file
            script=Markup(script),  # noqa: S704 - our own file
            allowed=" ".join(policy_hash(each) for each in (plotly, script)),
            **content,
        )
    )


def environment() -> Environment:
    """Jinja, which escapes everything that goes into a page."""
    made = Environment(
        loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["breakable"] = breakable
    return made


def breakable(text: str) -> Markup:
    """A name that may be broken after its underscores, where the screen is narrow."""
    return Markup(escape(text).replace("_", Markup("_<wbr>")))  # noqa: S704 - escaped here


def resource(name: str) -> str:
    """A file that comes with the package."""
    return files(PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")


def policy_hash(script: str) -> str:
    """How a security policy names a script that may run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def figures_json(found: Sequence[Panel]) -> Markup:
    """The figures as JSON that can stand in a page: no text in it can end the element that it is in."""
    plots = {
        f"{panel.key}-{index}": {"data": plot.data, "layout": plot.layout}
        for panel in found
        for index, plot in enumerate(panel.plots)
    }
    text = msgspec.json.encode(plots).decode()
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(safe)  # noqa: S704 - made safe in the line above
