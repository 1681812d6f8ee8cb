"""Read a log that may be in use: a whole copy as it is at one moment, without stopping who writes it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hearing.backup.manifest import Stream
from hearing.errors import NotFound, Unavailable
from hearing.log import tables
from hearing.wal import BUSY_MS

_STREAMS = "SELECT stream, head, epoch, chain FROM streams ORDER BY stream"


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database of a data folder to read. Raises NotFound where there is none, Unavailable where it is broken."""
    if not path.is_file():
        raise NotFound("There is no data in this folder. Name the right one with --data FOLDER.")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)) as database:
            database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            database.execute("PRAGMA query_only = ON")
            yield database
    except sqlite3.Error as error:
        raise Unavailable(f"{path.name} cannot be read: {error}. Check the disk and who owns the folder.") from error


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database with what its write-ahead log holds, as one file.

    Who writes the source goes on. What is erased meanwhile is erased a moment later: for as long as this reads.
    """
    try:
        with reading(source) as here, closing(sqlite3.connect(target, isolation_level=None)) as there:
            target.chmod(0o600)
            here.backup(there)
            there.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise Unavailable(f"{source.name} cannot be copied: {error}. Check both disks.") from error


def streams(database: sqlite3.Connection) -> tuple[Stream, ...]:
    """Return how far each stream of a log goes."""
    return tuple(Stream(name, head, epoch, chain.hex()) for name, head, epoch, chain in database.execute(_STREAMS))


def check_log(path: Path) -> tuple[Stream, ...]:
    """Verify every stream's hash chain; return how far they go. Raises Unavailable, naming what is broken."""
    with reading(path) as database:
        if (found := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise Unavailable(f"The log is damaged ({found}). Use another backup.")
        known = streams(database)
        for one in known:
            if (at := tables.verify(database, one.stream)) is not None:
                raise Unavailable(
                    f"The log is damaged: {one.stream} does not hold together at {at}. Use another backup."
                )
        return known
