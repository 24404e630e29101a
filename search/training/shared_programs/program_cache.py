"""Programs that are kept, one for each structure on images of one kind, whatever split the images are of."""

from typing import TYPE_CHECKING

from search.training.lru_cache import Recent
from search.training.models.building import Setting
from search.training.shared_programs.program_key import structure_of
from spaces.configuration import Configuration
from spaces.layers import Layer

if TYPE_CHECKING:
    from search.training.shared_programs.graph_cache import SharedParts
    from search.training.shared_programs.shared_program import Program

KEPT_PROGRAMS = 24
KEPT_BYTES = 2**29
KEPT_SETTINGS = 2

Key = tuple[tuple[Layer, ...], int, Setting]


class Programs:
    """Makes programs, and keeps those that were used last."""

    def __init__(self) -> None:
        self._programs: Recent[Key, Program] = Recent(KEPT_PROGRAMS, KEPT_BYTES, lambda program: program.size)
        self._parts: Recent[Setting, SharedParts] = Recent(KEPT_SETTINGS)

    def program(self, configuration: Configuration, setting: Setting, batch_size: int) -> "Program":
        """The program for configurations of this one's structure.

        Raises:
            SpaceError: the images are too small for it.
        """
        from search.training.shared_programs.graph_cache import SharedParts
        from search.training.shared_programs.shared_program import Program

        parts = self._parts.get(setting, SharedParts)
        key = structure_of(configuration), batch_size, setting
        return self._programs.get(key, lambda: Program(configuration, setting, batch_size, parts))
