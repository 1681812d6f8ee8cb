"""The search index of a data folder: one SQLite file made from the log, one thread that writes, one that reads.

It is never the truth: deleted or damaged, it is made anew from the log.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from hearing.archive import tables
from hearing.archive.tables import Feed, Stored
from hearing.errors import Unavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")

WAITING = 64
"""So many queries may wait for their turn; one more is told to come again."""

LONGEST_S = 5.0
"""So long one query may take."""

_STEPS = 20_000
_LOOK_S = 0.2
_CHUNK = 500
_CLEAR_PAUSES_S = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


class Renewed(Unavailable):
    """The index was damaged or gone, and is empty now: feed it again from the beginning."""


class _Damaged(Exception):
    """The file is no database, or a broken one."""


class Index:
    """Use as an async context manager, by one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting = 0
        self._turn = threading.Lock()
        self._damage = asyncio.Event()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            after_both = opening.enter_context(ExitStack())  # work whose waiter was cancelled may still run till then
            self._writing = opening.enter_context(ThreadPoolExecutor(1, thread_name_prefix="index-writer"))
            self._reading = opening.enter_context(ThreadPoolExecutor(1, thread_name_prefix="index-reader"))
            await asyncio.get_running_loop().run_in_executor(self._writing, self._open)
            after_both.callback(self._close)  # on what is open then: renewing takes its place
            self._closing = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def stored(self, meeting: str) -> Stored:
        """Return how far a meeting's stream is in the index."""
        return await self._write(lambda database: tables.stored(database, meeting))

    async def feed(self, fed: Feed) -> None:
        """Bring a meeting to what it is now. On return the bytes of what was removed are gone.

        Raises Renewed where all must be fed again, Unavailable where the disk refuses: feed it again, or where a
        reader of another process keeps removed bytes alive: `clear` again.
        """
        chunks = [fed.passages[at : at + _CHUNK] for at in range(0, len(fed.passages), _CHUNK)] or [[]]
        for chunk in chunks[:-1]:
            await self._feed(Feed(fed.meeting, chunk, None, None, fed.zero_ms))
        await self._feed(Feed(fed.meeting, chunks[-1], fed.whole, fed.at, fed.zero_ms))
        await self.clear()

    async def keep(self, meetings: Iterable[str]) -> None:
        """Drop all other meetings."""
        kept = list(meetings)
        await self._write(lambda database: _within(database, lambda: tables.keep(database, kept)))
        await self.clear()

    async def through(self, meeting: str, epoch: int, position: int) -> None:
        """Return when a meeting is in the index as its stream is at a position, and nothing else of it is left.

        Somebody else feeds it. Raises Unavailable where a reader of another process keeps removed bytes alive.
        """
        known = await self.stored(meeting)
        while known.epoch != epoch or known.position < position:
            await asyncio.sleep(_LOOK_S)
            known = await self.stored(meeting)
        await self.clear()

    async def query(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Ask the reading connection. Raises Unavailable where too many ask at once."""
        if self._waiting >= WAITING:
            raise Unavailable("Too many people search just now. Try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, lambda: self._ask(ask))
        except _Damaged as error:
            self._damage.set()
            raise Unavailable("The search index was damaged and is made anew. Try again in a minute.") from error
        finally:
            self._waiting -= 1

    async def ailing(self) -> None:
        """Wait until a query finds the index damaged, and make it anew: raises Renewed."""
        await self._damage.wait()
        self._damage.clear()
        await asyncio.get_running_loop().run_in_executor(self._writing, self._make_anew)

    async def _feed(self, fed: Feed) -> None:
        await self._write(lambda database: _within(database, lambda: tables.feed(database, fed)))

    async def clear(self) -> None:
        """Make the bytes of what was removed go, where any may be left. Queries go on between the tries."""
        if not await self._write(tables.owed):
            return
        await self._write(tables.rewrite)
        for pause_s in _CLEAR_PAUSES_S:
            await asyncio.sleep(pause_s)
            if await self._write(tables.settle):
                return
        raise Unavailable("Another program reads the search index and keeps removed words alive. Close it.")

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writing, lambda: self._work(work))

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """On the writer's thread."""
        if not self._path.exists():  # SQLite would write on, into a file that no folder holds any more
            raise self._renew("gone")
        try:
            return work(self._writer)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The search index cannot be written now: {error}. Check the disk.") from error
        except sqlite3.DatabaseError as error:
            raise self._renew("damaged") from error

    def _ask(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """On the reader's thread."""
        try:
            with self._turn:  # the writer may be putting a new file in the place of a damaged one
                deadline = time.monotonic() + LONGEST_S
                self._reader.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
                return ask(self._reader)
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise Unavailable("This search takes too long. Ask for rarer words, or narrow it.") from error
            raise Unavailable("The search index cannot be read now. Try again in a minute.") from error
        except sqlite3.DatabaseError as error:
            raise _Damaged from error

    def _open(self) -> None:
        try:
            self._writer = tables.connect(self._path)
            self._reader = tables.connect_to_read(self._path)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"The search index cannot be opened: {error}. Check the data folder.") from error
        except sqlite3.DatabaseError:
            logger.warning("index_renewed why=damaged")
            tables.remove(self._path)
            self._writer = tables.connect(self._path)
            self._reader = tables.connect_to_read(self._path)

    def _make_anew(self) -> None:
        raise self._renew("damaged")

    def _renew(self, why: str) -> Renewed:
        logger.warning("index_renewed why=%s", why)
        with self._turn:
            self._close()
            tables.remove(self._path)
            self._open()
        return Renewed("The search index was made anew.")

    def _close(self) -> None:
        for database in (self._reader, self._writer):
            with suppress(sqlite3.Error):  # a file that is damaged may not even close well
                database.close()


def _within(database: sqlite3.Connection, work: Callable[[], None]) -> None:
    """Do it in one transaction."""
    database.execute("BEGIN IMMEDIATE")
    try:
        work()
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            if database.in_transaction:
                database.execute("ROLLBACK")
        raise
