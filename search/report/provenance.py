"""What a study was made with, for whoever wants to repeat it."""

from search.report.facts import StudyFacts


def provenance(facts: StudyFacts) -> tuple[tuple[str, str], ...]:
    """Names and values: the command, the data with its fingerprint, seeds, versions."""
    manifest = facts.manifest
    height, width, channels = manifest.image_shape
    hosts = sorted({f"{trial.device}" for trial in facts.trials if trial.device})
    return (
        ("command", manifest.command or "not recorded"),
        ("created", manifest.created_at),
        ("space", f"{manifest.space}, version {manifest.space_version}"),
        ("fingerprint of the space", manifest.space_fingerprint or "not recorded"),
        ("data", f"{manifest.dataset}: {height}x{width}x{channels}, {len(manifest.classes)} classes"),
        ("fingerprint of the data", manifest.dataset_fingerprint or "not recorded"),
        (
            "images",
            f"{manifest.n_train} for training, {manifest.n_validation} for validation, {manifest.n_test} for the test",
        ),
        ("epochs and batch", f"up to {manifest.epochs} epochs, batch size {manifest.batch_size}"),
        ("precision", manifest.precision),
        ("objective", f"{manifest.direction} {manifest.objective}"),
        ("sampler and pruner", f"{manifest.sampler}, {manifest.pruner}"),
        ("seed", str(manifest.seed)),
        ("devices", ", ".join(hosts) or "none yet"),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items()) or "not recorded"),
    )
