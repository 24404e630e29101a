"""What a measurement was made on: it is worth nothing without."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("optuna", "sqlalchemy", "psycopg", "numpy", "keras", "tensorflow", "jax")


def machine_facts() -> dict[str, Any]:
    """Processor, memory, load and versions, for the JSON of a benchmark."""
    return {
        "processor": processor(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": round(psutil.getloadavg()[0], 1),
        "system": platform.system() + " " + platform.release(),
        "versions": {"python": platform.python_version()} | versions(),
    }


def processor() -> str:
    """The processor's name, as the system gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """The versions of the packages that are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
