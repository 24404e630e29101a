"""No password is shown, whatever it is made of, and wherever it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from search.launching.asked_manifest import without_secrets
from storage.errors import UrlError
from storage.masking import hide_in_argument, hide_password
from storage.transaction import unreachable
from storage.url import check_url

HEAD, TAIL = "Zq7", "7qZ"  # so that a password isn't found by chance in what else there is
PASSWORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map(
    lambda text: HEAD + text + TAIL
)
FORMS = (
    "postgresql://me:{}@db.example/search",
    "postgresql://me:{}@db.example:5432/search?sslmode=require",
    "postgresql//me:{}@db.example/search",
    "me:{}@db.example/search",
    "postgresql+psycopg://me:{}@[::1]/search",
    "http://me:{}@tracking.example:5000",
    "sqlite://me:{}@/x.db",
    "postgresql:/me:{}@db.example/search",
    "postgresql://me%3A{}@db.example/search",
    "postgresql://me/{}@db.example/search",
    "postgresql://me;{}@db.example/search",
    "POSTGRESQL://:{}@db.example/search",
    "s3://me:{}@bucket/prefix",
    "other://{}@somewhere",
    "mysql+pymysql://me:{}@db.example/search?charset=utf8",
    "postgresql://me@db.example/search;password={}",
    "postgresql://me@db.example/search?sslmode=require;password={}",
    "postgresql://me@db.example/search?options=-cpassword={}",
    "postgresql://me@db.example/search?password={}&sslmode=require",
    "host=db.example user=me password={} dbname=search",
    "sqlite:////x.db?password={}",
)
# Where nothing ends them, an @ in them is taken for the one before the host.
WITHOUT_HOST = ("postgresql://me:{}", "postgresql://me:{}/search", "me:{}", "https://me:{}:5000")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:secret@host/db", "postgresql://user:***@host/db"),
        ("postgresql://me:p@ssw0rd@db.example/search", "postgresql://me:***@db.example/search"),
        ("postgresql://user:secret@host:port/db", "postgresql://user:***@host:port/db"),
        ("postgresql://user:se:cr@et@host:port/db", "postgresql://user:***@host:port/db"),
        ("me:hunter2@db.example/search", "me:***@db.example/search"),
        ("postgresql//me:hunter2@db.example/search", "postgresql//me:***@db.example/search"),
        (
            "postgresql://user@host/db?password=secret&sslmode=require",
            "postgresql://user@host/db?password=***&sslmode=require",
        ),
        ("postgresql://user@host/db?paswd=hunter2", "postgresql://user@host/db?paswd=***"),
        ("postgresql://user@host:5432/db?connect_timeout=3", "postgresql://user@host:5432/db?connect_timeout=3"),
        ("sqlite:///search.db", "sqlite:///search.db"),
        ("sqlite:////data/a:b@c/search.db", "sqlite:////data/a:b@c/search.db"),
        ("search.db", "search.db"),
        ("my search.db", "my search.db"),
        ("C:\\data\\search.db", "C:\\data\\search.db"),
        ("localhost:5432", "localhost:5432"),
        ("postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("file:///home/a@b/runs", "file:///home/a@b/runs"),
        ("https://token@host", "https://***@host"),
        ("host=db user=me password=hunter2 port=5432", "host=db user=me password=*** port=5432"),
    ],
)
def test_what_could_be_a_password_is_masked_and_nothing_else(url: str, shown: str) -> None:
    assert hide_password(url) == shown


@pytest.mark.parametrize("form", FORMS)
@given(password=PASSWORDS)
def test_no_password_is_shown_whatever_it_is_made_of(form: str, password: str) -> None:
    shown = hide_password(form.format(password))
    assert HEAD not in shown
    assert TAIL not in shown


@pytest.mark.parametrize("form", WITHOUT_HOST)
@given(password=PASSWORDS)
def test_neither_is_one_whose_host_was_forgotten(form: str, password: str) -> None:
    shown = hide_password(form.format(password.replace("@", "")))
    assert HEAD not in shown
    assert TAIL not in shown


@given(password=PASSWORDS)
def test_a_token_in_the_place_of_a_user_is_none(password: str) -> None:
    shown = hide_password(f"https://{password.replace(':', '')}@tracking.example")
    assert shown.startswith("https://***")
    assert TAIL not in shown


@given(password=PASSWORDS, name=st.sampled_from(["password", "paswd", "PGPASSWORD", "token", "sslpassword"]))
def test_neither_is_the_value_of_an_option(password: str, name: str) -> None:
    shown = hide_password(f"postgresql://me@host/db?{name}={password}")
    assert HEAD not in shown
    assert TAIL not in shown


@given(password=PASSWORDS)
def test_a_url_that_is_refused_is_refused_without_its_password(password: str) -> None:
    url = f"postgresql://me:{password}@db.example"  # no database
    with pytest.raises(UrlError) as refused:
        check_url(url)
    assert HEAD not in str(refused.value)


@given(password=PASSWORDS)
def test_the_stored_command_has_none(password: str) -> None:
    url = f"http://me:{password}@tracking.example"
    command = without_secrets(["launch", "--space", "bn_dropout", "--mlflow", url, f"--artifact-store={url}"])
    assert HEAD not in command
    assert "--mlflow http" in command.replace("'", "")


@pytest.mark.parametrize("argument", ["--dataset=a:b@c", "study:one@home", "--space=my_space.py:space", "-f"])
def test_arguments_without_a_url_are_kept_as_they_are(argument: str) -> None:
    assert hide_in_argument(argument) == argument


def test_what_a_driver_says_is_shown_without_the_password() -> None:
    url = make_url("postgresql://me:hunter2@db.example/search")
    assert "hunter2" not in unreachable(url, 'password "hunter2" was refused')


@pytest.mark.parametrize(
    "typed",
    [
        ("/home/me/search/launch.py",),
        ("/home/me/search/__main__.py", "launch"),
        ("/home/me/.venv/bin/keras-image-search", "launch"),
        ("a notebook",),
    ],
)
def test_the_command_that_made_a_study_is_the_one_that_was_typed(typed: tuple[str, ...]) -> None:
    """Also of the race of a launch's answer."""
    verb = "launch" if typed == ("a notebook",) else "answer"
    assert without_secrets([*typed, "--space", "width"], verb) == "python -m search.launch --space width"
