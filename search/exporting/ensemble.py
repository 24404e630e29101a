"""From the best trials of a study to one model that averages their probabilities."""

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import binomtest

from search.console.held_errors import errors_held_back
from search.errors import SearchFailed, UsageError
from search.exporting.ensemble_texts import Ensemble, Paired, ensemble_card, ensemble_json
from search.exporting.export import ExportOptions, check_targets, images_of, obtain_model, other_forms
from search.host.atomic_file import written_together
from search.study.image_size import trial_image_size
from search.study.test_score import EXPORT, TestScore, record_look
from search.study.trial_attributes import TrialAttributes
from search.views.chosen_trial import BEST
from search.views.configuration_text import Described, described_trial
from search.views.facts import StudyFacts, TrialFacts, gather_facts
from search.workers.join import study_folder
from search.workers.keeping import kept_model
from spaces.resizing import ImageSize, written_size
from storage import SharedStudy

CHECKED_IMAGES = 256
TOLERANCE = 1e-4  # of a probability: pixels are divided, or multiplied by the inverse; and float32 has seven digits

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Member:
    """A trial of the ensemble, the model that it trained, from scaled pixels to logits, and the same from pixels to
    probabilities.
    """

    described: Described
    trained: Any
    model: Any


def export_ensemble(shared: SharedStudy, options: ExportOptions) -> list[str]:
    """Writes one model that averages the best ones, and its companions; returns what to tell the user.

    Raises:
        UsageError: a file can't be written, or there are too few distinct models.
        SpaceError: a model can't stand without the space's code.
        SearchFailed: the exported model doesn't give the mean of the trained ones.
    """
    if options.trial != BEST:
        raise UsageError(f"--ensemble takes the best trials: leave out --trial {options.trial}")
    check_targets(options, shared.manifest)
    facts, folder = gather_facts(shared), study_folder(shared, options.artifacts)
    chosen = [described_trial(shared, str(trial.number)) for trial in members_of(shared, facts, options)]
    with tempfile.TemporaryDirectory() as scratch:
        files = [Path(scratch) / f"{described.trial.number}.keras" for described in chosen]
        notes = [
            note
            for described, file in zip(chosen, files, strict=True)
            for note in obtain_model(shared, folder, described, options, file)
        ]
        with errors_held_back():
            model, ensemble = make(shared, chosen, options, files)
            return [*notes, *write_all(model, ensemble, options)]


def members_of(shared: SharedStudy, facts: StudyFacts, options: ExportOptions) -> list[TrialFacts]:
    """The best trials with different configurations whose models are kept, or can be trained again: those whose images
    have the size of the best one's, as a model takes images of one size.

    Raises:
        UsageError: there are fewer than were asked for.
    """
    wanted = options.ensemble or 0
    distinct = {identity(trial): trial for trial in reversed(facts.ranked) if trial.model_problem is None}
    ranked = [trial for trial in facts.ranked if distinct.get(identity(trial)) is trial]
    usable = ranked if options.retrain else [one for one in ranked if kept_model(shared, one.number) is not None]
    size = size_of(usable[0]) if usable else None
    usable = [one for one in usable if size_of(one) == size]
    if len(usable) < wanted:
        listed = f" ({', '.join(str(one.number) for one in usable)})" if usable else ""
        sized = "" if size is None else f" on images of {written_size(size)}"
        raise UsageError(
            f"--ensemble {wanted} takes {wanted} trials with different configurations and a kept model{sized}, and the "
            f"study {facts.name!r} has {len(usable)}{listed}: ask for fewer, or give --retrain to train others again"
        )
    return usable[:wanted]


def size_of(trial: TrialFacts) -> ImageSize | None:
    """The size of a trial's images, None for the study's."""
    return trial_image_size(trial.frozen.user_attrs)


def identity(trial: TrialFacts) -> bytes:
    """What two trials have in common if they trained the same configuration."""
    stored = TrialAttributes.of(trial.frozen.user_attrs).configuration
    return msgspec.json.encode(dict(trial.params) if stored is None else stored, order="deterministic")


def make(
    shared: SharedStudy, chosen: Sequence[Described], options: ExportOptions, files: Sequence[Path]
) -> tuple[Any, Ensemble]:
    """The model, and what its texts say of it, before anything is written."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # It warns of several models' programs as of one that is traced again and again.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from search.datasets.depths import depth_of_all
    from search.training.models.plain_model import averaged, load_trained, uncompiled

    manifest = shared.manifest
    shape, data = chosen[0].image_shape, images_of(chosen[0], options.data_dir)
    trained = map(load_trained, files)
    members = [
        Member(described, one, uncompiled(one, shape, data.pixel_max))
        for described, one in zip(chosen, trained, strict=True)
    ]
    names = [f"trial_{member.described.trial.number}" for member in members]
    model = averaged([member.model for member in members], names, shape)
    require_mean(model, members, data.x_train[:CHECKED_IMAGES], data.pixel_max)
    measured = None
    if options.test and len(data.y_test):
        measured = measure(shared, model, members, data)
    return model, Ensemble(
        members=tuple(chosen),
        manifest=manifest,
        study_name=shared.name,
        name=options.output.name,
        pixel_max=data.pixel_max,
        lowest=float(data.x_train.min()),
        highest=float(data.x_train.max()),
        parameters=int(model.count_params()),
        paired=measured,
        depth=depth_of_all(data.inventory),
    )


def require_mean(model: Any, members: Sequence[Member], images: NDArray[Any], pixel_max: float) -> None:
    """Raises SearchFailed unless the model gives, for training images, the mean of what the trained models give."""
    scaled = images.astype(np.float32) / np.float32(pixel_max)
    logits = [predicted(member.trained, scaled, len(images)) for member in members]
    mean = np.mean([softmax(one, axis=1) for one in logits], axis=0)
    off = float(np.max(np.abs(predicted(model, images, len(images)) - mean)))
    if not off <= TOLERANCE:
        raise SearchFailed(
            f"the ensemble's probabilities differ from the mean of its models' by up to {off:.2g}: nothing was written"
        )


def predicted(model: Any, images: NDArray[Any], batch_size: int) -> Probabilities:
    """What a model gives for images, (n, classes)."""
    found: Probabilities = model.predict(images.astype(np.float32), batch_size=batch_size, verbose=0).astype(np.float64)
    return found


def measure(shared: SharedStudy, model: Any, members: Sequence[Member], data: Any) -> Paired:
    """One look at the test images with the ensemble and one with the best model alone, both on record."""
    numbers = tuple(member.described.trial.number for member in members)
    batch_size, n = shared.manifest.batch_size, len(data.y_test)
    single = predicted(members[0].model, data.x_test, batch_size).argmax(axis=1) == data.y_test
    together = predicted(model, data.x_test, batch_size).argmax(axis=1) == data.y_test
    gained, lost = int(np.sum(together & ~single)), int(np.sum(single & ~together))
    return Paired(
        best=record_look(shared, TestScore(numbers[0], float(single.mean()), None, n), EXPORT),
        ensemble=record_look(shared, TestScore(numbers[0], float(together.mean()), None, n, ensemble=numbers), EXPORT),
        gained=gained,
        lost=lost,
        p=float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0,
    )


def write_all(model: Any, ensemble: Ensemble, options: ExportOptions) -> Iterator[str]:
    """Writes every file; the model and those that describe it together or not at all. Yields a line for each."""
    with written_together() as part_of:
        part_of(options.companion(".json")).write_text(ensemble_json(ensemble), encoding="utf-8")
        yield f"{options.companion('.json')}   the configurations of its models"
        part_of(options.companion(".md")).write_text(ensemble_card(ensemble), encoding="utf-8")
        yield f"{options.companion('.md')}   its model card: data, scores, how to use it"
        model.save(part_of(options.output))
    yield from other_forms(model, options)
    if ensemble.paired is not None:
        yield f"checked: {ensemble.paired.sentence}"
