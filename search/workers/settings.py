"""What workers are told of how to run."""

from dataclasses import dataclass, fields
from pathlib import Path

TRAINER_MEMORY_MB = 4000.0
OUTAGE_S = 600.0
WAIT_S = 60.0


@dataclass(frozen=True)
class WorkerSettings:
    """How workers run. Times are in seconds, memory is resident and in MB; None for no limit, and `n_workers` None for
    as many as the machine allows. `space` and `dataset` are the study's paths on this host, None for those in its
    manifest. `job` is the cluster's job that the worker runs in, and `leave_before` when it ends, in Unix seconds.
    With `trust_spaces`, the source of a user's own space that is kept with the study is run where its file is missing.
    """

    n_workers: int | None = None
    gpus: str = "all"
    workers_per_gpu: int = 1
    timeout: float | None = None
    trial_timeout: float | None = None
    trial_memory: float | None = None
    trainer_memory: float = TRAINER_MEMORY_MB
    outage: float = OUTAGE_S
    wait: float = WAIT_S
    artifacts: Path | None = None
    data_dir: Path | None = None
    space: str | None = None
    dataset: str | None = None
    job: str | None = None
    leave_before: float | None = None
    trust_spaces: bool = False

    def for_one_worker(self) -> list[str]:
        """The arguments of a process that is one of these workers; its environment says which GPU it uses."""
        decided = ("n_workers", "gpus", "workers_per_gpu")
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in decided}
        flags = {f"--{name.replace('_', '-')}": value for name, value in given.items() if value not in (None, False)}
        named = [flag if value is True else f"{flag}={value}" for flag, value in flags.items()]
        return ["--n-workers=1", "--gpus=all", *named]
