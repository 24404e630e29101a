"""Text in rich's tables and views as it is: brackets in it are no markup, and colons no emoji."""

from rich.text import Text

from search.console.outside_text import shown


def plain(text: str, style: str = "") -> Text:
    """The text for a terminal."""
    return Text(shown(text), style)
