"""The errors, by who has to act.

    SearchError
    ├── UsageError              the person who typed the command         exit code 2, nothing created
    ├── InfrastructureError     the operator of machine or database     exit code 3 at startup
    │   ├── TrainerDied         the worker: it starts a new trainer and resumes from the checkpoint
    │   ├── TrainerUnavailable  the worker: this host can't run a trainer; not a failure of the trial
    │   └── Quarantined         the operator of the host: all trials of this worker failed
    └── SearchFailed            no trial finished                        exit code 1

A failed trial isn't an exception but an outcome: see search/trainers/protocol.py.
"""


class SearchError(Exception):
    """The root of the errors that a command reports in one sentence, without a traceback."""


class UsageError(SearchError):
    """The command can't be carried out as it was typed."""


class InfrastructureError(SearchError):
    """The machine, the disk or the database fails."""


class TrainerDied(InfrastructureError):
    """The trainer process ended, or stopped answering, in the middle of its work."""


class TrainerUnavailable(InfrastructureError):
    """No trainer could be started."""


class Quarantined(InfrastructureError):
    """Several trials in a row failed on this worker for reasons of its host."""


class SearchFailed(SearchError):
    """The search ended without a finished trial."""
