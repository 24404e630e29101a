"""TensorFlow functions that are traced once for all processes: stored as definitions, and loaded without tracing.

A stored function is a graph that calls it, with the definitions of all functions in its library. What it captures is
passed to it as arguments: variables as resources, constants by value. Only TensorFlow's public interface is used.
"""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import tensorflow as tf

from search.training.backends.function_names import named_by_content
from search.training.backends.protocol import Kept, Tensor, Variable
from search.training.backends.settings import xla_wanted

CALL = "call"
STATEFUL_CALL = "StatefulPartitionedCall"

log = logging.getLogger(__name__)

Function = Callable[..., Tensor]
TracedFunction = Any  # a `tf.function`


class StoredFunction(msgspec.Struct, frozen=True, array_like=True):
    """A traced function as a serialized GraphDef; and what it captures, in the order of its last arguments: a
    variable's number, or a serialized TensorProto.
    """

    graph: bytes
    captures: tuple[int | bytes, ...]


class KeptFunction:
    """A `tf.function` of tensors with one tensor as its value, which isn't traced where it is in a store. Of what it
    captures, all that may change is in `variables`.
    """

    def __init__(self, traced: TracedFunction, variables: Sequence[Variable], kept: Kept) -> None:
        self._traced, self._variables, self._kept = traced, variables, kept
        self._functions: dict[tuple[Any, ...], Function] = {}

    def __call__(self, *arguments: Tensor) -> Tensor:
        """Its value, traced or loaded at the first call with arguments of these types and shapes."""
        form = tuple((tensor.dtype.name, tuple(tensor.shape)) for tensor in arguments)
        if form not in self._functions:
            self._functions[form] = self._function(arguments, f"{self._kept.key}{json.dumps([form, _settings()])}")
        return self._functions[form](*arguments)

    def _function(self, arguments: Sequence[Tensor], key: str) -> Function:
        if not _can_be_kept():
            return self._traced  # type: ignore[no-any-return]
        handles = [variable.value.handle for variable in self._variables]
        function = self._loaded(key, handles)
        if function is not None:
            return function
        traced = _stored(self._traced.get_concrete_function(*arguments), handles)
        if traced is not None:
            self._kept.store.put(key, msgspec.msgpack.encode(traced))
        return self._traced  # type: ignore[no-any-return]

    def _loaded(self, key: str, handles: Sequence[Tensor]) -> Function | None:
        stored = self._kept.store.get(key)
        if stored is None:
            return None
        try:
            return _load(msgspec.msgpack.decode(stored, type=StoredFunction), handles)
        except Exception as error:  # noqa: BLE001  whatever is wrong with what was stored, tracing is right
            log.warning("a stored program can't be loaded, and is traced again: %s", error)
            return None


def _can_be_kept() -> bool:
    """Whether programs are loaded as they are traced. On GPUs, and with XLA, that hasn't been tried."""
    return not (tf.config.functions_run_eagerly() or xla_wanted() or tf.config.list_physical_devices("GPU"))


def _settings() -> dict[str, Any]:
    """What may decide on a graph besides its source."""
    threading = tf.config.threading
    return {
        "tensorflow": [tf.version.VERSION, tf.version.GIT_VERSION],
        "threads": [threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()],
        "options": repr(sorted(tf.config.optimizer.get_experimental_options().items())),
    }


def _stored(concrete: Any, handles: Sequence[Tensor]) -> StoredFunction | None:
    """The function with all that it calls; None if it captures what can't be stored."""
    number = {id(handle): index for index, handle in enumerate(handles)}
    captured = [number.get(id(tensor), tensor) for tensor in concrete.captured_inputs]
    if any(not isinstance(one, int) and one.dtype in (tf.resource, tf.variant) for one in captured):
        log.warning("a program uses a variable that it doesn't name, and isn't stored")
        return None
    captures = [one if isinstance(one, int) else tf.io.serialize_tensor(one).numpy() for one in captured]
    return StoredFunction(_graph(concrete).SerializeToString(), tuple(captures))


def _graph(concrete: Any) -> Any:
    """A graph with a placeholder for each argument, and a call of the function."""
    traced, top = concrete.graph.as_graph_def(), concrete.function_def
    definitions = named_by_content([*traced.library.function, top], top.signature.name)
    signature, graph = definitions[-1].signature, tf.compat.v1.GraphDef(versions=traced.versions)
    graph.library.function.extend(definitions)
    call = tf.compat.v1.NodeDef(name=CALL, op=STATEFUL_CALL)
    call.attr["f"].func.name = signature.name
    call.attr["Tout"].list.type.extend(output.type for output in signature.output_arg)
    for argument in signature.input_arg:
        graph.node.add(name=argument.name, op="Placeholder").attr["dtype"].type = argument.type
        call.input.append(argument.name)
        call.attr["Tin"].list.type.append(argument.type)
    graph.node.append(call)
    return graph


def _load(stored: StoredFunction, handles: Sequence[Tensor]) -> Function:
    """The function, over these variables."""
    graph = tf.compat.v1.GraphDef.FromString(stored.graph)
    names = list(graph.node[-1].input)
    types = [tf.as_dtype(node.attr["dtype"].type) for node in graph.node[:-1]]
    of_captures = types[len(types) - len(stored.captures) :]
    captured = [
        handles[one] if isinstance(one, int) else tf.io.parse_tensor(one, dtype)
        for one, dtype in zip(stored.captures, of_captures, strict=True)
    ]

    def call(*inputs: Tensor) -> Tensor:
        given = {f"{name}:0": tensor for name, tensor in zip(names, inputs, strict=True)}
        (value,) = tf.graph_util.import_graph_def(graph, given, [f"{CALL}:0"], name="")
        return value

    function = tf.compat.v1.wrap_function(call, [tf.TensorSpec(None, dtype) for dtype in types])
    return lambda *arguments: function(*arguments, *captured)
