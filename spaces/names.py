"""What is said when a name is none of the valid ones."""

import difflib
import re
from collections.abc import Iterable, Mapping

NEAR = 0.65  # of names that differ in a letter or two; those that share a few letters by chance are below


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> str:
    """A sentence that names the nearest valid name, if one is near, and lists all of them."""
    names = list(valid)
    near = nearest_name(name, names)
    suggestion = "" if near is None else f" Did you mean {near!r}?"
    return f"There is no {kind} {name!r}.{suggestion} Valid: {', '.join(names)}."


def nearest_name(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that was probably meant: one with a similar spelling, else the only one that has its words."""
    words: Mapping[tuple[str, ...], str] = {words_of(one): one for one in valid}
    spelled = {" ".join(one): whole for one, whole in words.items()}
    near = difflib.get_close_matches(" ".join(words_of(name)), spelled, n=1, cutoff=NEAR)
    if near:
        return spelled[near[0]]
    having = [whole for one, whole in words.items() if words_of(name) and set(words_of(name)) <= set(one)]
    return having[0] if len(having) == 1 else None


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name: --n-trials, N_TRIALS and n_trials have the same."""
    return tuple(re.findall(r"[^\W_]+", name.lower()))
