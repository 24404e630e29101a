"""Spaces in words and in JSON."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from search.views.layout import layer_lines, terminal_width, wrapped
from spaces import Space, SpaceSource
from spaces.contract import parameters
from spaces.distributions import Choices, Distribution
from spaces.drawings import Drawing, drawings

LONGEST_LINE = 118
INDENT = "  "


def all_as_text(sources: Sequence[SpaceSource]) -> str:
    """Every space with its question, parameters and baselines."""
    parts = ["\n".join(_short(source)) for source in sources]
    return "\n\n".join([*parts, "One in full, its layers drawn: python -m search.spaces NAME"])


def one_as_text(source: SpaceSource) -> str:
    """One space with all that it says of itself, and its layers drawn."""
    space = source.space
    facts = (
        f"version {space.version}; by default {space.n_trials} trials of {space.epochs} epochs, "
        f"batches of {space.batch_size}"
    )
    parts = [[*_head(source), *_wrapped(space.description), *_wrapped(facts)], ["Parameters", *_ranges(space)]]
    if space.baselines:
        parts.append(["Baselines", *_baselines(space)])
    parts.append(["Layers", *_layers(space)])
    return "\n\n".join("\n".join(lines) for lines in parts)


def all_as_json(sources: Sequence[SpaceSource]) -> str:
    """All spaces as one JSON document: a list."""
    return json.dumps([_document(source) for source in sources], indent=2)


def one_as_json(source: SpaceSource) -> str:
    """One space as a JSON document, with its drawings."""
    drawn = [{"choices": dict(each.choices), "layers": each.layers.splitlines()} for each in drawings(source.space)]
    return json.dumps({**_document(source), "fingerprint": source.fingerprint, "drawings": drawn}, indent=2)


def line_width() -> int:
    """How long lines may be: long ones are hard to read, however wide the terminal is."""
    return min(LONGEST_LINE, terminal_width())


def _short(source: SpaceSource) -> Iterator[str]:
    yield from _head(source)
    yield from _ranges(source.space)
    if source.space.baselines:
        yield from _fact("baselines", ", ".join(baseline.name for baseline in source.space.baselines))


def _head(source: SpaceSource) -> Iterator[str]:
    yield source.ref
    yield from _wrapped(source.space.question)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, line_width(), initial_indent=INDENT, subsequent_indent=INDENT)


def _ranges(space: Space) -> list[str]:
    return [line for name, distribution in parameters(space).items() for line in _fact(name, str(distribution))]


def _fact(name: str, text: str) -> list[str]:
    return wrapped(f"{INDENT}{name:<18}{text}", line_width(), hanging=" " * 20)


def _baselines(space: Space) -> Iterator[str]:
    for baseline in space.baselines:
        yield f"{INDENT}{baseline.name}"
        params = ", ".join(f"{name} {value}" for name, value in baseline.params.items())
        for text in (params, baseline.note):
            yield from textwrap.wrap(text, line_width(), initial_indent=INDENT * 2, subsequent_indent=INDENT * 2)


def _layers(space: Space) -> list[str]:
    if space.build is not None:
        return [f"{INDENT}The space builds its models itself."]
    return [line for drawing in drawings(space) for line in _drawn(drawing)]


def _drawn(drawing: Drawing) -> list[str]:
    title = ", ".join(f"{name} {value}" for name, value in drawing.choices.items()) or "in every trial"
    layers = [layer for line in drawing.layers.splitlines() for layer in layer_lines(line, line_width(), INDENT * 2)]
    return [*wrapped(title, line_width(), INDENT, INDENT * 3), *layers]


def _document(source: SpaceSource) -> dict[str, Any]:
    space = source.space
    return {
        "ref": source.ref,
        "name": space.name,
        "question": space.question,
        "description": space.description,
        "version": space.version,
        "n_trials": space.n_trials,
        "epochs": space.epochs,
        "batch_size": space.batch_size,
        "parameters": {name: _range(distribution) for name, distribution in parameters(space).items()},
        "baselines": [{"name": b.name, "params": dict(b.params), "note": b.note} for b in space.baselines],
    }


def _range(distribution: Distribution) -> dict[str, Any]:
    if isinstance(distribution, Choices):
        return {"choices": list(distribution.values)}
    return {
        "low": distribution.low,
        "high": distribution.high,
        "step": distribution.step,
        "log": distribution.log,
        "integer": distribution.integer,
    }
