"""From a completed trial to files that stand on their own."""

import importlib.util
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.atomic_file import require_ending, require_new, require_place, write_text, written_whole
from search.errors import SearchFailed, UsageError
from search.exporting.retraining import retrain
from search.exporting.texts import Exported, configuration_json, model_card, retrain_script
from search.held_errors import errors_held_back
from search.study.folders import StudyFolder
from search.study.model_problems import model_problem
from search.views.configuration_text import Described, describe
from search.workers.join import data_source, study_folder
from search.workers.keeping import kept_model
from search.workers.settle import best_trial_numbers
from storage import SharedStudy, open_artifacts
from storage.errors import ArtifactError

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
    force: bool = False
    artifacts: Path | None = None
    data_dir: Path | None = None

    def companion(self, ending: str) -> Path:
        """A file beside the model, with its name."""
        return self.output.with_name(self.output.stem + ending)

    def targets(self) -> list[Path]:
        """Everything that will be written."""
        endings = [".json", ".md", ".py", *([".onnx"] if self.onnx else []), *(["-saved"] if self.saved_model else [])]
        return [self.output, *map(self.companion, endings)]


def export(shared: SharedStudy, options: ExportOptions) -> list[str]:
    """Writes the trial's model and its companions; returns what to tell the user.

    Raises:
        UsageError: a file can't be written, the trial isn't complete, or its model isn't kept.
        SpaceError: the model can't stand without the space's code.
        SearchFailed: the exported model doesn't score as the study says.
    """
    check_targets(options)
    described = describe(shared, options.trial)
    folder = study_folder(shared, options.artifacts)
    with tempfile.TemporaryDirectory() as scratch:
        trained = Path(scratch) / "trained.keras"
        notes = obtain_model(shared, folder, described, options, trained)
        with errors_held_back():
            return [*notes, *write_all(described, options, trained)]


def check_targets(options: ExportOptions) -> None:
    """Raises UsageError unless everything can be written: said before any work is done."""
    require_ending(options.output, ".keras", what="a Keras model's file")
    require_place(options.output)
    require_new(options.targets(), force=options.force)
    missing = [name for name in ONNX_PACKAGES if options.onnx and importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"--onnx needs {' and '.join(missing)}: pip install {' '.join(missing)}. "
            "Without it, the .keras file and --saved-model can be written"
        )


def obtain_model(
    shared: SharedStudy, folder: StudyFolder, described: Described, options: ExportOptions, path: Path
) -> list[str]:
    """Brings the trial's trained model to the path: the kept one, or with --retrain a new one; returns what to say."""
    if (problem := model_problem(described.trial.user_attrs)) is not None:
        raise UsageError(f"trial {described.trial.number} can't be exported: {problem}. Then search in another study")
    artifact = kept_model(shared, described.trial.number)
    try:
        if artifact is not None:
            open_artifacts(folder.store).fetch(artifact, path)
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


def write_all(described: Described, options: ExportOptions, trained_path: Path) -> Iterator[str]:
    """Writes every file, the model last; yields a line for each."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from search.training.datasets import load_dataset
    from search.training.plain_model import accuracy, layers_code, load_trained, model_json, optimizer_code, plain_model

    manifest = described.manifest
    source = data_source(manifest, options.data_dir)
    data = load_dataset(source.dataset, source.data_dir)
    require_same_data(manifest.dataset_fingerprint, data.fingerprint(), source.dataset)
    trained = load_trained(trained_path)
    model = plain_model(trained, manifest.image_shape, data.pixel_max)
    measured = accuracy(model, data.x_test, data.y_test, manifest.batch_size) if len(data.y_test) else None
    check_score(described, measured, retrained=options.retrain)
    exported = Exported(
        described=described,
        name=options.output.name,
        pixel_max=data.pixel_max,
        lowest=float(data.x_train.min()),
        highest=float(data.x_train.max()),
        parameters=int(model.count_params()),
        layers=layers_code(trained),
        architecture=model_json(trained),
        optimizer=optimizer_code(described.configuration, manifest.precision),
        test_accuracy=measured,
    )
    write_text(options.companion(".json"), configuration_json(exported))
    yield f"{options.companion('.json')}   its configuration"
    write_text(options.companion(".md"), model_card(exported))
    yield f"{options.companion('.md')}   its model card: data, scores, how to use it"
    write_text(options.companion(".py"), retrain_script(exported))
    yield f"{options.companion('.py')}   rebuilds and retrains it, with Keras alone"
    yield from write_model(model, options)
    if measured is not None:
        yield f"checked: {measured:.2%} of the {len(data.y_test)} test images are classified rightly from raw pixels"


def write_model(model: Any, options: ExportOptions) -> Iterator[str]:
    """Writes the model in every form asked for."""
    with written_whole(options.output) as part:
        model.save(part)
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
        raise UsageError(
            f"the images of {name} here are not those of the study (fingerprint {found[:12]}, not {wanted[:12]}): "
            "name their folder with --data-dir"
        )


def check_score(described: Described, measured: float | None, *, retrained: bool) -> None:
    """Raises SearchFailed if the exported model scores otherwise than the study's; a new one may."""
    test = described.test
    if test is None or measured is None or retrained:
        return
    if abs(measured - test.accuracy) * test.n > TOLERANCE_IMAGES:
        raise SearchFailed(
            f"the exported model classifies {measured:.4f} of the test images rightly, the study's "
            f"{test.accuracy:.4f}: nothing was written. Has this machine the study's packages?"
        )
