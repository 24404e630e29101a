"""Who trains a job: a program that is kept for all configurations of one structure, or a model of its own."""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from search.trainers.protocol import Train
from search.training.backends.device import DeviceImages, compiles_epochs, hold
from search.training.data.split import Split
from search.training.epochs.epochs import EpochRunner
from search.training.epochs.runner import LARGEST_ON_DEVICE, make_runner
from search.training.epochs.trainable_model import KerasTrainee, Trainee
from search.training.models.building import Setting, build_model, compile_model, seed_all
from search.training.models.optimizers import why_not_shared
from search.training.shared_programs.program_cache import Programs
from spaces import Space

log = logging.getLogger(__name__)

RunnerFactory = Callable[[Any, Split, int], EpochRunner]


class Trainees:
    """Makes trainees for jobs on one split. Their programs serve other splits as well."""

    def __init__(self, data: Split, programs: Programs, make_runner: RunnerFactory = make_runner) -> None:
        self._data = data
        self._programs = programs
        self._make_runner = make_runner
        self._images: tuple[DeviceImages, DeviceImages] | None = None

    @contextmanager
    def trainee(self, job: Train, space: Space) -> Iterator[Trainee]:
        """A trainee with fresh weights for the job, at its disposal within the `with` block.

        Raises:
            SpaceError: the space builds no such model, or the images are too small for it.
        """
        reason = self._why_no_program(space, job)
        if reason is None:
            with self._begun_program(job) as program:
                yield program
            return
        log.info("this job's model is built for itself: %s", reason)
        try:
            yield self._new_model(job, space)
        finally:
            forget_models()

    def _why_no_program(self, space: Space, job: Train) -> str | None:
        if space.build is not None:
            return "the space builds its models itself"
        if (reason := why_not_shared(job.configuration.optimizer)) is not None:
            return reason
        if not compiles_epochs():
            return "programs need TensorFlow as Keras' backend"
        if self._data.x.nbytes > LARGEST_ON_DEVICE:
            return "the images are more than are held on a device"
        return None if job.precision == "float32" else "shared programs compute in float32"

    @contextmanager
    def _begun_program(self, job: Train) -> Iterator[Trainee]:
        program = self._programs.program(job.configuration, self._setting(job), job.batch_size)
        program.begin(job.configuration, job.seed, job.epochs, self._held())
        try:
            yield program
        finally:
            program.end()

    def _held(self) -> tuple[DeviceImages, DeviceImages]:
        if self._images is None:
            self._images = hold(self._data)
        return self._images

    def _new_model(self, job: Train, space: Space) -> Trainee:
        seed_all(job.seed)
        model = build_model(space, job.configuration, self._setting(job))
        compile_model(model, job.configuration, job.epochs * self._data.steps_per_epoch(job.batch_size))
        return KerasTrainee(model, self._make_runner(model, self._data, job.batch_size))

    def _setting(self, job: Train) -> Setting:
        data = self._data
        return Setting(data.image_shape, len(data.classes), data.steps_per_epoch(job.batch_size))


def forget_models() -> None:
    """Keras keeps what belongs to a model until it is told to let go."""
    import keras

    keras.utils.clear_session(free_memory=False)  # which would collect, too
    gc.collect()
