"""The layers before optuna-dashboard: who comes in, what may be changed, how files are handed out."""

import base64
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import optuna
import pytest
from click.testing import CliRunner
from optuna.artifacts import FileSystemArtifactStore, upload_artifact

from search.dashboard import main as dashboard_command
from search.errors import UsageError
from search.web.database import Database
from search.web.hosts import is_loopback
from search.web.login import Credentials
from search.web.serving import DashboardOptions, assemble, listen, page_of, require_login
from storage import Manifest, create_study
from storage.errors import StudyNotFound
from storage.testkit import example_manifest
from tests.helpers.requests import ask

SECRET = "a-long-secret"  # noqa: S105 - of nothing
TOKEN = Credentials(SECRET)
PASSWORD = Credentials(SECRET, "ada")
EVIL = b"<script>document.title = 'owned'</script>"


@pytest.fixture
def waiting(sqlite_url: str) -> Iterator[WSGIApplication]:
    """A dashboard of a database that isn't there yet."""
    database = Database(sqlite_url)
    yield assemble(database, DashboardOptions(sqlite_url))
    database.close()


@dataclass(frozen=True)
class Shown:
    """A study with artifacts in a SQLite file, which tests leave as it was, and dashboards of it."""

    url: str
    models: Path
    artifacts: dict[str, str]
    opened: list[Database] = field(default_factory=list)

    def open(self, **options: Any) -> Database:
        self.opened.append(Database(self.url, **options))
        return self.opened[-1]

    def dashboard(self, **options: Any) -> WSGIApplication:
        asked = DashboardOptions(self.url, **options)
        return assemble(self.open(write=asked.allow_edit), asked)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder = tmp_path_factory.mktemp("shown")
    url, models, found = f"sqlite:///{folder / 'search.db'}", folder / "files" / "models", {}
    with create_study(url, "mine", example_manifest(artifacts=str(folder / "files"))) as shared:
        models.mkdir(parents=True)
        store = FileSystemArtifactStore(models)
        trial = shared.study.ask()
        for name, content in {"page.html": EVIL, "curve.svg": b"<svg/>", "note.txt": b"words", "odd.bin": b"1"}.items():
            (folder / name).write_bytes(content)
            kind = "text/html\r\nX-Injected: 1" if name == "odd.bin" else None
            stored = upload_artifact(
                artifact_store=store, file_path=str(folder / name), study_or_trial=trial, mimetype=kind
            )
            found[name] = (
                f"/artifacts/{shared.study_id}/{shared.trials.ids[trial.number]}/{stored}"  # as the dashboard has it
            )
        shared.study.tell(trial, 0.5)
    return Shown(url, models, found)


@pytest.fixture
def shown(study: Shown) -> Iterator[Shown]:
    mine = replace(study, opened=[])
    yield mine
    for database in mine.opened:
        database.close()


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_a_page_that_is_an_artifact_is_downloaded_and_may_run_nothing(shown: Shown, end: str) -> None:
    answer = ask(shown.dashboard(), shown.artifacts["page.html"] + end)
    assert (answer.status, answer.body) == (200, EVIL)
    assert answer.headers["Content-Disposition"] == "attachment"
    assert "sandbox" in answer.headers["Content-Security-Policy"].split("; ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(("name", "disposition"), [("note.txt", "inline"), ("curve.svg", "attachment")])
def test_text_is_shown_and_pictures_that_can_hold_scripts_are_downloaded(
    shown: Shown, name: str, disposition: str
) -> None:
    assert ask(shown.dashboard(), shown.artifacts[name]).headers["Content-Disposition"] == disposition


@pytest.mark.parametrize(
    "path",
    [
        "/artifacts/1/1/../../search.db",
        "/artifacts/x",
        "/artifacts/",
        "/artifacts/1/1/00",
        f"/artifacts/1/1/{'0' * 5000}",
    ],
)
def test_an_address_of_no_artifact_leads_nowhere(shown: Shown, path: str) -> None:
    assert ask(shown.dashboard(), path).status == 404


@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_a_file_whose_stored_type_has_a_line_break_is_no_fault_of_the_server(shown: Shown) -> None:
    answer = ask(shown.dashboard(), shown.artifacts["odd.bin"])
    assert answer.status == 404
    assert b"damaged" in answer.body
    assert "X-Injected" not in answer.headers
    gc.collect()  # what optuna-dashboard had opened


def test_an_artifact_whose_file_was_removed_is_said_to_be_gone(shown: Shown) -> None:
    stored = shown.artifacts["note.txt"]
    file = shown.models / stored.rpartition("/")[2]
    file.rename(file.with_suffix(".aside"))
    answer = ask(shown.dashboard(), stored)
    file.with_suffix(".aside").rename(file)
    assert answer.status == 404
    assert b"gone" in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "MADE_UP"])
def test_nothing_can_be_changed_unless_that_is_allowed(shown: Shown, method: str) -> None:
    answer = ask(shown.dashboard(), "/api/studies/1", method, b"{}")
    assert answer.status == 403
    assert "--allow-edit" in answer.json["reason"]
    assert len(ask(shown.dashboard(), "/api/studies").json["study_summaries"]) == 1


def test_an_editor_may_change_a_note(shown: Shown) -> None:
    app, note = shown.dashboard(allow_edit=True), b'{"version": 1, "body": "mine"}'
    answer = ask(app, "/api/studies/1/note", "PUT", note, origin="http://127.0.0.1:8080")
    assert answer.status == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec_fetch_site": "cross-site"},
    ],
)
def test_a_page_from_elsewhere_changes_nothing_even_if_editing_is_allowed(
    shown: Shown, headers: dict[str, str]
) -> None:
    assert ask(shown.dashboard(allow_edit=True), "/api/studies/1", "DELETE", b"{}", **headers).status == 403


def test_a_name_that_a_stranger_gave_this_machine_is_refused(shown: Shown) -> None:
    assert ask(shown.dashboard(), "/api/studies", host="evil.example:8080").status == 421
    for host in ("localhost:9000", "127.0.0.1", "[::1]:8080"):
        assert ask(shown.dashboard(), "/api/studies", host=host).status == 200


def test_a_name_that_was_allowed_is_served(shown: Shown) -> None:
    app = shown.dashboard(allow_host=("Searches.example",))
    assert ask(app, "/api/studies", host="searches.example").status == 200


@pytest.mark.parametrize("path", ["/", "/dashboard", "/api/studies", "/static/bundle.js", "/csv/1"])
def test_nothing_is_shown_without_the_login(shown: Shown, path: str) -> None:
    answer = ask(shown.dashboard(credentials=TOKEN), path)
    assert answer.status == 401
    assert b"mine" not in answer.body


def test_a_person_is_asked_for_the_token_and_comes_in_with_it(shown: Shown) -> None:
    app = shown.dashboard(credentials=TOKEN)
    asked = ask(app, "/dashboard/studies/1", accept="text/html")
    assert asked.status == 401
    assert b'value="/dashboard/studies/1"' in asked.body
    welcome = ask(app, "/login", "POST", f"secret={SECRET}&next=%2Fdashboard%2Fstudies%2F1".encode())
    assert (welcome.status, welcome.headers["Location"]) == (303, "/dashboard/studies/1")
    cookie, *attributes = welcome.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)
    assert SECRET not in cookie
    assert ask(app, "/api/studies", cookie=cookie).status == 200


@pytest.mark.parametrize("form", ["secret=wrong", "", "secret=", "secret=a-long-secre", "secret=" + "x" * 5000])
def test_a_wrong_token_is_refused(shown: Shown, form: str) -> None:
    answer = ask(shown.dashboard(credentials=TOKEN), "/login", "POST", form.encode())
    assert answer.status == 401
    assert b"That is wrong" in answer.body
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("goal", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_the_login_leads_nowhere_else(shown: Shown, goal: str) -> None:
    answer = ask(shown.dashboard(credentials=TOKEN), "/login", "POST", f"secret={SECRET}&next={goal}".encode())
    assert answer.headers["Location"] == "/dashboard"


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


@pytest.mark.parametrize(
    ("credentials", "header", "status"),
    [
        (TOKEN, f"Bearer {SECRET}", 200),
        (TOKEN, basic("", SECRET), 200),
        (TOKEN, "Bearer wrong", 401),
        (TOKEN, "Bearer", 401),
        (TOKEN, "Basic !!!", 401),
        (PASSWORD, basic("ada", SECRET), 200),
        (PASSWORD, basic("bob", SECRET), 401),
        (PASSWORD, basic("ada", "wrong"), 401),
        (PASSWORD, f"Bearer {SECRET}", 401),
    ],
)
def test_a_script_brings_the_login_along(shown: Shown, credentials: Credentials, header: str, status: int) -> None:
    assert ask(shown.dashboard(credentials=credentials), "/api/studies", authorization=header).status == status


@pytest.mark.parametrize("change", [lambda s: s[:-1] + "0g"[s[-1] == "0"], lambda s: "9" + s, lambda _: "x.y"])
def test_a_session_that_was_tampered_with_is_none(change: Callable[[str], str]) -> None:
    session = TOKEN.sign(expires=1000)
    assert TOKEN.accepts(session, now=999.0)
    assert not TOKEN.accepts(change(session), now=999.0)


def test_a_session_ends_when_it_expires_and_when_the_login_changes() -> None:
    session = TOKEN.sign(expires=1000)
    assert not TOKEN.accepts(session, now=1000.0)
    assert not replace(TOKEN, secret=SECRET[::-1]).accepts(session, now=999.0)


@pytest.mark.parametrize("given", ["short", "ada:short", ":a-long-enough-secret"])
def test_a_login_that_is_easily_guessed_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="12 characters"):
        Credentials.parse(given)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.7"])  # noqa: S104 - to see it refused
def test_others_are_served_with_a_login_only(host: str) -> None:
    with pytest.raises(UsageError, match="SEARCH_DASHBOARD_LOGIN"):
        require_login(DashboardOptions("sqlite:///x.db", host=host))
    require_login(DashboardOptions("sqlite:///x.db", host=host, credentials=TOKEN))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_what_only_this_machine_reaches_needs_none(host: str) -> None:
    assert is_loopback(host)
    require_login(DashboardOptions("sqlite:///x.db", host=host))


def test_every_answer_has_headers_that_keep_it_to_this_site(shown: Shown) -> None:
    for path in ("/dashboard", "/api/studies", "/static/bundle.js", "/nothing"):
        headers = ask(shown.dashboard(), path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_a_dashboard_waits_for_the_first_study_and_then_shows_it(
    sqlite_url: str, manifest: Manifest, waiting: WSGIApplication
) -> None:
    app = waiting
    page = ask(app, "/", accept="text/html")
    assert b"python -m search.launch" in page.body
    assert page.headers["Refresh"] == "5"
    assert ask(app, "/api/studies").json == {"study_summaries": []}
    with create_study(sqlite_url, "mine", manifest):
        assert [one["study_name"] for one in ask(app, "/api/studies").json["study_summaries"]] == ["mine"]


def test_a_database_whose_file_was_replaced_is_opened_again(
    sqlite_url: str, manifest: Manifest, waiting: WSGIApplication
) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with create_study(sqlite_url, "first", manifest):
        assert len(ask(waiting, "/api/studies").json["study_summaries"]) == 1
    for file in path.parent.glob(f"{path.name}*"):
        file.rename(file.with_name(f"old-{file.name}"))
    with create_study(sqlite_url, "second", manifest):
        assert [one["study_name"] for one in ask(waiting, "/api/studies").json["study_summaries"]] == ["second"]


def test_a_database_that_is_broken_while_a_user_looks_is_said_so(sqlite_url: str, waiting: WSGIApplication) -> None:
    app = waiting
    assert ask(app, "/healthy").status == 200
    Path(sqlite_url.removeprefix("sqlite:///")).write_text("no database")
    assert b"t a SQLite database, or a damaged one" in ask(app, "/", accept="text/html").body
    assert ask(app, "/api/studies").status == 503
    assert ask(app, "/healthy").status == 503


def test_health_is_asked_without_a_login_and_gives_nothing_away(shown: Shown) -> None:
    answer = ask(shown.dashboard(credentials=TOKEN), "/healthy")
    assert (answer.status, answer.body) == (200, b"healthy\n")


def test_a_study_has_a_page_and_one_that_is_not_there_is_refused(shown: Shown) -> None:
    database = shown.open()
    assert page_of(database, "mine") == "/dashboard/studies/1"
    with pytest.raises(StudyNotFound, match="there are: mine"):
        page_of(database, "other")


def test_a_port_that_is_taken_is_said_to_be() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(UsageError, match="another program listens there"):
        listen("127.0.0.1", first.getsockname()[1])


def test_studies_of_other_programs_are_shown(sqlite_url: str, waiting: WSGIApplication) -> None:
    storage = optuna.storages.RDBStorage(sqlite_url)
    optuna.create_study(storage=storage, study_name="plain").optimize(lambda trial: trial.suggest_float("x", 0, 1), 2)
    storage.engine.dispose()
    assert len(ask(waiting, "/api/studies/1").json["trials"]) == 2


def test_a_study_is_shown_from_either_database(storage_url: str, manifest: Manifest) -> None:
    with create_study(storage_url, "mine", manifest) as shared:
        shared.study.tell(shared.study.ask(), 0.5)
    database = Database(storage_url)
    app = assemble(database, DashboardOptions(storage_url))
    (study,) = ask(app, "/api/studies").json["study_summaries"]
    assert len(ask(app, f"/api/studies/{study['study_id']}").json["trials"]) == 1
    database.close()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--host=0.0.0.0"], "set SEARCH_DASHBOARD_LOGIN"),
        (["--host=nowhere.invalid"], "isn't a host of this machine"),
        (["--storage=redis://localhost"], "valid are sqlite"),
        (["--storage=sqlite:////no/such/folder/search.db"], "doesn't exist: create it"),
        (["--study-name=another"], "a launch creates it"),
    ],
)
def test_a_wrong_flag_ends_the_command_with_what_to_do(
    flags: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SEARCH_DASHBOARD_LOGIN", "SEARCH_STORAGE", "OPTUNA_STORAGE", "SEARCH_STUDY_NAME"):
        monkeypatch.delenv(name, raising=False)
    done = CliRunner().invoke(dashboard_command, flags)
    assert done.exit_code == 2
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_out_of_reach_ends_the_command_with_3() -> None:
    done = CliRunner().invoke(dashboard_command, ["--storage=postgresql://user@127.0.0.1:1/searches"])
    assert done.exit_code == 3
    assert "can't be used" in done.stderr


def test_a_log_that_is_deleted_is_said_once_and_then_the_database_opened_again(sqlite_url: str) -> None:
    with create_study(sqlite_url, "demo", example_manifest()):
        database = Database(sqlite_url)
        assert database.fault() is None
        Path(f"{sqlite_url.removeprefix('sqlite:///')}-wal").unlink()
        said = database.fault()
    assert said is not None
    assert "search.db-wal' was deleted" in said
    assert database.fault() is None
    database.close()
