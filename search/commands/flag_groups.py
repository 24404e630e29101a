"""The headings under which --help lists the flags of a command that has many."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

# A command with fewer flags has them in one list.
MANY = 20
FIRST = "Search"

# By the names of parameters; what isn't here is part of what the command is about, and comes first.
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Data": (
            "dataset",
            "data_dir",
            "limit_train",
            "validation",
            "validation_share",
            "image_size",
            "resize",
        ),
        "Training": ("epochs", "batch_size", "precision", "class_weight", "seed"),
        "When it ends": (
            "target",
            "patience",
            "until_converged",
            "timeout",
            "answer",
            "answer_share",
            "until_decided",
            "anytime",
            "max_seeds",
            "idle_exit",
            "leave_before",
        ),
        "Workers": (
            "n_workers",
            "gpus",
            "workers_per_gpu",
            "keep_warm",
            "job",
            "trust_spaces",
            "priority",
            "max_workers",
            "owner",
        ),
        "Limits": ("trial_timeout", "trial_memory", "trainer_memory", "outage", "wait"),
        "Cluster": (
            "on",
            "workers",
            "detach",
            "cpus",
            "memory",
            "time_s",
            "queue",
            "account",
            "options",
            "setup",
            "python",
            "image",
            "namespace",
            "volumes",
            "shared_artifacts",
            "max_jobs",
            "once",
            "every",
            "studies",
        ),
        "Storage and output": (
            "storage",
            "study_name",
            "artifacts",
            "artifact_store",
            "tensorboard",
            "mlflow",
            "config",
            "dry_run",
            "time_epoch",
            "format_",
            "output",
            "force",
            "quiet",
            "verbose",
            "help",
        ),
    }
)
_HEADINGS = {name: heading for heading, names in GROUPS.items() for name in names}


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """The names under their headings, both in the order in which --help has them."""
    found: dict[str, list[str]] = {heading: [] for heading in (FIRST, *GROUPS)}
    for name in names:
        found[_HEADINGS.get(name, FIRST)].append(name)
    for heading, order in GROUPS.items():
        found[heading].sort(key=order.index)
    return {heading: listed for heading, listed in found.items() if listed}
