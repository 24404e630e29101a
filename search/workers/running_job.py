"""A training job that a trainer has, from its first message until the trainer has left it."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from search.errors import TrainerDied
from search.trainers.process import TrainerProcess
from search.trainers.protocol import Failed, JobMessage, Ready, Stop, Stopped, Train, Trained

log = logging.getLogger(__name__)

POLL_S = 0.5


class ProcessHolder(Protocol):
    """What holds the trainer's process, and may replace it."""

    @property
    def current(self) -> TrainerProcess | None:
        """The process that it holds now; None when that has been ended."""

    def discard(self) -> None:
        """Ends the process at once."""


@dataclass
class RunningJob:
    """A job that was sent to the trainer's process, which had said that it is `ready`. When the process has been
    replaced, nothing more is asked of it. Once its last message is received, the trainer has left it.
    """

    trainer: ProcessHolder
    process: TrainerProcess
    job: Train
    ready: Ready
    _left: bool = False

    @property
    def held(self) -> bool:
        """Whether the process is still the trainer's."""
        return self.trainer.current is self.process

    def receive(self) -> JobMessage | None:
        """The job's next message; None when there is none for a while.

        Raises:
            TrainerDied: the trainer is gone.
        """
        return self._receive(POLL_S)

    def messages(self, silence_s: float) -> Iterator[JobMessage]:
        """The job's messages up to its end.

        Raises:
            TrainerDied: the trainer is gone, or was ended, as it said nothing for `silence_s` seconds.
        """
        while True:
            message = self._receive(silence_s)
            if message is None:
                self.trainer.discard()
                raise TrainerDied(f"the trainer said nothing for {silence_s:.0f} s, and was ended")
            yield message
            if self._left:
                return

    def stop(self) -> None:
        """Tells the trainer to leave the job, unless it has, and doesn't wait for that."""
        if self.held and not self._left:
            try:
                self.process.send(Stop(self.job.job))
            except TrainerDied as error:
                self._died(error)

    def wait_until_left(self, patience_s: float, give_up: Callable[[], bool]) -> None:
        """Waits until the trainer has left the job. One that hasn't by then is ended: its checkpoint is safe."""
        deadline = time.monotonic() + patience_s
        try:
            while self.held and not self._left and time.monotonic() < deadline and not give_up():
                self.receive()
        except TrainerDied as error:
            self._died(error)
        if self.held and not self._left:
            self.trainer.discard()

    def _receive(self, timeout_s: float) -> JobMessage | None:
        message = self.process.receive_of(self.job.job, timeout_s)
        if isinstance(message, Trained | Stopped | Failed):
            self._left = True
        return message

    def _died(self, error: TrainerDied) -> None:
        log.info("the trainer ended while it was told to stop: %s", error)
        self.trainer.discard()
