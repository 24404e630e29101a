"""A study's folder is one that was made for a study: no other is used, and nothing in it is taken for the study's."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from search.compare import main as compare_command
from search.datasets import load_dataset
from search.datasets.mapped import write_mapped
from search.errors import UsageError
from search.study.folder_mark import MARK
from search.study.folders import StudyFolder, study_root
from search.study.own_folder import is_free, make_home, prepare, require_places
from storage import Manifest, create_study, study_names
from tests.helpers.launches import RunLaunch

STAMP = "0123456789abcdef" * 2


def make_images(folder: Path) -> Path:
    for label in ("cats", "dogs"):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            Image.fromarray(np.full((8, 8), number, np.uint8)).save(folder / label / f"{number}.png")
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder, by path: a file's bytes, None for a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


REFUSED = {
    "a folder that is there": (("--study-name", "data", "--artifacts", "."), "data/images", "isn't a study's"),
    "images in the folder of a study": (("--study-name", "s", "--artifacts", "."), "s/images", "lie in"),
    "images among the models": (("--study-name", "s", "--artifacts", "."), "models", "lie in"),
    "images that are the folder": (("--study-name", "s", "--artifacts", "."), "s", "isn't a study's"),
    "a folder among the images": (("--study-name", "s", "--artifacts", "pets/more"), "pets", "lie around"),
    "a folder among the images by its name": (("--study-name", "s", "--artifacts", "."), ".", "lie around"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_launch_that_would_mix_its_files_with_others_is_refused_before_anything_is_made(
    case: str, cli: RunLaunch, tmp_path: Path
) -> None:
    flags, images, words = REFUSED[case]
    home = tmp_path / "home"
    make_images(home / images)
    if "in the folder" in case:
        (home / "s" / MARK).touch()
    before = contents(home)
    launched = cli("--space", "bn_dropout", "--dataset", images, "--n-trials", 1, "--epochs", 1, *flags)
    assert launched.exit_code == 2, launched.output
    assert words in launched.output
    assert "--artifacts" in launched.output
    assert contents(home) == before


@pytest.mark.usefixtures("cli")
@pytest.mark.parametrize("more", [("--study-name", "data"), ("--study-name", "da", "--tune", "2")])
def test_a_comparison_takes_no_folder_that_is_there_either_nor_do_its_searches(
    more: tuple[str, ...], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    make_images(home / "data" / "images")
    make_images(home / "da-none" / "images")
    before = contents(home)
    flags = ("--space", "bn_dropout", "--axis", "batch_norm", "--artifacts", ".", *more)
    compared = CliRunner().invoke(compare_command, flags)
    assert compared.exit_code == 2, compared.output
    assert "isn't a study's" in compared.output
    assert contents(home) == before


def test_a_study_whose_folder_cant_be_made_is_removed_unless_it_was_there_before(
    sqlite_url: str, tmp_path: Path, manifest: Manifest
) -> None:
    (tmp_path / "file").touch()
    with create_study(sqlite_url, "study", manifest) as shared, pytest.raises(UsageError, match="can't be made"):
        make_home(shared, StudyFolder(tmp_path / "file", shared.name, shared.key.stamp))
    assert study_names(sqlite_url) == []
    with create_study(sqlite_url, "study", manifest):
        pass
    with create_study(sqlite_url, "study", manifest) as joined, pytest.raises(UsageError, match="can't be made"):
        make_home(joined, StudyFolder(tmp_path / "file", joined.name, joined.key.stamp))
    assert study_names(sqlite_url) == ["study"]


def test_an_empty_folder_is_taken_and_marked_and_found_again(tmp_path: Path, manifest: Manifest) -> None:
    marked = msgspec.structs.replace(manifest, folder_marked=True)
    folder = StudyFolder(tmp_path, "a study", STAMP)
    folder.root.mkdir()
    for _ in range(2):
        prepare(folder, marked)
        folder.logs.mkdir(exist_ok=True)
        assert (folder.root / MARK).is_file()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, manifest: Manifest) -> None:
    (tmp_path / "study").write_text("a file")
    with pytest.raises(UsageError, match="isn't a study's"):
        require_places(tmp_path, "study", manifest, None)


def test_a_worker_makes_nothing_in_a_folder_of_another_user_that_its_manifest_names(
    tmp_path: Path, manifest: Manifest
) -> None:
    make_images(tmp_path / "home" / "images")
    before = contents(tmp_path)
    wrong = msgspec.structs.replace(manifest, artifacts=str(tmp_path), folder_marked=True)
    with pytest.raises(UsageError, match="isn't a study's"):
        prepare(StudyFolder(Path(wrong.artifacts), "home", STAMP), wrong)
    assert contents(tmp_path) == before


def test_a_study_of_a_release_without_marks_goes_on_in_its_folder_and_gets_no_mark(
    tmp_path: Path, manifest: Manifest
) -> None:
    folder = StudyFolder(tmp_path, "study", STAMP)
    folder.logs.mkdir(parents=True)
    (folder.logs / "worker-1.log").write_text("a line")
    before = contents(tmp_path)
    require_places(tmp_path, "study", manifest, manifest)
    prepare(folder, manifest)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["models", "Models", "MODELS", "", ".", "..", "../../up", "a/b", "v1.2", "größe", "%"])
def test_the_folder_of_a_study_is_one_in_the_artifact_folder_and_never_the_store(name: str, tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "artifacts", name, STAMP)
    assert folder.root.resolve().parent == (tmp_path / "artifacts").resolve()
    assert folder.root.name.casefold() != folder.models.name
    assert folder.slot(0).parents[1].name == STAMP[:16]


NAMES = st.text(min_size=1, max_size=20).filter(lambda name: "\0" not in name and name.isprintable())


@given(NAMES, NAMES)
def test_different_names_have_different_folders(one: str, other: str) -> None:
    same = study_root(Path("artifacts"), one) == study_root(Path("artifacts"), other)
    assert same == (one == other)


def make_own(folder: StudyFolder) -> None:
    """Everything that a study makes in its folder and takes away again, a half of it broken off."""
    for slot in (0, 12345):
        folder.slot(slot).mkdir(parents=True)
        model = folder.model(slot, 3, "worker-1")
        names = [folder.checkpoint(slot, 2).name, "token-3.part", "token-1.npz.partial", "curves.svg", model.name]
        names += [f"{model.stem}.layers.txt", f"{model.stem}.configuration.json", f".{model.stem}.part.keras"]
        for name in names:
            (folder.slot(slot) / name).write_text("ours")
    images = folder.images("f" * 64)
    images.parent.mkdir(parents=True)
    write_mapped(load_dataset("digits"), images)
    half = images.parent / ".part-x" / images.name
    half.mkdir(parents=True)
    (half / "x_train.npy").write_text("ours")
    (images.parent / ".lock").touch()


def clear(folder: StudyFolder) -> None:
    for slot in (0, 1, 12345):
        folder.clear_slot(slot)
    folder.remove_images()
    folder.remove_empty()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, strange=st.sampled_from(["notes.txt", "token-x.npz", "model-1.keras", "x_train.npy.bak", "images"]))
def test_what_a_study_made_goes_and_what_others_have_put_next_to_it_stays(
    name: str, strange: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = StudyFolder(tmp_path_factory.mktemp("artifacts"), name, STAMP)
    make_own(folder)
    ours = set(folder.artifacts.rglob("*"))
    made = [folder.artifacts, *(path for path in ours if path.is_dir())]
    for number, place in enumerate(made):
        (place / f"{number}-{strange}").write_text("a stranger's")
    (folder.slot(1)).mkdir()
    strangers = set(folder.artifacts.rglob("*")) - ours - {folder.slot(1)}
    clear(folder)
    assert {path for path in folder.artifacts.rglob("*") if path.is_file()} == strangers
    assert {path.read_text() for path in strangers} == {"a stranger's"}


def test_where_nothing_was_put_nothing_is_left(tmp_path: Path, manifest: Manifest) -> None:
    folder = StudyFolder(tmp_path, "models", STAMP)
    prepare(folder, manifest)
    make_own(folder)
    clear(folder)
    assert set(contents(tmp_path)) == {"%6Dodels", f"%6Dodels/{MARK}"}


def test_studies_of_the_same_name_in_one_folder_clear_their_own_files_alone(tmp_path: Path) -> None:
    one, other = (StudyFolder(tmp_path, "study", letter * 32) for letter in "ab")
    make_own(one)
    before = contents(tmp_path)
    make_own(other)
    clear(other)
    assert contents(tmp_path) == before
    assert not is_free(one.root)
