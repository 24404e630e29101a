"""A figure as a file for a paper or a slide."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from search.errors import UsageError
from search.host.atomic_file import require_ending, written_whole

if TYPE_CHECKING:
    import plotly.graph_objects as go

ENDINGS = (".svg", ".pdf", ".png")
OR_REPORT = "or take it from a report, whose camera gives SVG: python -m search.report"


def save_figure(figure: "go.Figure", path: Path) -> None:
    """Writes the figure in the format that the file's ending says; an existing file is replaced.

    Raises:
        UsageError: there is no such format, something isn't installed, or the file can't be written.
    """
    require_ending(path, *ENDINGS, what="a figure")
    if find_spec("kaleido") is None:
        raise UsageError(
            "a figure is written by kaleido, which isn't installed: pip install 'keras-image-search[figures]'; "
            f"{OR_REPORT}"
        )
    with written_whole(path) as part:
        try:
            figure.write_image(part)
        except RuntimeError as error:
            if "Chrome" not in str(error):
                raise
            raise UsageError(
                f"a figure is drawn by Chrome or Chromium, which can't be found: install one of them; {OR_REPORT}"
            ) from error
