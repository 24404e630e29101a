"""What every engine keeps: inherit `EngineContract` in a test, with the fixtures and methods that it names."""

from pathlib import Path

import pytest

from search.cluster.engine import Engine
from search.cluster.fleet import Fleet, Pods, fleet_name
from search.errors import UsageError

PASSWORD = "s3cret/of-the@test"  # noqa: S105 - of no database
STORAGE = "postgresql://user:s3cret%2Fof-the%40test@db.example/studies"
ODD_NAMES = ('it\'s "a" study', "$(touch /tmp/x) `id` ; &", "line\nbreak", "ä 你 -- \\", "%j {0} {{ }}", "--help")


def example_fleet(folder: Path, study_name: str = "S") -> Fleet:
    """A fleet with a secret."""
    worker = (f"--study-name={study_name}", "--gpus=none", "--n-workers=1")
    pods = Pods(image="registry.example/search:1")
    return Fleet(fleet_name(study_name, "3314ed85aa"), study_name, worker, folder, STORAGE, pods=pods)


class EngineContract:
    """The tests. An engine's class of tests gives its `engine`, and says how to check and read what it renders."""

    @pytest.fixture
    def engine(self) -> Engine:
        """The engine."""
        raise NotImplementedError

    def require_valid(self, rendered: str) -> None:
        """Fails unless the engine would take what was rendered."""
        raise NotImplementedError

    def arguments_as_run(self, rendered: str, fleet: Fleet, folder: Path, /) -> list[str]:
        """The arguments that `search.worker` gets in a job of what was rendered."""
        raise NotImplementedError

    def test_what_is_rendered_is_valid(self, engine: Engine, tmp_path: Path) -> None:
        """For an engine's own check, whatever the study is called."""
        for name in ("S", *ODD_NAMES):
            self.require_valid(engine.render(example_fleet(tmp_path / "cluster", name), 4))

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_the_worker_gets_its_arguments_as_they_are(self, engine: Engine, tmp_path: Path, name: str) -> None:
        """No shell, and no template, changes them."""
        fleet = example_fleet(tmp_path / "a folder" / "cluster", name)
        assert set(fleet.worker) <= set(self.arguments_as_run(engine.render(fleet, 2), fleet, tmp_path))

    def test_no_secret_is_rendered_or_shown(self, engine: Engine, tmp_path: Path) -> None:
        """Neither in the script or manifest, nor where a fleet is printed."""
        fleet = example_fleet(tmp_path / "cluster")
        for text in (engine.render(fleet, 4), repr(fleet)):
            assert "s3cret" not in text
        assert not (tmp_path / "cluster").exists()

    def test_a_machine_without_the_engine_is_told_so_and_keeps_nothing(
        self, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Exit code 2, and no file is left."""
        self.hide_engine(monkeypatch, tmp_path)
        fleet = example_fleet(tmp_path / "cluster")
        with pytest.raises(UsageError):
            engine.submit(fleet, 2)
        assert not (tmp_path / "cluster").exists()

    def hide_engine(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Makes this a machine without the engine's commands."""
        monkeypatch.setenv("PATH", str(folder))
