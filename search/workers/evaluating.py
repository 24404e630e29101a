"""Asking a trainer what a trained model scores: sent, waited for, and answered for this very question."""

import time

from search.errors import TrainerDied
from search.trainers.process import TrainerProcess
from search.trainers.protocol import Evaluate, Evaluated, Failed
from search.workers.workbench import Trainer

EVALUATION_S = 600.0


def evaluate(trainer: Trainer, job: Evaluate, patience_s: float = EVALUATION_S) -> Evaluated:
    """The model's scores. A trainer that doesn't give them is ended: what it says later would be taken for the answer
    to another question.

    Raises:
        TrainerDied: it failed, or said nothing in time.
        TrainerUnavailable: there is none to be had on this host.
    """
    process, _ = trainer.process()
    process.send(job)
    answer = _answer(process, job, patience_s)
    if isinstance(answer, Evaluated):
        return answer
    trainer.discard()
    reason = f"no answer within {patience_s:.0f} s" if answer is None else answer.reason
    raise TrainerDied(f"the model couldn't be evaluated: {reason}")


def _answer(process: TrainerProcess, job: Evaluate, patience_s: float) -> Evaluated | Failed | None:
    """What the trainer says of the job, None if that takes too long; the rest of earlier jobs is passed over."""
    deadline = time.monotonic() + patience_s
    while (seconds := deadline - time.monotonic()) > 0:
        message = process.receive(seconds)
        if isinstance(message, Evaluated | Failed) and message.job == job.job:
            return message
    return None
