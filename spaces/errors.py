"""What can be wrong with a space.

SpaceError                  a space can't be used; its message says why and what to do
├── UnknownSpace            no space has that name
├── SpaceFileError          a file or module that should define a space doesn't
├── SpaceChanged            the source of a study's space isn't that of the study
├── ConfigurationError      a configuration that can't be built
└── Infeasible              a trial that a space vetoes, or that breaks a limit: no failure
"""


class SpaceError(ValueError):
    """A space can't be used."""


class UnknownSpace(SpaceError):
    """No space has that name."""


class SpaceFileError(SpaceError):
    """A file or module that should define a space doesn't."""


class SpaceChanged(SpaceError):
    """The source of a study's space isn't that of the study; nothing of it was run."""


class ConfigurationError(SpaceError):
    """A configuration that can't be built."""


class Infeasible(SpaceError):
    """A trial isn't wanted: raised by a space's own `suggest` or `build`, with the reason, or where a limit is broken.

    It ends the trial as infeasible. That isn't a failure: it is counted apart, and samplers avoid parameters like it.
    """
