"""The jobs of a study: what its manifest decides, with what the trial or the model adds."""

from dataclasses import dataclass
from pathlib import Path

from search.sampling.pruners import promotion_rule
from search.study.batch_size import batch_size
from search.study.class_weight import class_weight
from search.study.image_size import images_in_size
from search.study.split_seed import split_seed
from search.trainers.protocol import DataSource, Evaluate, Part, Train
from spaces.configuration import Configuration
from spaces.limits import SIZES
from spaces.metrics import DEFAULT_METRIC
from spaces.resizing import ImageSize
from storage import Manifest
from storage.records import Lease, SlotRow


@dataclass(frozen=True)
class JobFiles:
    """Where a training job leaves its checkpoints, named by its token, and its model; `owner` says whose they are."""

    checkpoints: Path
    model: Path
    token: int
    owner: str = ""


@dataclass(frozen=True)
class StudyJobs:
    """Creates the jobs of a study. `space` is the reference by which a trainer of this host finds the space."""

    manifest: Manifest
    space: str
    data: DataSource

    def train(
        self,
        number: int,
        configuration: Configuration,
        slot: Lease | SlotRow,
        files: JobFiles,
        value_to_beat: float | None = None,
    ) -> Train:
        """The job with that number: to train a slot's configuration. A model whose value is worse than
        `value_to_beat` is not kept.
        """
        manifest, rungs = self.manifest, promotion_rule(self.manifest)
        return Train(
            job=number,
            configuration=configuration,
            space=self.space,
            data=images_in_size(self.data, configuration.image_size),
            epochs=manifest.epochs,
            batch_size=batch_size(manifest, configuration),
            precision=manifest.precision,
            seed=slot.seed,
            split_seed=split_seed(manifest, slot.settings),
            order_seed=slot.settings.order_seed,
            token=files.token,
            checkpoints=str(files.checkpoints),
            model_path=str(files.model),
            owner=files.owner,
            objective=manifest.objective,
            report_metrics=manifest.report_metrics,
            class_weight=class_weight(manifest, configuration),
            limits={name: most for name, most in manifest.limits.items() if name in SIZES},
            value_to_beat=value_to_beat,
            select=manifest.select,
            checkpoint_after=() if rungs is None else rungs.epochs,
        )

    def evaluate(
        self,
        number: int,
        model: Path,
        split_seed: int,
        part: Part = "test",
        *,
        image_size: ImageSize | None,
        validation_confusion: bool = False,
    ) -> Evaluate:
        """The job with that number: to score a saved model on images of the split of that seed, by every metric of the
        study. `image_size` is its trial's own, None for the study's.
        """
        wanted = (self.manifest.objective, *self.manifest.report_metrics)
        return Evaluate(
            job=number,
            space=self.space,
            data=images_in_size(self.data, image_size),
            split_seed=split_seed,
            batch_size=self.manifest.batch_size,
            precision=self.manifest.precision,
            model_path=str(model),
            part=part,
            metrics=tuple(name for name in wanted if name != DEFAULT_METRIC),  # every evaluation has the accuracy
            validation_confusion=validation_confusion,
        )
