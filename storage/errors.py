"""The errors of the shared study, by who has to act. No message contains a password.

StorageError
├── StorageUsageError           the person who typed the command        exit code 2, nothing created
│   ├── UrlError                the URL can't be a study's
│   ├── NotAStudyDatabase       the file or database belongs to something else
│   ├── SchemaTooNew            a newer release wrote the tables
│   ├── StudyNotFound           the database has no study of that name
│   ├── NameTaken               another study has the name
│   ├── ForeignStudy            a study of another program has the name
│   └── ManifestMismatch        the study exists, with other settings
├── StorageUnreachable          the operator of the database            exit code 3 at startup, else retry
├── StorageGone                 the operator of the database            exit code 3; retrying is useless
├── LeaseLost                   the worker: it drops the trial, another one has it
└── ArtifactError               a file of a trial couldn't be kept or read; the trial continues
"""


class StorageError(Exception):
    """The root of the errors of the shared study."""


class StorageUsageError(StorageError):
    """The command can't be carried out as it was typed."""


class UrlError(StorageUsageError):
    """The URL can't be that of a study's database."""


class NotAStudyDatabase(StorageUsageError):
    """The file isn't a database, or the database belongs to something else; it wasn't changed."""


class SchemaTooNew(StorageUsageError):
    """A newer release of this program wrote the tables."""


class StudyNotFound(StorageUsageError):
    """The database has no study of that name."""


class NameTaken(StorageUsageError):
    """Another study of the database has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a study {name!r} already: choose another name")


class ForeignStudy(StorageUsageError):
    """A study of another program, with trials, has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the study {name!r} was made by another program and has no manifest: choose another study name"
        )


class ManifestMismatch(StorageUsageError):
    """The study exists with other settings than those asked for."""


class StorageUnreachable(StorageError):
    """The database didn't answer, or refused: the same call may succeed later."""


class StorageGone(StorageError):
    """The database's file, or its log, was deleted or replaced while it was in use: all further calls fail."""


class LeaseLost(StorageError):
    """The slot is no longer this lease's: released, finished, or claimed again with a newer token."""


class ArtifactError(StorageError):
    """A file of a trial couldn't be kept or read."""
