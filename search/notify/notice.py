"""A notice about a study."""

from dataclasses import dataclass
from typing import Literal

NoticeKind = Literal["ended", "failed", "decided", "no worker"]


@dataclass(frozen=True)
class Notice:
    """A message about a study, in plain text. Two notices of the same kind and `occasion` are about the
    same event, whichever process noticed it: only one of them is sent.
    """

    kind: NoticeKind
    occasion: str
    title: str
    text: str
