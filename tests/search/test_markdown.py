"""What comes from outside is shown in Markdown as it is."""

import pytest

from search.views.markdown import escaped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a list?", r"\- a list?"),
        ("+ one", r"\+ one"),
        ("12. of many", r"12\. of many"),
        ("1) first", r"1\) first"),
        ("&lt;b&gt; &copy;", r"\&lt;b\&gt; \&copy;"),
        ("# <b>|x|</b>\n_y_", r"\# \<b\>\|x\|\</b\> \_y\_"),
        ("-0.5 to 1.5 of batch_norm", "-0.5 to 1.5 of batch_norm"),
    ],
)
def test_nothing_in_it_is_markup(text: str, expected: str) -> None:
    assert escaped(text) == expected
