"""A job in the hands of a worker's trainer, until the trainer has left it."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from search.errors import TrainerDied
from search.trainers.process import TrainerProcess
from search.trainers.protocol import Failed, Message, Ready, Stop, Stopped, StopReason, Train, Trained
from search.workers.workbench import Trainer

log = logging.getLogger(__name__)

POLL_S = 0.5


@dataclass(frozen=True)
class RunningJob:
    """A job that was sent to the trainer's process. When that has been replaced, nothing more is asked of it."""

    trainer: Trainer
    process: TrainerProcess
    job: Train

    @property
    def held(self) -> bool:
        """Whether the process is still the trainer's."""
        return self.trainer.current is self.process

    def receive(self) -> Message | None:
        """The job's next message; None when there is none for a while, or the next is the rest of an earlier job.

        Raises:
            TrainerDied: the trainer is gone.
        """
        message = self.process.receive(POLL_S)
        return None if message is None or isinstance(message, Ready) or message.job != self.job.job else message

    def stop(self, reason: StopReason) -> None:
        """Tells the trainer to leave the job, and doesn't wait until it has."""
        if self.held:
            try:
                self.process.send(Stop(self.job.job, reason))
            except TrainerDied as error:
                self._died(error)

    def wait_until_left(self, patience_s: float, give_up: Callable[[], bool]) -> None:
        """Waits until the trainer has left the job. One that hasn't by then is ended: its checkpoint is safe."""
        deadline = time.monotonic() + patience_s
        try:
            while self.held and time.monotonic() < deadline and not give_up():
                if isinstance(self.receive(), Stopped | Trained | Failed):
                    return
        except TrainerDied as error:
            self._died(error)
        if self.held:
            self.trainer.discard()

    def _died(self, error: TrainerDied) -> None:
        log.info("the trainer ended while it was told to stop: %s", error)
        self.trainer.discard()
