"""What a trial trained is stored with it: no reader of a study derives it from a file that may have changed."""

import json
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from search import best, status
from search.report.command import main as report_main
from search.study.configurations import trial_model
from spaces import resolve
from spaces.configuration import Configuration, Optimizer
from spaces.errors import SpaceChanged, SpaceError
from storage import SharedStudy
from storage.comparison import ArmDesign, Comparison, PlannedLook
from tests.helpers.lab import Lab

WIDE = """
from pathlib import Path
from spaces.configuration import Block, Configuration
from spaces.space import Space

Path({marker!r}).write_text("run")

def suggest(trial):
    return Configuration(blocks=(Block(({filters},)),), dense=(trial.suggest_int("width", 8, 16),))

space = Space(name="own", question="How wide?", description="", suggest=suggest)
"""


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "was-run"


@pytest.fixture
def own(tmp_path: Path, marker: Path) -> Path:
    path = tmp_path / "own_space.py"
    path.write_text(WIDE.format(marker=str(marker), filters=24))
    return path


@pytest.fixture
def searched(lab: Lab, own: Path, marker: Path) -> SharedStudy:
    """A finished search of a space in a file, which was edited after it."""
    source = resolve(f"{own}:space")
    shared = lab.study(2, space=source.ref, space_fingerprint=source.fingerprint, question=source.space.question)
    lab.work()
    own.write_text(WIDE.format(marker=str(marker), filters=99))
    marker.unlink()
    return shared


def run(command: click.Command, lab: Lab, *arguments: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(command, ["--storage", lab.url, *arguments])


def test_an_edited_space_doesnt_change_what_its_trials_are_shown_to_have_trained(
    searched: SharedStudy, lab: Lab
) -> None:
    shown = run(best.main, lab).stdout
    assert "conv 24" in shown
    assert "99" not in shown
    document = json.loads(run(best.main, lab, "-f", "json").stdout)
    assert document["configuration"]["blocks"] == [{"filters": [24], "kernel": 3, "padding": "same"}]


def test_commands_that_read_run_no_file_that_the_study_names(
    searched: SharedStudy, lab: Lab, marker: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    assert run(best.main, lab).exit_code == 0
    assert run(status.main, lab).exit_code == 0
    assert run(report_main, lab, "-o", str(page)).exit_code == 0
    assert "How wide?" in page.read_text()
    assert "conv 24" in page.read_text()
    assert not marker.exists()


def test_a_file_of_another_source_than_the_study_s_isnt_run(searched: SharedStudy, marker: Path, own: Path) -> None:
    with pytest.raises(SpaceChanged, match=r"isn't that of the study here.*nothing of it was run"):
        resolve(f"{own}:space", expected=searched.manifest.space_fingerprint)
    assert not marker.exists()


def test_neither_is_a_module_of_a_package(tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "team_spaces"
    package.mkdir()
    for name in ("__init__", "wide"):
        (package / f"{name}.py").write_text(WIDE.format(marker=str(marker), filters=8))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SpaceChanged):
        resolve("team_spaces.wide:space", expected="0" * 64)
    assert not marker.exists()
    with pytest.raises(SpaceError, match=r"there is no module 'team_spaces\.narrow'"):
        resolve("team_spaces.narrow:space", expected="0" * 64)


def test_a_source_that_is_the_study_s_is_run(own: Path) -> None:
    found = resolve(f"{own}:space")
    assert resolve(found.ref, expected=found.fingerprint).fingerprint == found.fingerprint
    assert resolve("bn_dropout", expected=resolve("bn_dropout").fingerprint).space.name == "bn_dropout"


def test_a_trial_of_a_comparison_is_its_arm(lab: Lab) -> None:
    configurations = {name: Configuration(optimizer=Optimizer(name)) for name in ("rmsprop", "nadam")}
    arms = tuple(ArmDesign(name, msgspec.to_builtins(one)) for name, one in configurations.items())
    design = Comparison(question="Which?", arms=arms, margin=0.01, looks=(PlannedLook(1, 0.05),))
    manifest = lab.study(0, comparison=design).manifest
    for number, (name, configuration) in enumerate(configurations.items()):
        told = trial_model(manifest, frozen(number, {"arm": name}))
        assert told.configuration == configuration
    with pytest.raises(SpaceError, match="of the arm 'adam', which the comparison doesn't have"):
        trial_model(manifest, frozen(2, {"arm": "adam"}))


def test_a_trial_of_an_earlier_release_is_recomputed_where_the_built_in_space_is_the_same(lab: Lab) -> None:
    lab.study(1, space_fingerprint=resolve("bn_dropout").fingerprint)
    lab.work()
    with lab.context().shared as shared:
        trial = shared.study.trials[0]
    trial.user_attrs.pop("configuration")
    assert trial_model(shared.manifest, trial).layers is not None
    changed = msgspec.structs.replace(shared.manifest, space_fingerprint="0" * 64)
    with pytest.raises(SpaceError, match="the space bn_dropout has changed since"):
        trial_model(changed, trial)
    elsewhere = msgspec.structs.replace(shared.manifest, space="/anywhere/own.py:space")
    with pytest.raises(SpaceError, match="isn't run only to show it"):
        trial_model(elsewhere, trial)


def test_every_trial_has_its_configuration_from_the_moment_that_its_parameters_are_drawn(lab: Lab) -> None:
    lab.acts = {0: [{"fail": ["crash", "no memory"]}]}
    shared = lab.study(2)
    lab.work()
    stored = [trial.user_attrs["configuration"] for trial in shared.study.trials]
    assert all(Configuration.from_json(json.dumps(one)).blocks == Configuration().blocks for one in stored)


def frozen(number: int, params: dict[str, Any]) -> Any:
    from optuna.distributions import BaseDistribution, CategoricalDistribution
    from optuna.trial import create_trial

    distributions: dict[str, BaseDistribution] = {
        name: CategoricalDistribution([value]) for name, value in params.items()
    }
    trial = create_trial(value=0.5, params=params, distributions=distributions)
    trial.number = number
    return trial
