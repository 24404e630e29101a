"""Templates of this package, filled in."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """A template, filled in. It makes text and code, so that nothing in it is escaped as HTML is."""
    environment = Environment(
        loader=PackageLoader("search.exporting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    return environment.get_template(template).render(**values)
