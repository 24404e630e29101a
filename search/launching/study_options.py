"""What every command that makes a study may be told of it, a search or a comparison."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from search.study.batch_size import stored_batch_sizes
from search.study.class_weight import stored_class_weights
from search.study.image_size import stored_image_sizes
from search.workers.settings import WorkerSettings
from spaces.class_weight import ClassWeight
from spaces.metrics import MetricName
from spaces.precision import Precision
from spaces.resizing import ImageSize, Resize
from storage import Manifest
from storage.default_url import DEFAULT_STORAGE


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """Flags that these commands have in common; None, or nothing, where one wasn't given."""

    storage: str = DEFAULT_STORAGE
    study_name: str | None = None
    dataset: str | None = None
    epochs: int | None = None
    batch_size: tuple[int, ...] = ()
    precision: Precision | None = None
    objective: MetricName | None = None
    report_metrics: tuple[MetricName, ...] | None = None
    class_weight: tuple[ClassWeight, ...] = ()
    artifact_store: str | None = None
    seed: int | None = None
    limit_train: int | None = None
    validation_share: float | None = None
    image_size: tuple[ImageSize, ...] = ()
    resize: Resize | None = None
    dry_run: bool = False
    quiet: bool = False
    workers: WorkerSettings = field(default_factory=WorkerSettings)


Options = TypeVar("Options", bound=StudyOptions)


def filled_from(options: Options, stored: Manifest) -> Options:
    """The options, with what they don't say as it is in a study."""
    data_dir = Path(stored.data_dir) if stored.data_dir else None
    return dataclasses.replace(
        options,
        epochs=options.epochs or stored.epochs,
        batch_size=options.batch_size or stored_batch_sizes(stored),
        precision=options.precision or stored.precision,
        limit_train=options.limit_train or stored.limit_train,
        image_size=options.image_size or stored_image_sizes(stored),
        resize=options.resize or (None if options.image_size else stored.resizing.resize),
        validation_share=options.validation_share or stored.validation_fraction,
        objective=options.objective or stored.objective,
        report_metrics=stored.report_metrics if options.report_metrics is None else options.report_metrics,
        class_weight=options.class_weight or stored_class_weights(stored),
        seed=stored.seed if options.seed is None else options.seed,
        artifact_store=options.artifact_store or stored.artifact_store,
        workers=dataclasses.replace(options.workers, data_dir=options.workers.data_dir or data_dir),
    )
