"""From a completed trial to files that stand on their own."""

import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.console.held_errors import errors_held_back
from search.datasets.named import own_file
from search.errors import SearchFailed, UsageError
from search.exporting.retraining import retrain
from search.exporting.texts import Exported, configuration_json, model_card
from search.host.atomic_file import require_ending, require_new, require_place, written_together, written_whole
from search.study.folders import StudyFolder
from search.study.image_size import images_in_size
from search.study.images_split import study_split
from search.study.location import require_images_there
from search.study.split_seed import split_seed
from search.study.test_score import EXPORT, TestScore, record_look
from search.views.configuration_text import Described, described_trial
from search.workers.join import data_source, study_folder
from search.workers.keeping import kept_model
from search.workers.settle import best_trial_numbers
from storage import Manifest, SharedStudy
from storage.artifacts import open_for_reading
from storage.errors import ArtifactError

if TYPE_CHECKING:
    from search.datasets import DataSet

ONNX_PACKAGES = ("onnx", "tf2onnx")
TOLERANCE_IMAGES = 1.5  # dividing by a number and multiplying by its inverse differ in the last bit


@dataclass(frozen=True)
class ExportOptions:
    """The flags of `python -m search.export`."""

    trial: str = "best"
    output: Path = Path("model.keras")
    retrain: bool = False
    saved_model: bool = False
    onnx: bool = False
    script: bool = True
    test: bool = True
    force: bool = False
    artifacts: Path | None = None
    data_dir: Path | None = None
    ensemble: int | None = None

    def companion(self, ending: str) -> Path:
        """A file next to the model, with its name."""
        return self.output.with_name(self.output.stem + ending)

    def targets(self) -> list[Path]:
        """Everything that will be written, or may be."""
        script = [".py", ".npz", "-start.keras"] if self.script and self.ensemble is None else []
        endings = [
            ".json",
            ".md",
            *script,
            *([".onnx"] if self.onnx else []),
            *(["-saved"] if self.saved_model else []),
        ]
        return [self.output, *map(self.companion, endings)]


@dataclass(frozen=True, eq=False)
class Made:
    """The content of all files: the model as people use it, the facts for its texts, and its script with its arrays."""

    model: Any
    exported: Exported
    script: "Script | None"


@dataclass(frozen=True, eq=False)
class Script:
    """The script, its arrays, and the untrained model of a space's own build."""

    text: str
    numbers: dict[str, Any]
    start: Any | None


def export(shared: SharedStudy, options: ExportOptions) -> list[str]:
    """Writes the trial's model and its companions; returns what to tell the user.

    Raises:
        UsageError: a file can't be written, the trial isn't complete, its model isn't kept, or no script can train it.
        SpaceError: the model can't stand without the space's code.
        SearchFailed: the exported model doesn't score as the study says.
    """
    check_targets(options, shared.manifest)
    described = described_trial(shared, options.trial)
    folder = study_folder(shared, options.artifacts)
    with tempfile.TemporaryDirectory() as scratch:
        trained = Path(scratch) / "trained.keras"
        notes = obtain_model(shared, folder, described, options, trained)
        with errors_held_back():
            made = make(shared, described, options, trained)
            return [*notes, *write_all(made, options)]


def check_targets(options: ExportOptions, manifest: Manifest) -> None:
    """Raises UsageError unless everything can be written: said before any work is done."""
    require_ending(options.output, ".keras", what="a Keras model's file")
    require_place(options.output)
    require_no_source(options, manifest)
    require_new(options.targets(), force=options.force)
    missing = [name for name in ONNX_PACKAGES if options.onnx and importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--onnx needs {' and '.join(missing)}: pip install {' '.join(missing)}. "
            "Without it, the .keras file and --saved-model can be written"
        )


def require_no_source(options: ExportOptions, manifest: Manifest) -> None:
    """Raises UsageError if the space's file or that of the images has the name of one that is written: no --force takes
    those away.
    """
    data = data_source(manifest, options.data_dir)
    images = (Path(data.dataset), own_file(data.dataset, data.data_dir))
    sources = [(Path(manifest.space.rpartition(":")[0]), "the study's space")]
    sources += [(path, "its images") for path in images if path is not None]
    for source, what in sources:
        if any(source.exists() and target.exists() and target.samefile(source) for target in options.targets()):
            raise UsageError(f"-o {options.output} would overwrite {source}, {what}: give another name with -o")


def obtain_model(
    shared: SharedStudy, folder: StudyFolder, described: Described, options: ExportOptions, path: Path
) -> list[str]:
    """Brings the trial's trained model to the path: the kept one, or with --retrain a new one; returns what to say."""
    if (problem := described.trial.model_problem) is not None:
        raise UsageError(f"trial {described.trial.number} can't be exported: {problem}. Then search in another study")
    artifact = kept_model(shared, described.trial.number)
    try:
        if artifact is not None:
            open_for_reading(folder.store).fetch(artifact, path)
            return []
        reason = "its model was not kept"
    except ArtifactError as error:
        reason = f"its model is gone ({error})"
    if not options.retrain:
        raise UsageError(not_kept(shared, described.trial.number, reason, folder.store))
    value = retrain(shared, folder, described, options.data_dir, path)
    return [f"trained again: {shared.manifest.objective} {value:.4f}, in the study it was {described.value:.4f}"]


def not_kept(shared: SharedStudy, number: int, reason: str, store: str) -> str:
    """The message for a trial without a model."""
    kept = sorted(best_trial_numbers(shared))
    listed = f"the study keeps those of its best {len(kept)} trials ({', '.join(map(str, kept))}) in {store}"
    return (
        f"trial {number} can't be exported as it is: {reason}; {listed}. "
        "Export one of those, name their folder with --artifacts, or give --retrain to train it again with its seed"
    )


def make(shared: SharedStudy, described: Described, options: ExportOptions, trained_path: Path) -> Made:
    """All that is to be written, from the trained model's file, before any of it is."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from search.datasets.depths import depth_of_all
    from search.exporting.script import fitted_before
    from search.training.models.plain_model import accuracy, load_trained, optimizer_code, plain_model

    manifest = described.manifest
    data = images_of(described, options.data_dir)
    trained = load_trained(trained_path)
    model = plain_model(trained, described.image_shape, data.pixel_max)
    script = make_script(described, options, trained, data) if options.script else None
    look = None
    parts = study_split(data, manifest, manifest.seed)
    if options.test and len(parts.y_test):
        measured = accuracy(model, parts.x_test, parts.y_test, manifest.batch_size)
        score = TestScore(described.trial.number, measured, None, len(parts.y_test))
        look = record_look(shared, score, EXPORT)
        check_score(described, measured, retrained=options.retrain)
    steps = manifest.epochs * -(-manifest.n_train // described.batch_size)
    fitted = fitted_before(trained, described.configuration.inputs.pixels)
    exported = Exported(
        described=described,
        name=options.output.name,
        pixel_max=data.pixel_max,
        lowest=float(data.x_train.min()),
        highest=float(data.x_train.max()),
        parameters=int(model.count_params()) - fitted,
        fitted=fitted,
        seed=described.trial.slot.seed,
        optimizer=optimizer_code(described.configuration, manifest.precision, steps),
        look=look,
        depth=depth_of_all(data.inventory),
    )
    return Made(model, exported, script)


def images_of(described: Described, data_dir: Path | None) -> "DataSet":
    """The study's images in the trial's size.

    Raises:
        UsageError: they aren't here, or those here aren't the study's.
    """
    from search.datasets import load_dataset

    manifest = described.manifest
    require_images_there(manifest)
    source = data_source(manifest, data_dir)
    data = load_dataset(source.dataset, source.data_dir, source.resizing)
    require_same_data(manifest.dataset_fingerprint, data.fingerprint(), source.dataset)
    own = images_in_size(source, described.image_size)
    return data if own == source else load_dataset(own.dataset, own.data_dir, own.resizing)


def make_script(described: Described, options: ExportOptions, trained: Any, data: Any) -> Script:
    """The script that trains the trial again, of its whole training."""
    from search.exporting.positions import parts_of
    from search.exporting.reading import reading_of
    from search.exporting.script import Files, Training, layers_before, numbers_of, require_same_network, script_text
    from search.exporting.untrained import untrained_model

    manifest, configuration, slot = described.manifest, described.configuration, described.trial.slot
    parts = parts_of(data, manifest, configuration, split_seed(manifest, slot.settings))
    n_before, own = layers_before(configuration.inputs.pixels), described.layers is None
    start = untrained_model(manifest, configuration, slot.seed, len(parts.train)) if own else None
    if start is not None:
        require_same_network(trained, start, n_before, manifest.space)
    training = Training(
        described=described,
        parts=parts,
        reading=reading_of(manifest.dataset),
        pixel_max=data.pixel_max,
        seed=slot.seed,
        before=trained.layers[:n_before],
        layers=None if own else trained.layers[n_before:],
        dataset=manifest.dataset,
    )
    files = Files(options.companion(".py"), options.companion(".npz").name, options.companion("-start.keras").name)
    title = f"Trial {described.trial.number} of the study {described.study_name}"
    return Script(script_text(training, files, title), numbers_of(training), start)


def write_all(made: Made, options: ExportOptions) -> Iterator[str]:
    """Writes every file; those that describe the model and the model itself together or not at all. Yields a line for
    each.
    """
    with written_together() as part_of:
        part_of(options.companion(".json")).write_text(configuration_json(made.exported), encoding="utf-8")
        yield f"{options.companion('.json')}   its configuration"
        part_of(options.companion(".md")).write_text(model_card(made.exported), encoding="utf-8")
        yield f"{options.companion('.md')}   its model card: data, scores, how to use it"
        if made.script is not None:
            yield from write_script(made.script, options, part_of)
        made.model.save(part_of(options.output))
    yield from other_forms(made.model, options)
    if (look := made.exported.look) is not None:
        yield (
            f"checked: {look.accuracy:.2%} of the {look.n} test images are classified rightly from raw pixels: the "
            f"{look.words} at them, on record with the study"
        )


def write_script(script: Script, options: ExportOptions, part_of: Callable[[Path], Path]) -> Iterator[str]:
    """Writes the script and what it needs."""
    np.savez_compressed(part_of(options.companion(".npz")), **script.numbers)
    yield f"{options.companion('.npz')}   which images it was trained on, and other numbers of its training"
    if script.start is not None:
        script.start.save(part_of(options.companion("-start.keras")))
        yield f"{options.companion('-start.keras')}   the network with its first weights, which the script trains"
    part_of(options.companion(".py")).write_text(script.text, encoding="utf-8")
    yield f"{options.companion('.py')}   trains it again as it was trained, with Keras alone"


def other_forms(model: Any, options: ExportOptions) -> Iterator[str]:
    """Writes the model, whose own file is there, in every other form asked for."""
    yield f"{options.output}   the model, from pixels to probabilities"
    if options.saved_model:
        target = options.companion("-saved")
        model.export(str(target), format="tf_saved_model", verbose=False)
        yield f"{target}   the same as a TensorFlow SavedModel"
    if options.onnx:
        try:
            with written_whole(options.companion(".onnx")) as part:
                model.export(str(part), format="onnx", verbose=False)
        except (AttributeError, ImportError, RuntimeError, TypeError, ValueError) as error:
            raise SearchFailed(f"Keras couldn't write ONNX, all else is written: {error}") from error
        yield f"{options.companion('.onnx')}   the same in ONNX"


def require_same_data(wanted: str, found: str, name: str) -> None:
    """Raises UsageError unless the images here are those of the study: the scale of the pixels comes from them."""
    if wanted and wanted != found:
        remedy = "bring those back" if Path(name).is_absolute() else "name their folder with --data-dir"
        raise UsageError(
            f"the images of {name} here are not those of the study (fingerprint {found[:12]}, not {wanted[:12]}): "
            f"{remedy}"
        )


def check_score(described: Described, measured: float, *, retrained: bool) -> None:
    """Raises SearchFailed if the exported model scores otherwise than the study's; a new one may."""
    number = described.trial.number
    test = next((look for look in described.looks if look.trial == number and look.reason != EXPORT), None)
    if test is None or retrained:
        return
    if abs(measured - test.accuracy) * test.n > TOLERANCE_IMAGES:
        raise SearchFailed(
            f"the exported model classifies {measured:.4f} of the test images rightly, the study's "
            f"{test.accuracy:.4f}: nothing was written. Has this machine the study's packages?"
        )
