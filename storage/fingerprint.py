"""What identifies a database, without its password."""

import hashlib
import os

from sqlalchemy.engine import URL

POSTGRES_PORT = 5432


def fingerprint(url: URL) -> str:
    """Sixteen hexadecimal digits that say which database a full URL leads to: a file by its path without symbolic
    links, a server's by host, port and name. Users, passwords and options don't matter.
    """
    if url.drivername.startswith("sqlite"):
        place = f"sqlite {os.path.realpath(url.database or '')}"
    else:
        place = f"postgresql {url.host} {url.port or POSTGRES_PORT} {url.database}"
    return hashlib.sha256(place.encode()).hexdigest()[:16]
