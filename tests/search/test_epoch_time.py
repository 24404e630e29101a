"""--dry-run --time-epoch: how long an epoch takes, from a few batches; nothing is kept."""

import json
import sys
from pathlib import Path

import msgspec
import pytest

from search.launching.epoch_time import fewest_images, measure_epoch
from search.launching.options import LaunchOptions
from search.launching.planning import make_plan
from search.launching.wording import epoch_time_text, plan_json
from spaces import load_space
from spaces.configuration import Configuration
from tests.helpers.lab import MANIFEST
from tests.helpers.launches import RunLaunch
from tests.helpers.paths import ROOT, STUB_TRAINER

IMAGES = MANIFEST.n_train + MANIFEST.n_validation


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """A trainer whose epochs take 0.01 s each."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    script = tmp_path / "script.json"
    script.write_text("{}")
    return (sys.executable, str(STUB_TRAINER), str(script))


def test_an_epoch_of_a_few_images_is_scaled_to_all_of_them(command: tuple[str, ...], tmp_path: Path) -> None:
    timed = measure_epoch(load_space("bn_dropout"), MANIFEST, command)
    assert timed is not None
    assert timed.images == fewest_images(MANIFEST, Configuration()) == 160
    assert timed.seconds == pytest.approx(0.01 * IMAGES / 160)
    assert timed.whose == "the baseline base"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["script.json"]
    options = LaunchOptions(space="bn_dropout", storage=f"sqlite:///{tmp_path}/x.db")
    plan = make_plan(options)
    assert json.loads(plan_json(plan, options, timed))["epoch"]["images"] == 160
    assert "an epoch of the baseline base takes about 0.0899 s" in epoch_time_text(timed, plan.manifest)


def test_a_trainer_that_fails_times_nothing(
    command: tuple[str, ...], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "script.json").write_text(json.dumps({"0": [{"fail": ["space_error", "as told"]}]}))
    assert measure_epoch(load_space("bn_dropout"), MANIFEST, command) is None
    assert "no epoch was timed: as told" in caplog.text


def test_two_batches_are_as_few_images_as_there_are() -> None:
    few = msgspec.structs.replace(MANIFEST, n_train=40, n_validation=10)
    assert fewest_images(few, Configuration()) == 50
    assert fewest_images(MANIFEST, Configuration(batch_size=16)) == 40


def test_it_belongs_to_a_dry_run(cli: RunLaunch) -> None:
    refused = cli("--space", "bn_dropout", "--time-epoch")
    assert refused.exit_code == 2
    assert "--time-epoch belongs to a --dry-run" in refused.stderr
