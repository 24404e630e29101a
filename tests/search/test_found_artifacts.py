"""A dashboard finds the artifacts of every study, whatever another study says of where its own are."""

import io
from pathlib import Path

import pytest
from optuna.artifacts.exceptions import ArtifactNotFound

from search.web.artifacts import FoundArtifacts

UNUSABLE = ["ftp://elsewhere/models", "s3://", "a\0b", "x" * 5000, "/proc/self/mem", "\udcff"]


@pytest.mark.parametrize("place", UNUSABLE, ids=lambda place: ascii(place)[:12])
def test_a_place_that_can_t_be_used_keeps_no_other_from_being_looked_into(place: str, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"kept")
    store = FoundArtifacts(lambda: [place, str(tmp_path)])
    with store.open_reader("model") as content:
        assert content.read() == b"kept"
    assert store.has("model")
    assert not store.has("another")
    with pytest.raises(ArtifactNotFound):
        store.open_reader("another")
    store.remove("model")
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_goes_to_the_first_place_that_there_is(tmp_path: Path) -> None:
    store = FoundArtifacts(lambda: ["ftp://elsewhere", str(tmp_path)])
    store.write("note", io.BytesIO(b"kept"))
    assert (tmp_path / "note").read_bytes() == b"kept"
