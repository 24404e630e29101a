"""The flags of `python -m search.cluster` as a record, and what its jobs' workers are told by them."""

from dataclasses import dataclass, field
from pathlib import Path

from search.cluster.fleet import EngineName, Pods, Resources

IDLE_EXIT_S = 600.0
ANY = "*"


@dataclass(frozen=True)
class ClusterOptions:
    """The flags. Without `study_name` they are about the fleet that serves all studies, or those of the pattern
    `studies`, whose workers end after `idle_exit` seconds without work.
    """

    on: EngineName
    storage: str
    study_name: str | None
    artifacts: Path | None = None
    shared_artifacts: bool = False
    trust_spaces: bool = False
    n_workers: int | None = None
    data_dir: Path | None = None
    python: str = "python"
    module_path: str | None = None
    setup: str = ""
    resources: Resources = field(default_factory=Resources)
    pods: Pods = field(default_factory=Pods)
    quiet: bool = False
    studies: str = ANY
    idle_exit: float = IDLE_EXIT_S


def worker_flags(options: ClusterOptions) -> tuple[str, ...]:
    """The arguments of each job's workers, but for what they serve: one worker per GPU, else one per processor, unless
    their number is given.
    """
    number = options.n_workers
    if number is None and not options.resources.gpus:
        number = options.resources.cpus
    given = {
        "gpus": "all" if options.resources.gpus else "none",
        "n-workers": number,
        "artifacts": options.artifacts and options.artifacts.absolute(),
        "data-dir": options.data_dir and options.data_dir.absolute(),
    }
    trust = ["--trust-spaces"] if options.trust_spaces else []
    return (*(f"--{name}={value}" for name, value in given.items() if value is not None), *trust)
