"""A real PgBouncer in transaction mode, in front of the tests' server."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

PORT = 6432  # of its socket's name
PATIENCE_S = 60.0
SETTINGS = """
[databases]
* = {server}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
ignore_startup_parameters = extra_float_digits{ignored}
"""


def program() -> str | None:
    """The program; Debian has it where only administrators look."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


@contextlib.contextmanager
def pgbouncer(admin_url: str, *, pool_size: int = 5, ignores_options: bool = False) -> Iterator[str]:
    """The URL of a pooler, with a {} for the database's name, with this many connections to each database. It refuses
    to pass on the time-outs that are asked for with a connection, or it ignores them without a word.
    """
    url, folder = make_url(admin_url), Path(tempfile.mkdtemp(prefix="search-pgbouncer-"))
    host = str(url.host or url.query.get("host", ""))
    parts = {"host": host, "port": url.port, "user": url.username, "password": url.password}
    server = " ".join(f"{name}={value}" for name, value in parts.items() if value)
    ignored = ",options" if ignores_options else ""
    written = SETTINGS.format(server=server, folder=folder, port=PORT, pool_size=pool_size, ignored=ignored)
    (folder / "pgbouncer.ini").write_text(written)
    owner = Path(host if host.startswith("/") else "/nowhere")
    user = owner.stat().st_uid if owner.exists() else None  # it refuses to be the administrator
    if user is not None:
        for path in (folder, folder / "pgbouncer.ini"):
            shutil.chown(path, user)
    command = [str(program()), "-q", str(folder / "pgbouncer.ini")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, user=user, stdout=log, stderr=log)
    try:
        pooled = f"postgresql://{url.username}@/{{}}?host={folder}&port={PORT}"
        wait_for(pooled.format(url.database), folder)
        yield pooled
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def wait_for(url: str, folder: Path) -> None:
    """Waits until the pooler answers."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text()) from error
            time.sleep(0.05)
        else:
            return
