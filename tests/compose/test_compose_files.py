"""What docker-compose.yml, docker-compose.gpu.yml and the Dockerfile promise, read without a Docker engine."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.paths import ROOT

FILES = ("docker-compose.yml", "docker-compose.gpu.yml")
OURS = ("init", "worker", "fleet", "dashboard")
ERROR = "set your own password in the file .env"


def services(name: str = "docker-compose.yml") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / name).read_text())["services"]
    return found


def composes() -> list[list[str]]:
    """Compose 2 and 1, as far as they are installed; neither needs an engine to read a file."""
    found = []
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        found.append(["docker", "compose"])
    if shutil.which("docker-compose"):
        found.append(["docker-compose"])
    return found


@pytest.fixture(params=["docker compose", "docker-compose"])
def compose(request: pytest.FixtureRequest) -> list[str]:
    command: list[str] = request.param.split()
    if command not in composes():
        pytest.skip(f"`{request.param}` isn't installed")
    return command


def config(
    compose: list[str], tmp_path: Path, password: str | None, *files: str, login: str | None = "a-long-token"
) -> subprocess.CompletedProcess[str]:
    """What Compose makes of the files, with nothing set but a password and a login perhaps."""
    settings = tmp_path / "settings"
    given = "" if password is None else f"POSTGRES_PASSWORD={password}\n"
    settings.write_text(f"{given}{'' if login is None else f'DASHBOARD_LOGIN={login}'}\n")
    names = [f"--file={ROOT / name}" for name in files]
    inherited = ("PATH", "HOME", "DOCKER_CONFIG")
    environment = {name: os.environ[name] for name in inherited if name in os.environ}
    command = [*compose, f"--env-file={settings}", *names, "--profile=fleet", "config"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)


@pytest.mark.parametrize("files", [FILES[:1], FILES])
def test_both_generations_of_compose_accept_the_files(
    compose: list[str], files: tuple[str, ...], tmp_path: Path
) -> None:
    done = config(compose, tmp_path, "secret", *files)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("password", [None, ""])
def test_nothing_starts_without_a_password(compose: list[str], password: str | None, tmp_path: Path) -> None:
    done = config(compose, tmp_path, password, *FILES[:1])
    assert done.returncode == 1
    assert "POSTGRES_PASSWORD" in done.stderr
    assert ERROR in done.stderr


@pytest.mark.parametrize("login", [None, ""])
def test_nothing_starts_without_a_login_for_the_dashboard(
    compose: list[str], login: str | None, tmp_path: Path
) -> None:
    done = config(compose, tmp_path, "secret", *FILES[:1], login=login)
    assert done.returncode == 1
    assert "DASHBOARD_LOGIN" in done.stderr
    assert "set your own token in the file .env" in done.stderr


def test_any_character_may_be_in_a_password(compose: list[str], tmp_path: Path) -> None:
    password = "p@ss:w/r%d#1"  # noqa: S105 - of nothing
    read = yaml.safe_load(config(compose, tmp_path, password, *FILES[:1]).stdout)["services"]
    assert read["postgres"]["environment"]["POSTGRES_PASSWORD"] == password
    assert [read[name]["environment"]["PGPASSWORD"] for name in OURS] == [password] * len(OURS)


def test_the_gpu_file_makes_one_image_for_all_and_gives_the_devices_to_the_worker(
    compose: list[str], tmp_path: Path
) -> None:
    read = yaml.safe_load(config(compose, tmp_path, "secret", *FILES).stdout)["services"]
    assert set(OURS) <= set(read)
    assert {read[name]["image"] for name in OURS} == {"keras-image-search:gpu"}
    assert {read[name]["build"]["args"]["TENSORFLOW"] for name in OURS} == {"tensorflow[and-cuda]"}
    for name in ("worker", "fleet"):
        (device,) = read[name]["deploy"]["resources"]["reservations"]["devices"]
        assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert all("deploy" not in read[name] for name in OURS if name not in ("worker", "fleet"))


def test_no_password_is_written_into_a_file() -> None:
    password = "${POSTGRES_PASSWORD:?"  # noqa: S105 - the way to ask for one
    assert services()["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith(password)
    assert all(services()[name]["environment"]["PGPASSWORD"].startswith(password) for name in OURS)
    assert services()["dashboard"]["environment"]["SEARCH_DASHBOARD_LOGIN"].startswith("${DASHBOARD_LOGIN:?")
    assert "POSTGRES_PASSWORD=\n" in (ROOT / ".env.example").read_text()
    assert "DASHBOARD_LOGIN=\n" in (ROOT / ".env.example").read_text()
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_no_process_gets_the_password_on_its_command_line() -> None:
    assert all("LOGIN" not in str(service["command"]) for service in services().values())
    assert all("PASSWORD" not in str(service["command"]) for service in services().values())
    assert all("@postgres/" in services()[name]["environment"]["OPTUNA_STORAGE"] for name in OURS)


def test_only_the_dashboard_is_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {"dashboard": ["127.0.0.1:${DASHBOARD_PORT:-8080}:8080"]}
    assert all("network_mode" not in service for service in services().values())


@pytest.mark.parametrize("name", OURS)
def test_what_we_run_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = services()[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", OURS)
def test_an_init_process_passes_signals_on_and_reaps(name: str) -> None:
    assert services()[name]["init"] is True


@pytest.mark.parametrize("name", ["postgres", "worker", "fleet", "dashboard"])
def test_what_keeps_running_has_a_health_check(name: str) -> None:
    assert services()[name]["healthcheck"]["test"][0] == "CMD"


def test_the_database_is_healthy_once_it_answers_over_tcp() -> None:
    assert services()["postgres"]["healthcheck"]["test"][1:4] == ["pg_isready", "-h", "127.0.0.1"]


@pytest.mark.parametrize("name", ["worker", "fleet"])
def test_a_worker_has_time_to_give_its_trial_back(name: str) -> None:
    assert services()[name]["stop_grace_period"] == "1m"


def test_no_service_opens_the_study_before_it_was_created() -> None:
    assert services()["worker"]["depends_on"] == {"init": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize("name", ["fleet", "dashboard"])
def test_what_serves_all_studies_waits_for_none(name: str) -> None:
    assert services()[name]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services()[name]["environment"]["SEARCH_STUDY_NAME"] == ""


def test_workers_of_all_studies_run_only_if_they_are_asked_for() -> None:
    assert services()["fleet"]["profiles"] == ["fleet"]
    assert [name for name, service in services().items() if "profiles" in service] == ["fleet"]


def test_every_image_has_a_version() -> None:
    images = {service["image"] for name in FILES for service in services(name).values() if "image" in service}
    bases = {line.split()[1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("FROM ")}
    outside = bases - {"dependencies"}
    assert outside == {"python:3.11-slim-bookworm"}
    assert all(":" in image and not image.endswith(":latest") for image in images)


def test_the_dockerfile_needs_no_frontend_and_no_buildkit() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "# syntax=" not in text
    assert "--mount" not in text
    assert "<<" not in text
