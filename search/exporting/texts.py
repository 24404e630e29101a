"""What goes with an exported model: its configuration, its card, and the script that trains it anew."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from search.views.configuration_text import Described
from search.views.proportion import wilson_interval
from search.views.summary_text import number

KERAS_DATASETS = ("mnist", "fashion_mnist", "cifar10", "cifar100")


@dataclass(frozen=True)
class Exported:
    """An exported model: its trial, its file's name, and what its texts need to know of it.

    `lowest` and `highest` are those of the training pixels, `pixel_max` what they are divided by. `layers` are Python
    calls, None if the `architecture` (Keras' JSON) is more than a sequence of them. `test_accuracy` was measured with
    the exported model on raw pixels, None without test images.
    """

    described: Described
    name: str
    pixel_max: float
    lowest: float
    highest: float
    parameters: int
    layers: list[str] | None
    architecture: str
    optimizer: str
    test_accuracy: float | None

    @property
    def title(self) -> str:
        """What it is, for a heading."""
        return f"Trial {self.described.trial.number} of the study {self.described.study_name}"

    @property
    def seed(self) -> int:
        """The seed of the trial."""
        return int(self.described.trial.user_attrs.get("seed", self.described.manifest.seed))


def configuration_json(exported: Exported) -> str:
    """Everything about the model as one JSON document."""
    described, manifest = exported.described, exported.described.manifest
    document = {
        "study_name": described.study_name,
        "trial": described.trial.number,
        "objective": manifest.objective,
        "value": described.value,
        "test_accuracy": exported.test_accuracy,
        "params": described.trial.params,
        "configuration": described.configuration,
        "seed": exported.seed,
        "epochs": manifest.epochs,
        "batch_size": manifest.batch_size,
        "precision": manifest.precision,
        "input": {"shape": manifest.image_shape, "lowest": exported.lowest, "highest": exported.highest},
        "scaled_inside_by": exported.pixel_max,
        "classes": manifest.classes,
        "parameters": exported.parameters,
        "dataset": manifest.dataset,
        "dataset_fingerprint": manifest.dataset_fingerprint,
        "space": manifest.space,
        "versions": manifest.versions,
        "command": manifest.command,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def model_card(exported: Exported) -> str:
    """The model card, as Markdown."""
    described, manifest = exported.described, exported.described.manifest
    return render(
        "card.md",
        title=exported.title,
        name=exported.name,
        classes=manifest.classes,
        image_shape=manifest.image_shape,
        lowest=f"{exported.lowest:g}",
        highest=f"{exported.highest:g}",
        pixel_max=f"{exported.pixel_max:g}",
        scores=score_rows(exported),
        selection=selection(exported),
        data=manifest.dataset,
        fingerprint=manifest.dataset_fingerprint,
        n_train=manifest.n_train,
        n_validation=manifest.n_validation,
        n_test=manifest.n_test,
        epochs=manifest.epochs,
        batch_size=manifest.batch_size,
        seed=exported.seed,
        optimizer=exported.optimizer,
        parameters=f"{exported.parameters:,}",
        precision=manifest.precision,
        layers=described.layers,
        params={name: number(value) for name, value in described.trial.params.items()},
        command=manifest.command or "python -m search.launch",
        space=f"{manifest.space} version {manifest.space_version}",
        study=described.study_name,
        trial=described.trial.number,
        versions=", ".join(f"{name} {version}" for name, version in manifest.versions.items()) or "not recorded",
    )


def score_rows(exported: Exported) -> list[tuple[str, str, str, str]]:
    """Where it was measured, the score, its interval and the number of images."""
    described, manifest = exported.described, exported.described.manifest
    rows = [("validation images", f"{manifest.objective} {described.value:.4f}", "", str(manifest.n_validation))]
    if manifest.objective == "val_accuracy":
        rows = [accuracy_row("validation images, by which it was chosen", described.value, manifest.n_validation)]
    if exported.test_accuracy is not None:
        rows.append(accuracy_row("test images", exported.test_accuracy, manifest.n_test))
    return rows


def accuracy_row(where: str, share: float, n: int) -> tuple[str, str, str, str]:
    """One row of the scores."""
    low, high = wilson_interval(share, n)
    return where, f"accuracy {share:.2%}", f"{low:.1%} to {high:.1%}", str(n)


def selection(exported: Exported) -> str:
    """What choosing it did to its scores."""
    if exported.test_accuracy is None:
        return " There are no test images: the score is that by which it was chosen, and flatters it."
    return " The test score is the one to quote: the other is that by which it was chosen, and flatters it."


def retrain_script(exported: Exported) -> str:
    """The Python script."""
    manifest = exported.described.manifest
    load, needs = data_code(manifest.dataset)
    return render(
        "retrain.py.txt",
        title=" ".join(exported.title.replace('"', "'").replace("\\", "/").split()),
        name=Path(exported.name).with_suffix(".py").name,
        needs=needs,
        image_shape=tuple(manifest.image_shape),
        classes=len(manifest.classes),
        pixel_max=exported.pixel_max,
        epochs=manifest.epochs,
        batch_size=manifest.batch_size,
        seed=exported.seed,
        layers=exported.layers,
        architecture=repr(exported.architecture),
        load=load,
        data_help="" if load.lstrip().startswith("raise") else f"; without it, {Path(manifest.dataset).name}",
        optimizer=exported.optimizer,
        validation_fraction=manifest.validation_fraction,
    )


def data_code(dataset: str) -> tuple[str, str]:
    """How the script gets the data set by itself, and what packages that needs."""
    if dataset == "digits":
        lines = [
            "from sklearn.datasets import load_digits",
            "from sklearn.model_selection import train_test_split",
            "",
            "digits = load_digits()",
            "x_train, x_test, y_train, y_test = train_test_split(",
            "    digits.images, digits.target, test_size=0.2, stratify=digits.target, random_state=0",
            ")",
            "return (x_train, y_train), (x_test, y_test)",
        ]
        return indented(lines), "Keras with a backend, NumPy and scikit-learn"
    if dataset in KERAS_DATASETS:
        return indented([f"return keras.datasets.{dataset}.load_data()"]), "Keras with a backend, and NumPy"
    return indented(['raise SystemExit("give the images with --data FILE.npz")']), "Keras with a backend, and NumPy"


def indented(lines: list[str]) -> str:
    """The lines as the body of a function."""
    return "\n".join(f"    {line}" if line else "" for line in lines)


def render(template: str, **values: Any) -> str:
    """A template of this package, filled in. It makes text and code, so that nothing in it is escaped as HTML is."""
    environment = Environment(
        loader=PackageLoader("search.exporting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    return environment.get_template(template).render(**values)
