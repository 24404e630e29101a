"""What people find in a dashboard next to numbers: notes of the study and of trials, and the files of a trial."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import msgspec
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna_dashboard import get_note

from search.study.folders import PICTURE
from search.training.models.description import CONFIGURATION, LAYERS, describe
from search.views.curve_picture import draw_curves
from search.views.facts import gather_facts
from search.views.notes import note_failures
from search.views.study_notes import note_study, study_note
from spaces import resolve
from spaces.epoch_scores import EpochScores
from storage import Manifest, SharedStudy, open_artifacts
from tests.helpers.lab import Lab


def epoch(number: int, score: float | None) -> EpochScores:
    return EpochScores(number, score, score, score, score, 0.1, 0.01)


def artifacts_of(shared: SharedStudy, number: int) -> dict[str, str]:
    trial = shared.study.get_trials()[number]
    return {meta.filename: meta.artifact_id for meta in get_all_artifact_meta(trial, storage=shared.trials.storage)}


def test_the_note_of_a_study_has_the_question_the_images_the_known_answers_and_commands(manifest: Manifest) -> None:
    space = resolve("bn_dropout").space
    asked = msgspec.structs.replace(manifest, command="python -m search.launch --space bn_dropout")
    note = study_note("my study", asked, space, 40)
    assert note.startswith(f"# {space.question}\n")
    assert [one.name for one in space.baselines if one.name not in note] == []
    assert "1151 for training" in note
    assert "python -m search.launch --space bn_dropout " in note
    assert "--study-name 'my study'" in note


def test_the_notes_of_a_finished_search_say_what_was_found_and_what_failed(lab: Lab) -> None:
    lab.acts = {1: [{"fail": ["out_of_memory", "no memory left"]}]}
    shared = lab.study(3)
    lab.work()
    for _ in range(2):  # the second time nothing changes
        summary = gather_facts(shared)
        note_failures(shared, summary)
        note_study(shared, resolve("bn_dropout").space, 3, summary)
    assert summary.best is not None
    note = get_note(shared.study)
    best = f"Trial {summary.best.number} is the best of 2 completed trials"
    assert best in note
    assert best in get_note(shared.trials.resume(summary.best.number))
    (failed,) = [trial.number for trial in shared.study.trials if trial.user_attrs["slot"] == 1]
    assert "no memory left" in get_note(shared.trials.resume(failed))
    assert "fewer workers" in get_note(shared.trials.resume(failed))


def test_a_completed_trial_keeps_a_picture_of_its_curves_and_what_its_trainer_wrote(lab: Lab) -> None:
    shared = lab.study(1)
    files = lab.files(shared)
    files.slot(0).mkdir(parents=True)
    model = files.model(0, 1, "worker-0")
    model.with_suffix(LAYERS).write_text("the layers")
    model.with_suffix(CONFIGURATION).write_text("{}")
    lab.work()
    kept = artifacts_of(shared, 0)
    assert set(kept) == {PICTURE, "layers.txt", "configuration.json", "model.keras"}
    open_artifacts(files.store).fetch(kept["layers.txt"], lab.folder / "layers.txt")
    assert (lab.folder / "layers.txt").read_text() == "the layers"
    assert not files.slot(0).exists()


def test_a_trial_that_was_pruned_or_failed_keeps_no_files(lab: Lab) -> None:
    lab.acts = {0: [{"fail": ["crash", "as told"]}], 1: [{"diverge_at": 2}]}
    shared = lab.study(2)
    lab.work()
    assert artifacts_of(shared, 0) == artifacts_of(shared, 1) == {}


def test_a_store_that_cannot_be_written_costs_the_files_and_not_the_trial(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    shared = lab.study(1)
    (lab.folder / "artifacts").mkdir()
    (lab.folder / "artifacts" / "models").write_text("in the way")
    lab.work()
    assert [trial.state.name for trial in shared.study.trials] == ["COMPLETE"]
    assert "files of trial 0 aren't kept" in caplog.text


def test_the_picture_has_a_curve_for_each_score_with_a_point_for_each_epoch() -> None:
    picture = ElementTree.fromstring(draw_curves([epoch(1, 0.5), epoch(2, None), epoch(3, 0.75)]))  # noqa: S314
    lines = [found for found in picture.iter() if found.tag.endswith("polyline")]
    assert [len(line.attrib["points"].split()) for line in lines] == [2] * 4


@pytest.mark.parametrize("scores", [[0.5, 0.5], [None, None], [1e-9, 1e9]])
def test_any_curve_can_be_drawn(scores: list[float | None]) -> None:
    picture = draw_curves([epoch(number, score) for number, score in enumerate(scores, 1)])
    assert "nan" not in ElementTree.fromstring(picture).tag  # noqa: S314
    assert "nan" not in picture


class Weight:
    def __init__(self, *shape: int) -> None:
        self.shape = shape


class Dense:
    """What a Keras layer says of itself."""

    def __init__(self, name: str, *weights: Weight, output: Any = None) -> None:
        self.name = name
        self.weights = list(weights)
        if output is not None:
            self.output = output


class Model:
    def __init__(self) -> None:
        self.layers = [Dense("first", Weight(64, 10), Weight(10), output=Weight(None, 10)), Dense("own")]  # type: ignore[arg-type]
        self.weights = self.layers[0].weights
        self.trainable_weights = self.weights[:1]


def test_the_layers_of_a_model_are_listed_with_shapes_and_parameters(tmp_path: Path) -> None:
    first, second = describe(Model()).splitlines()[1:3]
    assert first.split() == ["first", "Dense", "-", "x", "10", "650"]
    assert second.split() == ["own", "Dense", "0"]
    assert "650 parameters, 640 of them trained" in describe(Model())
