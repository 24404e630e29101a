"""What commands print as JSON is as docs/schemas says, and everything in it is described there."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner
from filled_comparison import filled_comparison

from search.best import main as best
from search.check import main as check
from search.cluster.standing import PlaceStatus
from search.datasets.inventory import Named
from search.design.report import comparison_document
from search.design.stored_result import comparison_of
from search.doctor import main as doctor
from search.launch import main as launch
from search.launching.options import LaunchOptions
from search.launching.wording import result_json
from search.predict.predictions import Prediction, Unreadable
from search.predict.texts import as_json as predictions_json
from search.queue import main as queue
from search.spaces import main as spaces
from search.status import main as status
from search.studies import main as studies
from search.trials import main as trials
from search.views.facts import gather_facts
from storage import create_study
from storage.records import WorkerInfo
from storage.testkit import example_manifest
from tests.helpers.lab import Lab
from tests.helpers.paths import ROOT

FOLDER = ROOT / "docs" / "schemas"
SCHEMAS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
Documents = Mapping[str, list[Any]]


def printed(command: Any, *arguments: str) -> Any:
    done = CliRunner().invoke(command, [*arguments, "-f", "json"], catch_exceptions=False)
    assert done.exit_code in (0, 1), done.output
    return json.loads(done.stdout)


def of_a_search(folder: Path) -> Iterator[tuple[str, Any]]:
    """What is printed of a search with completed, diverged and failed trials, and one under way."""
    lab = Lab(f"sqlite:///{folder / 'search.db'}", folder)
    lab.acts = {3: [{"fail": ["crash", "as told"]}], 4: [{"diverge_at": 2}]}
    shared = lab.study(12)
    place = ("--storage", lab.url)
    yield "status", printed(status, *place)
    yield "trials", printed(trials, *place)
    lab.work()
    shared.workers.register(WorkerInfo("w", "host", 1))
    yield "status", printed(status, *place)
    yield "trials", printed(trials, *place)
    yield "best", printed(best, *place)
    yield "check", printed(check, *place, "--no-images")
    yield "launch", json.loads(result_json(gather_facts(shared), LaunchOptions(space="bn_dropout"), 12.5))
    with create_study(lab.url, "another", example_manifest(artifacts=str(folder))):
        yield "studies", printed(studies, *place)
        yield "queue", printed(queue, *place)
    lab.files(shared).checkpoint(0, 1).parent.mkdir(parents=True, exist_ok=True)
    lab.files(shared).checkpoint(0, 1).write_bytes(b"left")
    yield "studies-gc", printed(studies, "gc", *place)
    lab.close()


def of_a_comparison(folder: Path) -> Iterator[tuple[str, Any]]:
    for number, replicates in enumerate((10, 1)):
        with filled_comparison(f"sqlite:///{folder / f'{number}.db'}", "arms", replicates) as shared:
            result = comparison_of(shared)
            assert result is not None
            yield "compare", json.loads(json.dumps({"comparisons": [comparison_document(result)]}))


def of_other_commands(folder: Path) -> Iterator[tuple[str, Any]]:
    yield (
        "launch-dry-run",
        printed(launch, "--space", "bn_dropout", "--dry-run", "--storage", f"sqlite:///{folder}/x.db"),
    )
    yield "spaces", printed(spaces)
    yield "space", printed(spaces, "optimizer")
    yield "doctor", printed(doctor, "--storage", f"sqlite:///{folder}/x.db")
    prediction = Prediction(Path("a.png"), ("cat", "dog"), (0.25, 0.75), ("rotated",))
    left_out = Named("not an image", 2, ("a.txt", "b.txt"))
    yield "predict", json.loads(predictions_json([prediction], [Unreadable(Path("b.png"), "cut off")], [left_out]))
    jobs = [PlaceStatus("1_2", "at work", "node", 2, 1, 3.5, ""), PlaceStatus("1_3", "queued", "", 0, 0, None, "busy")]
    yield "cluster", json.loads(msgspec.json.encode({"on": "slurm", "jobs": jobs}))


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Documents:
    """What the commands print, by the names of the schemas."""
    found: dict[str, list[Any]] = {}
    for part in (of_a_search, of_a_comparison, of_other_commands):
        for name, document in part(tmp_path_factory.mktemp("documents")):
            found.setdefault(name, []).append(document)
    return found


def undescribed(schema: Mapping[str, Any], document: Any, where: str = "") -> Iterator[str]:
    """The names in a document that its schema says nothing of."""
    if isinstance(document, list):
        for item in document:
            yield from undescribed(schema.get("items", {}), item, where)
    elif isinstance(document, dict) and "properties" in schema:
        for name, value in document.items():
            if name not in schema["properties"]:
                yield f"{where}.{name}"
            yield from undescribed(schema["properties"].get(name, {}), value, f"{where}.{name}")


def test_there_is_a_schema_of_every_document(documents: Documents) -> None:
    assert set(SCHEMAS) == set(documents)


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_printed_is_as_the_schema_says(name: str, documents: Documents) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    for document in documents[name]:
        jsonschema.validate(document, SCHEMAS[name])
        assert list(undescribed(SCHEMAS[name], document)) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_says_what_each_part_is_and_is_listed(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema["description"].endswith(".")
    top = schema.get("items", schema)["properties"]
    assert [part for part, what in top.items() if not what.get("description")] == []
    assert f"(schemas/{name}.json)" in (ROOT / "docs" / "json.md").read_text(encoding="utf-8")


def test_a_document_with_something_missing_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError, match="study_name"):
        jsonschema.validate({}, SCHEMAS["status"])
