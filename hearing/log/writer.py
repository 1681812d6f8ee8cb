"""The one thread that writes the SQLite log: it gathers what waits into one transaction, then answers each."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from hearing import wal
from hearing.errors import HearingError, Unavailable
from hearing.log import tables
from hearing.log.tables import Appending

GROUP = 512
WAITING = 4096
_FORGET_AT_ONCE = 1000
_ERASE_PAUSES_S = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)


class _Job(msgspec.Struct):
    """An append, or a piece of work of its own; `answer` is set on the loop's thread."""

    work: Appending | Callable[[sqlite3.Connection], object]
    answer: "asyncio.Future[object]"


class Writer:
    """Owns the writing connection. `grew` is called on the loop's thread with each stream that has grown.

    At most 4096 jobs wait for it; one more waits for its turn. Every job is answered, even if the thread dies.
    """

    def __init__(self, path: Path, grew: Callable[[str], None]) -> None:
        self._path = path
        self._grew = grew
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._opened: asyncio.Future[object] = self._loop.create_future()
        self._room = asyncio.Semaphore(WAITING)
        self._unanswered: set[asyncio.Future[object]] = set()
        self._gone = False
        self.commits = 0

    async def start(self) -> None:
        """Open the database. Raises Unavailable where that cannot be."""
        self._thread.start()
        await self._opened

    async def stop(self) -> None:
        """Finish what was submitted, and close the database. What comes later is Unavailable."""
        self._gone = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def append(self, wanted: Appending) -> int:
        """Return the position when the bytes are durable. A caller that is cancelled leaves the append under way."""
        answer = await self._submit(wanted)
        assert isinstance(answer, int)  # noqa: S101 - what `append` answers
        return answer

    async def erase(self, stream: str, position: int) -> None:
        """Return when the bytes are in no file of the log. Appends go on between the tries."""
        for pause_s in _ERASE_PAUSES_S:
            await asyncio.sleep(pause_s)
            if await self._submit(lambda database: _erase(database, stream, position)):
                return
        raise _kept_alive()

    async def erase_all(self, stream: str) -> None:
        """Return when no file of the log holds a body of the stream. Appends go on between the parts."""
        if await self._submit(lambda database: tables.holds(database, stream)):
            head = await self._submit(lambda database: tables.position(database, stream, None))
            assert isinstance(head, int)  # noqa: S101 - what `position` answers
            for after in range(0, head, _FORGET_AT_ONCE):
                await self._submit(partial(_forget_some, stream=stream, after=after))
            await self._submit(lambda database: _renew(database, stream))
        await self._empty()

    async def _empty(self) -> None:
        """Return when nothing is left in the write-ahead log. Raises Unavailable where a reader needs it."""
        for pause_s in _ERASE_PAUSES_S:
            await asyncio.sleep(pause_s)
            if await self._submit(wal.checkpoint):
                return
        raise _kept_alive()

    async def _submit(self, work: Appending | Callable[[sqlite3.Connection], object]) -> object:
        await self._room.acquire()
        if self._gone:
            self._room.release()
            raise _closed()
        answer: asyncio.Future[object] = self._loop.create_future()
        self._unanswered.add(answer)
        answer.add_done_callback(self._answered)
        self._jobs.put(_Job(work, answer))
        return await asyncio.shield(answer)  # a caller that leaves takes neither the work nor its room along

    def _answered(self, answer: "asyncio.Future[object]") -> None:
        self._unanswered.discard(answer)
        self._room.release()

    def _run(self) -> None:
        try:
            self._serve()
        finally:  # a bug ends the thread; nobody may wait for it in vain
            self._tell(self._leave)

    def _serve(self) -> None:
        try:
            database = tables.connect(self._path)
        except HearingError as error:
            self._answer([(self._opened, error)])
            return
        files = _files(self._path)
        self._answer([(self._opened, None)])
        try:
            while group := self._gather():
                if _files(self._path) == files:
                    self._write(database, group)
                else:  # SQLite would write on, into files that no folder holds any more
                    self._answer([(job.answer, _removed()) for job in group])
        finally:
            database.close()

    def _leave(self) -> None:
        """On the loop's thread: nothing is answered any more."""
        self._gone = True
        for answer in [self._opened, *self._unanswered]:
            if not answer.done():
                answer.set_exception(_closed())

    def _gather(self) -> list[_Job]:
        """Wait for a job and take what else is there; nothing when it is time to leave."""
        first = self._jobs.get()
        group = [first] if first else []
        while first and len(group) < GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _write(self, database: sqlite3.Connection, group: list[_Job]) -> None:
        """Appends go together; other work goes alone, in its place in the order."""
        appends: list[_Job] = []
        for job in group:
            if isinstance(job.work, Appending):
                appends.append(job)
            else:
                self._commit(database, appends)
                appends = []
                self._alone(database, job)
        self._commit(database, appends)

    def _commit(self, database: sqlite3.Connection, group: list[_Job]) -> None:
        """Store a group in one transaction. A conflict or a damaged stream fails only its own append.

        A disk that refuses fails them all.
        """
        if not group:
            return
        answers: list[tuple[asyncio.Future[object], object]] = []
        try:
            database.execute("BEGIN IMMEDIATE")
            for job in group:
                assert isinstance(job.work, Appending)  # noqa: S101 - the caller sorted them
                try:
                    answers.append((job.answer, tables.append(database, job.work)))
                except HearingError as refusal:
                    answers.append((job.answer, refusal))
            database.execute("COMMIT")
            self.commits += 1
        except sqlite3.Error as error:
            _roll_back(database)
            if len(group) > 1 and not isinstance(error, sqlite3.OperationalError):
                for job in group:
                    self._commit(database, [job])
                return
            answers = [(job.answer, _unavailable(error)) for job in group]
        self._answer(answers, {job.work.stream for job in group if isinstance(job.work, Appending)})

    def _alone(self, database: sqlite3.Connection, job: _Job) -> None:
        answer: object
        try:
            assert callable(job.work)  # noqa: S101 - the caller sorted them
            answer = job.work(database)
        except HearingError as refusal:
            answer = refusal
        except sqlite3.Error as error:
            answer = _unavailable(error)
        self._answer([(job.answer, answer)])

    def _answer(self, answers: list[tuple["asyncio.Future[object]", object]], grown: Iterable[str] = ()) -> None:
        self._tell(lambda: self._settle(answers, grown))

    def _tell(self, news: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more, and what was committed stays so
            self._loop.call_soon_threadsafe(news)

    def _settle(self, answers: list[tuple["asyncio.Future[object]", object]], grown: Iterable[str]) -> None:
        """Answer those who still wait; readers hear of the records even where nobody waits for the append."""
        for future, answer in answers:
            if future.done():
                continue
            if isinstance(answer, HearingError):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        for stream in grown:
            self._grew(stream)


def _erase(database: sqlite3.Connection, stream: str, position: int) -> bool:
    """Overwrite the record, then empty the write-ahead log that still holds its bytes; False where a reader needs it.

    A record that is erased already comes here again: its bytes may be there still.
    """
    tables.forget(database, stream, position)
    return wal.checkpoint(database)


def _forget_some(database: sqlite3.Connection, *, stream: str, after: int) -> int:
    return tables.forget_some(database, stream, after, _FORGET_AT_ONCE)


def _renew(database: sqlite3.Connection, stream: str) -> None:
    """Forget what names the stream's records, in one transaction."""
    try:
        database.execute("BEGIN IMMEDIATE")
        tables.renew(database, stream)
        database.execute("COMMIT")
    except sqlite3.Error:
        _roll_back(database)
        raise


def _roll_back(database: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # what made it roll back is told already; the next BEGIN rolls back what is left
        if database.in_transaction:
            database.execute("ROLLBACK")


def _files(path: Path) -> list[tuple[int, int]]:
    """Return which files the log's names stand for now: the database and its write-ahead log."""
    with suppress(FileNotFoundError):
        found = [path.stat(), path.with_name(path.name + "-wal").stat()]
        return [(one.st_dev, one.st_ino) for one in found]
    return []


def _kept_alive() -> Unavailable:
    return Unavailable(
        "The record is erased, but another program reads the log and keeps its old bytes alive. Close it, erase again."
    )


def _removed() -> Unavailable:
    return Unavailable(
        "The log's file was removed or replaced while the server ran. Stop the server and put it back from a backup."
    )


def _closed() -> Unavailable:
    return Unavailable("The log is closed. If the server still runs, restart it; then try again with the same key.")


def _unavailable(error: sqlite3.Error) -> Unavailable:
    return Unavailable(f"The log cannot be written now: {error}. Check the disk; try again with the same key.")
