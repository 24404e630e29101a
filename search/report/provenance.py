"""What a study was made with, for those who want to repeat it."""

from search.design.options import POINT
from search.study.space import narrowing_of
from search.views.facts import StudyFacts
from search.views.number import plural
from search.views.sentences import in_batches, in_class_weights, in_selection, in_sizes
from storage.comparison import Comparison

Facts = tuple[tuple[str, str], ...]


def provenance(facts: StudyFacts) -> Facts:
    """Names and values for a search: the command, the data with its fingerprint, seeds, versions."""
    manifest = facts.manifest
    return (
        *origin(facts),
        ("objective", f"{manifest.direction} {manifest.objective}{in_selection(manifest)}"),
        ("sampler and pruner", f"{manifest.sampler}, {manifest.pruner}"),
        *means(facts),
    )


def comparison_provenance(facts: StudyFacts, comparison: Comparison) -> Facts:
    """The same for a comparison, in which nothing samples or prunes."""
    looks = " or ".join(f"{look.replicates} (level {look.level:.3g})" for look in comparison.looks)
    if comparison.anytime:
        first, last = comparison.looks[0], comparison.last_look
        looks = f"{first.replicates} to {last.replicates} (e-processes, level {last.level:.3g} over all)"
    return (
        *origin(facts),
        ("objective", facts.manifest.objective),
        ("margin", f"{comparison.margin / POINT:g} points"),
        ("replicates of each arm", looks),
        *((("everything else as", comparison.at),) if comparison.at else ()),
        *((("tuned", f"each arm by {comparison.tuned} trials first"),) if comparison.tuned else ()),
        *((("arms from", comparison.origin),) if comparison.origin else ()),
        *((("article", comparison.article),) if comparison.article else ()),
        *means(facts),
    )


def origin(facts: StudyFacts) -> Facts:
    """The command, the space and the data."""
    manifest, narrowing = facts.manifest, narrowing_of(facts.manifest)
    height, width, channels = manifest.image_shape
    return (
        ("command", manifest.command or "not recorded"),
        ("created", manifest.created_at),
        ("space", f"{manifest.space}, version {manifest.space_version}"),
        *((("narrowed to", str(narrowing)),) if narrowing.names else ()),
        ("fingerprint of the space", manifest.space_fingerprint or "not recorded"),
        (
            "data",
            f"{manifest.dataset}: {height}x{width}x{channels}{in_sizes(manifest)}, {len(manifest.classes)} classes",
        ),
        ("fingerprint of the data", manifest.dataset_fingerprint or "not recorded"),
        (
            "images",
            f"{manifest.n_train} for training, {manifest.n_validation} for validation, {manifest.n_test} for the test",
        ),
        (
            "epochs and batch",
            f"up to {plural(manifest.epochs, 'epoch')}, {in_batches(manifest)}{in_class_weights(manifest)}",
        ),
        ("precision", manifest.precision),
    )


def means(facts: StudyFacts) -> Facts:
    """The seed, devices and versions."""
    manifest = facts.manifest
    devices = sorted({trial.device for trial in facts.trials if trial.device})
    return (
        ("seed", str(manifest.seed)),
        ("devices", ", ".join(devices) or "none yet"),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items()) or "not recorded"),
    )
