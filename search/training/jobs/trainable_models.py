"""The trainable model of a job: a program that is kept for all configurations of one key, or a model of its own."""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from search.trainers.protocol import Train
from search.training.backends.protocol import Backend, DeviceImages
from search.training.data.split import Split
from search.training.epochs.epochs import EpochRunner
from search.training.epochs.runner import LARGEST_ON_DEVICE, make_runner
from search.training.epochs.trainable_model import KerasTrainableModel, TrainableModel
from search.training.measuring.measurement import Measurement
from search.training.models.building import InputSpec, build_model, compile_model, seed_all
from search.training.optimizers.optimizer import why_not_shared
from search.training.shared_programs.program_cache import ProgramCache
from search.training.shared_programs.program_choice import program_slots
from spaces import Space
from spaces.class_weight import class_weights

NO_PROGRAMS = "programs need TensorFlow or JAX as Keras' backend"

log = logging.getLogger(__name__)

RunnerFactory = Callable[[Any, Split, int, Backend | None, Sequence[float] | None], EpochRunner]


class TrainableModels:
    """Makes trainable models for jobs on one split. `programs`, if the backend has any, serve other splits as well."""

    def __init__(
        self,
        data: Split,
        backend: Backend | None,
        programs: ProgramCache | None,
        make_runner: RunnerFactory = make_runner,
    ) -> None:
        self._data = data
        self._backend, self._programs = backend, programs
        self._make_runner = make_runner
        self._images: tuple[DeviceImages, DeviceImages] | None = None

    @contextmanager
    def model_for(self, job: Train, space: Space, measurement: Measurement | None = None) -> Iterator[TrainableModel]:
        """A trainable model with fresh weights for the job, at its disposal within the `with` block. Its validation
        feeds the recorder of the measurement.

        Raises:
            SpaceError: the space builds no such model, or the images are too small for it.
        """
        reason, recorder = self._why_own_model(space, job), None if measurement is None else measurement.recorder
        if reason is None and self._backend is not None and self._programs is not None:
            with self._begun_program(job, self._backend, self._programs, recorder) as program:
                yield program
            return
        log.info("this job's model is built for itself: %s", reason or NO_PROGRAMS)
        try:
            yield self._new_model(job, space, recorder)
        finally:
            forget_models()

    def _why_own_model(self, space: Space, job: Train) -> str | None:
        if space.build is not None:
            return "the space builds its models itself"
        if (reason := why_not_shared(job.configuration.optimizer)) is not None:
            return reason
        if self._data.x.nbytes > LARGEST_ON_DEVICE:
            return "the images are more than are held on a device"
        return None if job.precision == "float32" else "shared programs compute in float32"

    @contextmanager
    def _begun_program(
        self, job: Train, backend: Backend, programs: ProgramCache, recorder: Any
    ) -> Iterator[TrainableModel]:
        weights = self._class_weights(job)
        spec, weighted = self._input_spec(job), weights is not None
        slots = program_slots(job.configuration, spec, job.batch_size, job.epochs, backend)
        program = programs.program(job.configuration, slots, spec, job.batch_size, weighted=weighted)
        if self._images is None:
            self._images = backend.to_device(self._data)
        program.begin(job.configuration, job.seed, job.epochs, self._images, recorder, weights)
        try:
            yield program
        finally:
            program.end()

    def _new_model(self, job: Train, space: Space, recorder: Any) -> TrainableModel:
        seed_all(job.seed)
        model = build_model(space, job.configuration, self._input_spec(job))
        steps = job.epochs * self._data.steps_per_epoch(job.batch_size)
        compile_model(model, job.configuration, steps, recorder)
        runner = self._make_runner(model, self._data, job.batch_size, self._backend, self._class_weights(job))
        return KerasTrainableModel(model, runner)

    def _class_weights(self, job: Train) -> tuple[float, ...] | None:
        counts = np.bincount(self._data.y_train, minlength=len(self._data.classes))
        return class_weights(job.class_weight, counts.tolist())

    def _input_spec(self, job: Train) -> InputSpec:
        data = self._data
        return InputSpec(data.image_shape, len(data.classes), data.steps_per_epoch(job.batch_size))


def forget_models() -> None:
    """Keras keeps what belongs to a model until it is told to let go."""
    import keras

    keras.utils.clear_session(free_memory=False)  # which would collect, too
    gc.collect()
