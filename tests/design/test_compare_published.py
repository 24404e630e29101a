"""Of each article the experiment with the fewest arms, end to end in a small form, on the real images."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.design.confusion import Evaluator
from search.design.running import Dependencies
from search.host.ends import End
from search.host.machine import THREADS_VARIABLE
from search.host.shutdown import Shutdown
from search.study.folders import StudyFolder
from search.trainers.serving import SERVER
from search.workers.join import join_study
from search.workers.loop import work
from search.workers.placement import WorkerPlacement
from search.workers.settings import WorkerSettings
from search.workers.trainer_client import TrainerClient
from spaces.published import ARTICLES, experiments
from storage import SharedStudy
from tests.helpers.comparisons import Comparisons
from tests.helpers.paths import ROOT

IMAGES = 150  # more would only take longer
IN_FILE = 1000  # images of each data set that lie in its file
SMALL: dict[str, Any] = {"seeds": 2, "epochs": 2, "limit_train": IMAGES}
SMALLEST = {article: min(experiments(article), key=lambda one: len(one.arms)) for article in ARTICLES}
QUICKEST = min(ARTICLES, key=lambda article: sum(arm.params or 10**9 for arm in SMALLEST[article].arms))


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory, server_of_trainers: str | None) -> Iterator[TrainerClient]:
    """One real trainer for all articles: importing Keras takes longer than most of them."""
    folder = StudyFolder(tmp_path_factory.mktemp("artifacts"), "trainer", "0" * 32)
    environment = {"PYTHONPATH": str(ROOT), THREADS_VARIABLE: "1", "CUDA_VISIBLE_DEVICES": "-1"}
    with pytest.MonkeyPatch.context() as patch:
        if server_of_trainers is not None:
            patch.setenv(SERVER, server_of_trainers)
        made = TrainerClient(folder, environment, 4000.0)
        yield made
        made.discard()


@pytest.fixture(scope="module")
def images(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first of the real images of each data set: reading them all takes longer than most trials."""
    folder = tmp_path_factory.mktemp("images")
    for name in {experiment.dataset for experiment in SMALLEST.values()}:
        with np.load(data_dir / f"{name}.npz") as whole:
            np.savez(folder / f"{name}.npz", **{part: whole[part][:IN_FILE] for part in whole.files})
    return folder


@pytest.mark.parametrize(
    "article", [QUICKEST, *(pytest.param(one, marks=pytest.mark.long) for one in ARTICLES if one != QUICKEST)]
)
def test_an_article_s_experiment_is_compared_on_the_real_images(
    article: str, comparisons: Comparisons, trainer: TrainerClient, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(shared: SharedStudy, url: str, workers: WorkerSettings, *, quiet: bool) -> End:
        context = join_study(url, shared.name, replace(workers, wait=0.0), WorkerPlacement("cpu"), comparisons.stub())
        context.trainer.discard()  # the warm one takes its place
        work(replace(context, trainer=trainer), Shutdown(), deadline=float("inf"))
        context.shared.close()
        return End.DONE

    def evaluators(
        shared: SharedStudy, folder: StudyFolder, data_dir: Path | None
    ) -> AbstractContextManager[Evaluator]:
        return nullcontext(Evaluator(shared, folder, data_dir, trainer))

    monkeypatch.setattr(comparisons, "dependencies", lambda: Dependencies(run, evaluators))
    experiment = SMALLEST[article]
    workers = WorkerSettings(data_dir=images)
    answer = comparisons.compare(space=None, published=article, experiment=experiment.name, workers=workers, **SMALL)
    assert [arm["name"] for arm in answer["arms"]] == [arm.name for arm in experiment.arms]
    assert [arm["published"] for arm in answer["arms"]] == [dict(arm.published) for arm in experiment.arms]
    assert all(arm["n"] == 2 and not arm["failed"] for arm in answer["arms"])
    with comparisons.open(f"{article}-{experiment.name}") as shared:
        validation = shared.manifest.n_validation
    assert validation == pytest.approx(IMAGES * experiment.validation_share, abs=5)
    assert {sum(map(sum, arm["confusion"])) for arm in answer["arms"]} == {validation}
    assert len(answer["pairs"]) == len(experiment.arms) * (len(experiment.arms) - 1) // 2
