"""Comparisons and confirmations in the tests' own process, whose trainers are stubs."""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from search.design.comparing import run_comparison
from search.design.confirming import run_confirmation
from search.design.confusion import evaluator
from search.design.options import AnswerOptions, CompareOptions, ConfirmOptions
from search.design.racing import run_answer
from search.design.running import Dependencies
from search.host.ends import End
from search.host.shutdown import Shutdown
from search.workers.join import join_study
from search.workers.loop import work
from search.workers.placement import WorkerPlacement
from search.workers.settings import WorkerSettings
from storage import SharedStudy, open_study
from tests.helpers.paths import STUB_TRAINER

Options = TypeVar("Options", CompareOptions, ConfirmOptions, AnswerOptions)


@dataclass
class Comparisons:
    """Where comparisons are carried out: a SQLite file, and a worker in this process that comes when called.

    `acts` say what the stub does with the slots, by number; the rest it trains with scores decided by configuration,
    seed and epoch.
    """

    url: str
    folder: Path
    capture: pytest.CaptureFixture[str]
    acts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    worked: list[str] = field(default_factory=list)

    def compare(self, **options: Any) -> dict[str, Any]:
        """Carries out one comparison, and gives its answer."""
        (answer,) = self.compare_all(**options)
        return answer

    def compare_all(self, **options: Any) -> list[dict[str, Any]]:
        """Carries out comparisons, and gives their answers."""
        given = CompareOptions(**{"space": "bn_dropout", "epochs": 1, **options})
        return self.answers(lambda: run_comparison(self.complete(given), self.dependencies()))

    def confirm(self, **options: Any) -> dict[str, Any]:
        """Carries out a confirmation, and gives its answer."""
        (answer,) = self.answers(
            lambda: run_confirmation(self.complete(ConfirmOptions(**options)), self.dependencies())
        )
        return answer

    def answer(self, **options: Any) -> dict[str, Any]:
        """Carries out a race, and gives its answer."""
        (answer,) = self.answers(lambda: run_answer(self.complete(AnswerOptions(**options)), self.dependencies()))
        return answer

    def answers(self, run: Callable[[], End]) -> list[dict[str, Any]]:
        """What a command prints as JSON."""
        self.capture.readouterr()
        assert run() is End.DONE
        found: list[dict[str, Any]] = json.loads(self.capture.readouterr().out)["comparisons"]
        return found

    def complete(self, options: Options) -> Options:
        """The flags, on this database, with an answer in JSON."""
        workers = replace(options.workers, artifacts=self.folder / "artifacts")
        return replace(options, storage=self.url, format_="json", workers=workers)

    def dependencies(self) -> Dependencies:
        """Workers and trainers that are stubs."""
        return Dependencies(self.run, partial(evaluator, command=self.stub()))

    def stub(self) -> Sequence[str]:
        """The command that starts a stub."""
        script = self.folder / "script.json"
        script.write_text(json.dumps(self.acts))
        return sys.executable, str(STUB_TRAINER), str(script)

    def run(self, shared: SharedStudy, url: str, workers: WorkerSettings, *, quiet: bool) -> End:  # noqa: ARG002
        """Works on the study, as a worker process would, until nothing is left to do."""
        if workers.n_workers == 0:
            return End.DONE
        self.worked.append(shared.name)
        context = join_study(url, shared.name, replace(workers, wait=0.0), WorkerPlacement("cpu"), self.stub())
        try:
            work(context, Shutdown(), deadline=math.inf)
        finally:
            context.trainer.discard()
            context.shared.close()
        return End.DONE

    def open(self, name: str) -> SharedStudy:
        """A study of this database."""
        return open_study(self.url, name)


def scores_by_arm(scores: Mapping[int, Sequence[float]]) -> dict[int, list[dict[str, Any]]]:
    """What the stub does so that arms get these scores, replicate by replicate."""
    arms = len(scores)
    return {
        replicate * arms + arm: [{"scores": [value]}]
        for arm, values in scores.items()
        for replicate, value in enumerate(values)
    }
