"""Programs that are kept, one for each sequence of slots on images of one kind, whatever split the images are of."""

from typing import TYPE_CHECKING

from search.training.backends.protocol import Backend, TracedStore
from search.training.lru_cache import LruCache
from search.training.models.building import InputSpec
from search.training.shared_programs.skeleton import Slots
from search.training.shared_programs.trace_key import KeptSteps, kept_steps
from spaces.configuration import Configuration

if TYPE_CHECKING:
    from search.training.shared_programs.graph_cache import GraphCache
    from search.training.shared_programs.shared_program import SharedProgram

CACHED_PROGRAMS = 24
CACHED_BYTES = 2**29
CACHED_SPECS = 4  # a study may search sizes of images and of batches

ProgramKey = tuple[Slots, int, InputSpec, bool]


class ProgramCache:
    """Makes programs, and keeps those that were used last. Those that are in `store` aren't traced."""

    def __init__(self, backend: Backend, store: TracedStore | None = None) -> None:
        self._backend, self._store = backend, store
        self._programs: LruCache[ProgramKey, SharedProgram] = LruCache(
            CACHED_PROGRAMS, CACHED_BYTES, lambda program: program.size
        )
        self._graphs: LruCache[InputSpec, GraphCache] = LruCache(CACHED_SPECS)

    def program(
        self, configuration: Configuration, slots: Slots, spec: InputSpec, batch_size: int, *, weighted: bool = False
    ) -> "SharedProgram":
        """The program of these slots, which the configuration fills, with weights of classes or without.

        Raises:
            SpaceError: the images are too small for it.
        """
        from search.training.shared_programs.graph_cache import GraphCache
        from search.training.shared_programs.shared_program import SharedProgram

        graphs = self._graphs.get(spec, lambda: GraphCache(self._backend))
        key = slots, batch_size, spec, weighted

        def make() -> SharedProgram:
            kept = self._kept(key)
            return SharedProgram(configuration, spec, batch_size, graphs, kept, slots=slots, weighted=weighted)

        return self._programs.get(key, make)

    def _kept(self, key: ProgramKey) -> KeptSteps:
        return KeptSteps() if self._store is None else kept_steps(self._store, key)
