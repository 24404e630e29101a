"""Programs that are kept, one for each key on images of one kind, whatever split the images are of."""

from typing import TYPE_CHECKING

from search.training.backends.protocol import Backend, TracedStore
from search.training.lru_cache import LruCache
from search.training.models.building import InputSpec
from search.training.shared_programs.program_key import program_layers
from search.training.shared_programs.trace_key import KeptSteps, kept_steps
from spaces.configuration import Configuration
from spaces.layers import Layer

if TYPE_CHECKING:
    from search.training.shared_programs.graph_cache import GraphCache
    from search.training.shared_programs.shared_program import SharedProgram

CACHED_PROGRAMS = 24
CACHED_BYTES = 2**29
CACHED_SPECS = 4  # a study may search sizes of images and of batches

ProgramKey = tuple[tuple[Layer, ...], int, InputSpec, bool]


class ProgramCache:
    """Makes programs, and keeps those that were used last. Those that are in `store` aren't traced."""

    def __init__(self, backend: Backend, store: TracedStore | None = None) -> None:
        self._backend, self._store = backend, store
        self._programs: LruCache[ProgramKey, SharedProgram] = LruCache(
            CACHED_PROGRAMS, CACHED_BYTES, lambda program: program.size
        )
        self._graphs: LruCache[InputSpec, GraphCache] = LruCache(CACHED_SPECS)

    def program(
        self, configuration: Configuration, spec: InputSpec, batch_size: int, *, weighted: bool = False
    ) -> "SharedProgram":
        """The program for all configurations that share this one's key, with weights of classes or without.

        Raises:
            SpaceError: the images are too small for it.
        """
        from search.training.shared_programs.graph_cache import GraphCache
        from search.training.shared_programs.shared_program import SharedProgram

        graphs = self._graphs.get(spec, lambda: GraphCache(self._backend))
        key = program_layers(configuration), batch_size, spec, weighted
        return self._programs.get(
            key, lambda: SharedProgram(configuration, spec, batch_size, graphs, self._kept(key), weighted=weighted)
        )

    def _kept(self, key: ProgramKey) -> KeptSteps:
        return KeptSteps() if self._store is None else kept_steps(self._store, key)
