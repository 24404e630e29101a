"""Literal text in rich's tables and views: brackets aren't markup, and colons aren't emoji."""

from rich.text import Text

from search.console.outside_text import shown


def plain(text: str, style: str = "") -> Text:
    """The text for a terminal."""
    return Text(shown(text), style)
