"""Errors of data sets.

DataError                   a data set can't be used; its message says why and what to do
├── UnknownDataset          it is neither the name of a data set nor a path that exists
├── DatasetUnavailable      a named data set is neither on this machine nor to be downloaded
├── ArrayError              arrays that are no labeled images
└── FolderError             a folder that isn't one of labeled images
"""

from search.errors import UsageError


class DataError(UsageError, ValueError):
    """A data set can't be used."""


class UnknownDataset(DataError):
    """It is neither the name of a data set nor a path that exists."""


class DatasetUnavailable(DataError):
    """A named data set is neither on this machine nor to be downloaded."""


class ArrayError(DataError):
    """Arrays that are no labeled images."""


class FolderError(DataError):
    """A folder that isn't one of labeled images."""


def require(holds: bool, message: str) -> None:
    """Raises ArrayError with the message unless the condition holds."""
    if not holds:
        raise ArrayError(message)
