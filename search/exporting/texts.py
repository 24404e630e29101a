"""The texts next to an exported model: its configuration and its card."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from search.exporting.paths import nameless, without_folders
from search.exporting.rendering import render
from search.study.test_score import TestScore
from search.views.configuration_text import Described
from search.views.markdown import escaped
from search.views.number import number
from search.views.proportion import wilson_interval
from spaces.configuration import Augmentation, Configuration
from storage import Manifest

if TYPE_CHECKING:
    from search.datasets.pictures import Depth


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """A model in a file: the name of that, and the numbers of its pixels and parameters.

    `lowest` and `highest` are those of the training pixels, `pixel_max` what they are divided by, `depth` that
    of the image files, if all have the same. `parameters` are the network's, as the study counts them; `fitted` are the
    numbers of the layers before it, which treat pixels.
    """

    name: str
    pixel_max: float
    lowest: float
    highest: float
    parameters: int
    depth: "Depth | None" = None
    fitted: int = 0


@dataclass(frozen=True, kw_only=True)
class Exported(SavedModel):
    """An exported model: its trial, and what else its texts need to know of it. `optimizer` is a call of Keras. `look`
    is that at the test images with the exported model, None without.
    """

    described: Described
    seed: int
    optimizer: str
    look: TestScore | None

    @property
    def title(self) -> str:
        """Its heading."""
        return f"Trial {self.described.trial.number} of the study {self.described.study_name}"


def configuration_json(exported: Exported) -> str:
    """Everything about the model as one JSON document."""
    described, manifest = exported.described, exported.described.manifest
    document = {
        "study_name": described.study_name,
        "trial": described.trial.number,
        "objective": manifest.objective,
        "value": described.value,
        "test_accuracy": None if exported.look is None else exported.look.accuracy,
        "test_look": exported.look,
        "params": described.trial.params,
        "configuration": described.configuration,
        "seed": exported.seed,
        "batch_size": described.batch_size,
        **model_document(exported, described.image_shape, manifest),
    }
    return document_text(document)


def model_document(model: SavedModel, image_shape: tuple[int, int, int], manifest: Manifest) -> dict[str, object]:
    """What is said of a model for images of that shape, be it one or an ensemble."""
    return {
        "input": {
            "shape": image_shape,
            "resize": manifest.resizing.resize,
            "lowest": model.lowest,
            "highest": model.highest,
            "depth": model.depth,
        },
        "scaled_inside_by": model.pixel_max,
        "classes": manifest.classes,
        "parameters": model.parameters,
        "fitted_to_pixels": model.fitted,
        "epochs": manifest.epochs,
        "precision": manifest.precision,
        **provenance(manifest),
    }


def provenance(manifest: Manifest) -> dict[str, object]:
    """What a model comes from, without anybody's folders."""
    return {
        "dataset": nameless(manifest.dataset),
        "dataset_fingerprint": manifest.dataset_fingerprint,
        "space": nameless(manifest.space),
        "versions": manifest.versions,
        "command": without_folders(manifest.command),
    }


def document_text(document: Mapping[str, object]) -> str:
    """A JSON document for people to read."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def model_card(exported: Exported) -> str:
    """The model card, as Markdown."""
    described, manifest = exported.described, exported.described.manifest
    return render(
        "card.md",
        title=escaped(exported.title),
        name=exported.name,
        classes=[escaped(name) for name in manifest.classes],
        image_shape=described.image_shape,
        lowest=f"{exported.lowest:g}",
        highest=f"{exported.highest:g}",
        pixel_max=f"{exported.pixel_max:g}",
        scores=score_rows(exported),
        selection=selection(exported),
        data=nameless(manifest.dataset),
        fingerprint=manifest.dataset_fingerprint,
        n_train=manifest.n_train,
        n_validation=manifest.n_validation,
        n_test=manifest.n_test,
        epochs=manifest.epochs,
        batch_size=described.batch_size,
        seed=exported.seed,
        optimizer=exported.optimizer,
        parameters=f"{exported.parameters:,}",
        fitted=f", and {exported.fitted:,} numbers before them that are fitted to the pixels"
        if exported.fitted
        else "",
        precision=manifest.precision,
        remarks=remarks(described.configuration),
        layers=described.layers,
        params={escaped(name): escaped(number(value)) for name, value in described.trial.params.items()},
        command=without_folders(manifest.command) or "python -m search.launch",
        space=f"{nameless(manifest.space)} version {manifest.space_version}",
        study=described.study_name,
        trial=described.trial.number,
        versions=", ".join(f"{name} {version}" for name, version in manifest.versions.items()) or "not recorded",
    )


def remarks(configuration: Configuration) -> list[str]:
    """The parts of its training besides the optimizer's steps."""
    inputs, rule, lines = configuration.inputs, configuration.early_stopping, list[str]()
    if inputs.pixels == "standardised":
        lines.append("Pixels are standardized: each channel's mean is subtracted, and divided by its deviation")
    if inputs.pixels == "zca":
        lines.append("Pixels are whitened (ZCA)")
    if inputs.augmentation != Augmentation():
        moved = inputs.augmentation.shift or inputs.augmentation.crop
        ways = ["mirrored or not"] * inputs.augmentation.flip + [f"moved by up to {moved} pixels"] * (moved > 0)
        lines.append(f"Training images are {' and '.join(ways)}, at random in each epoch")
    if rule is not None and rule.patience is not None:
        lines.append(f"Training ends after {rule.patience} epochs without a better {rule.monitor}")
    if rule is not None and rule.restore_best:
        lines.append(f"The weights are those of the epoch with the best {rule.monitor}")
    if configuration.shuffled_labels:
        lines.append("The labels were shuffled: it was trained to memorize, and knows nothing of its classes")
    return lines


def score_rows(exported: Exported) -> list[tuple[str, str, str, str]]:
    """Where it was measured, the score, its interval and the number of images."""
    described, manifest = exported.described, exported.described.manifest
    rows = [("validation images", f"{manifest.objective} {described.value:.4f}", "", str(manifest.n_scored))]
    if manifest.goal.is_share:
        rows = [accuracy_row("validation images, by which it was chosen", described.value, manifest.n_scored)]
    if (look := exported.look) is not None:
        rows.append(accuracy_row(f"test images ({look.words} at them)", look.accuracy, look.n))
    return rows


def accuracy_row(where: str, share: float, n: int) -> tuple[str, str, str, str]:
    """One row of the scores."""
    low, high = wilson_interval(share, n)
    return where, f"accuracy {share:.2%}", f"{low:.1%} to {high:.1%}", str(n)


def selection(exported: Exported) -> str:
    """The effect of selection on its scores."""
    if exported.look is None:
        why = "It wasn't run on the test images" if exported.described.manifest.n_test else "There are no test images"
        return f" {why}: the score is that by which it was chosen, and flatters it."
    return " The test score is the one to quote: the other is that by which it was chosen, and flatters it."
