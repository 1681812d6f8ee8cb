"""The log of one machine: one SQLite file, one writer thread, group commit, durable on return."""

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from hearing.errors import Unavailable
from hearing.log import tables
from hearing.log.base import Record
from hearing.log.growth import Growth
from hearing.log.rules import check_append, check_names, check_read
from hearing.log.tables import Appending
from hearing.log.writer import Writer
from hearing.wal import BUSY_MS

T = TypeVar("T")

_MOST_READ = 4096


class SqliteLog:
    """Use as an async context manager, by one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._growth = Growth()
        self._open = False

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            opening.enter_context(_hold(self._path))
            self._writer = Writer(self._path, self._growth.grew)
            await self._writer.start()
            opening.push_async_callback(self._writer.stop)
            self._reader = opening.enter_context(closing(_reader(self._path)))
            self._reading = opening.enter_context(ThreadPoolExecutor(1, thread_name_prefix="log-reader"))
            self._closing = opening.pop_all()
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._open = False
        await self._closing.aclose()

    @property
    def commits(self) -> int:
        """Count the transactions that stored appends since it was opened."""
        return self._writer.commits

    async def append(
        self,
        stream: str,
        bodies: Sequence[bytes],
        *,
        subject: str | None = None,
        expect: int | None = None,
        key: str | None = None,
    ) -> int:
        """Store all bodies or none; durable on return."""
        check_append(stream, bodies, subject, key)
        return await self._writer.append(Appending(stream, [bytes(body) for body in bodies], subject, expect, key))

    async def read(self, stream: str, after: int, limit: int = 256) -> list[Record]:
        """Return records past `after`; at most 4096 at once."""
        check_read(stream, limit)
        return await self._read(lambda database: tables.read(database, stream, after, min(limit, _MOST_READ)))

    async def wait(self, stream: str, after: int) -> None:
        """Return once the stream is past `after`."""
        check_names(stream)
        waiting = self._growth.next(stream)
        if await self.head(stream) <= after:
            await waiting.wait()

    async def erase(self, stream: str, position: int) -> None:
        """Forget one body for good."""
        check_names(stream)
        await self._writer.erase(stream, position)

    async def erase_all(self, stream: str) -> None:
        """Forget every body, the keys and the subjects."""
        check_names(stream)
        await self._writer.erase_all(stream)
        self._growth.grew(stream)

    async def epoch(self, stream: str) -> int:
        """Return the stream's incarnation."""
        check_names(stream)
        return await self._read(lambda database: tables.epoch(database, stream))

    async def head(self, stream: str, subject: str | None = None) -> int:
        """Return the last position of the stream, or of the subject in it."""
        check_names(stream, subject)
        return await self._read(lambda database: tables.position(database, stream, subject))

    async def verify(self, stream: str) -> int | None:
        """Return the first position whose hash chain does not hold, None where all do."""
        check_names(stream)
        return await self._read(lambda database: tables.verify(database, stream))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if not self._open:
            raise Unavailable("The log is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, lambda: work(self._reader))
        except sqlite3.Error as error:
            raise Unavailable(f"The log cannot be read now: {error}. Check the disk.") from error


def _reader(path: Path) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        database.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise Unavailable(f"The log cannot be read: {error}. Check the disk.") from error
    return database


@contextmanager
def _hold(path: Path) -> Iterator[None]:
    """Lock the log against a second writer; the lock goes with this process."""
    try:
        lock = path.with_name(path.name + ".lock").open("wb")
    except OSError as error:
        raise Unavailable(f"The data folder cannot be used: {error.strerror}. Check that it is there.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Unavailable(
                "Another process writes this log. Stop it first, or choose another data folder."
            ) from error
        yield
