"""Why a trial failed, in one word: the same from the trainer to the database."""

from typing import Literal

FailureKind = Literal["out_of_memory", "timeout", "crash", "space_error", "data_error", "storage_error", "infeasible"]
