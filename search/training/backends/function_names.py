"""Names for the functions of a traced graph that follow from what the functions do.

TensorFlow numbers functions as a process traces them (`__inference_steps_1234`), and calls them by name. In another
process that name may be another function's, which would then run in its place without a word. Here a function's name is
a digest of its definition, in which the functions that it calls have such names already.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

Definition = Any  # a FunctionDef, TensorFlow's protocol buffer; it has no types
PREFIX = "kept_"

# These name functions of the tracing process, for taking gradients of a graph that is still being traced.
TRACING_ONLY = ("forward_function_name", "backward_function_name")
TRACING_ONLY_OF_NODES = ("_gradient_op_type",)


def named_by_content(definitions: Iterable[Definition], top: str) -> list[Definition]:
    """The function `top` and all that it calls, directly or not, each under its new name; `top` is the last.

    The given definitions are changed.
    """
    return list(_Naming(definitions).callees_first(top))


class _Naming:
    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._definitions = {definition.signature.name: definition for definition in definitions}
        self._names: dict[str, str] = {}

    def callees_first(self, name: str) -> Iterator[Definition]:
        if name in self._names:
            return
        definition = self._definitions[name]
        calls = [call for node in definition.node_def for call in _calls(node)]
        for call in calls:
            yield from self.callees_first(call.name)
        for call in calls:
            call.name = self._names[call.name]
        self._names[name] = _rename(definition)
        yield definition


def _calls(node: Any) -> Iterator[Any]:
    """Where a node names functions."""
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func
        yield from value.list.func


def _rename(definition: Definition) -> str:
    for attribute in TRACING_ONLY:
        definition.attr.pop(attribute, None)
    for node in definition.node_def:
        for attribute in TRACING_ONLY_OF_NODES:
            node.attr.pop(attribute, None)
    definition.signature.name = ""
    content = definition.SerializeToString(deterministic=True)
    definition.signature.name = f"{PREFIX}{hashlib.sha256(content).hexdigest()[:32]}"
    name: str = definition.signature.name
    return name
