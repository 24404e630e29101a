"""What can go wrong with the shared study, by whose turn it is to act. No message holds a password.

StorageError
├── StorageUsageError           the person who typed the command        exit code 2, nothing created
│   ├── UrlError                the URL can't be a study's
│   ├── NotAStudyDatabase       the file or database belongs to something else
│   ├── SchemaTooNew            a newer release wrote the tables
│   ├── StudyNotFound           the database has no study of that name
│   └── ManifestMismatch        the study exists, with other settings
├── StorageUnreachable          whoever runs the database or its disk   exit code 3 at start-up, else try again
├── StorageGone                 whoever took the file away              exit code 3; trying again is no use
├── LeaseLost                   the worker: it drops the trial, another one has it
├── AlreadyBound                whoever binds trials by hand: the slot has another one
└── ArtifactError               a file of a trial couldn't be kept or read; the trial goes on
"""


class StorageError(Exception):
    """The root of the errors of the shared study."""


class StorageUsageError(StorageError):
    """The command can't be carried out as it was typed."""


class UrlError(StorageUsageError):
    """The URL can't be that of a study's database."""


class NotAStudyDatabase(StorageUsageError):
    """The file is no database, or the database belongs to something else; it was left untouched."""


class SchemaTooNew(StorageUsageError):
    """A newer release of this program wrote the tables."""


class StudyNotFound(StorageUsageError):
    """The database has no study of that name."""


class ManifestMismatch(StorageUsageError):
    """The study exists, but what it searches differs from what was asked for."""


class StorageUnreachable(StorageError):
    """The database didn't answer, or refused: the same call may succeed later."""


class StorageGone(StorageError):
    """The database's file, or its log, was deleted or replaced while it was in use: no call will succeed any more."""


class LeaseLost(StorageError):
    """The slot is no longer this lease's: released, finished, or claimed again with a newer token."""


class AlreadyBound(StorageError):
    """The slot already has another trial, or the trial another slot."""


class ArtifactError(StorageError):
    """A file of a trial couldn't be kept or read."""
