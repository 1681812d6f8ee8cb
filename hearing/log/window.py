"""Recent records, kept in memory once per process and shared by every reader of a stream."""

import asyncio
from bisect import bisect_right
from collections import OrderedDict, deque
from contextlib import suppress
from itertools import islice
from types import TracebackType
from typing import Self

import msgspec

from hearing.errors import Unavailable
from hearing.events import Redacted, WordsRedacted, decode_public
from hearing.log.base import Reading, Record
from hearing.log.growth import Growth
from hearing.log.rules import check_names, check_read

RECENT = 512
STREAMS = 64
_BATCH = 256
_RETRY_S = 0.5
_LOOK_S = 5.0


class Windows:
    """A read-only log in front of a log: the newest records of the streams that are being read.

    The first reader of a stream starts one task that follows it. The stream unread for longest, on which nobody
    waits, makes room for a 65th; where readers wait on all of them, the 65th is read from the log.
    A `Redacted` or `WordsRedacted` record empties the records it names. Where a stream begins a new epoch, its window
    lets go of what it kept and wakes those who wait: whoever reads on asks `epoch` whether it is still the same.
    """

    def __init__(
        self, log: Reading, *, recent: int = RECENT, streams: int = STREAMS, retry_s: float = _RETRY_S
    ) -> None:
        self._log = log
        self._recent = recent
        self._streams = streams
        self._retry_s = retry_s
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._group = asyncio.TaskGroup()
        self._open = False

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._open = False
        for window in self._windows.values():
            window.stop()
        await self._group.__aexit__(None, None, None)

    async def read(self, stream: str, after: int, limit: int = 256) -> list[Record]:
        """Return records past `after`: from memory where they are recent, else from the log."""
        check_read(stream, limit)
        window = self._window(stream)
        records = await window.read(after, limit) if window else None
        return await self._log.read(stream, after, limit) if records is None else records

    async def wait(self, stream: str, after: int) -> None:
        """Return once the stream is past `after`. May return early."""
        check_names(stream)
        window = self._window(stream)
        await (window.wait(after) if window else self._log.wait(stream, after))

    async def epoch(self, stream: str) -> int:
        """Return the epoch of what is read here."""
        window = self._windows.get(stream)
        return window.epoch if window and window.current else await self._log.epoch(stream)

    async def head(self, stream: str, subject: str | None = None) -> int:
        """Return the log's head."""
        return await self._log.head(stream, subject)

    def forget(self, stream: str) -> None:
        """Let go of what is kept of a stream whose records were all erased. Those who wait on it are woken."""
        if window := self._windows.pop(stream, None):
            window.stop()

    def _window(self, stream: str) -> "_Window | None":
        """Find or open the stream's window; None where there is no room for it."""
        if not self._open:
            raise Unavailable("The server is stopping.")
        window = self._windows.get(stream)
        if window is None:
            if len(self._windows) >= self._streams and not self._make_room():
                return None
            window = self._windows[stream] = _Window(self._log, stream, self._recent)
            window.task = self._group.create_task(window.follow(self._retry_s), name=f"window {stream}")
        self._windows.move_to_end(stream)
        return window

    def _make_room(self) -> bool:
        """Close the window unread for longest on which nobody waits: waking those who wait would only reopen it."""
        idle = next((stream for stream, window in self._windows.items() if not window.waiting), None)
        if idle is None:
            return False
        self._windows.pop(idle).stop()
        return True


class _Window:
    """The newest records of one stream; one task follows it and knows everything through `_head`."""

    def __init__(self, log: Reading, stream: str, size: int) -> None:
        self._log = log
        self._stream = stream
        self._recent: deque[Record] = deque(maxlen=size)
        self._head = 0
        self._growth = Growth()
        self._tried = asyncio.Event()
        self.epoch = 0
        self.current = False
        self._stopped = False
        self.waiting = 0
        self.task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Follow no more. Those who wait are woken, and find the stream's next window."""
        self.current = False
        self._stopped = True
        self._tried.set()
        if self.task:
            self.task.cancel()
        self._growth.grew(self._stream)

    async def follow(self, retry_s: float) -> None:
        """Keep current until cancelled, beginning near the head. A log that is unavailable is tried again."""
        while True:
            try:
                await self._follow()
            except Unavailable:
                self._tried.set()
                await asyncio.sleep(retry_s)

    async def _follow(self) -> None:
        await self._begin()
        while True:
            records = await self._log.read(self._stream, self._head, _BATCH)
            if await self._log.epoch(self._stream) != self.epoch:  # looked at later: what was read is not of this one
                await self._begin()
                continue
            self._take(records)
            if len(records) < _BATCH:
                self.current = True
                self._tried.set()
                with suppress(TimeoutError):  # an epoch may begin unseen between the look and the wait
                    async with asyncio.timeout(_LOOK_S):
                        await self._log.wait(self._stream, self._head)

    async def _begin(self) -> None:
        """Stand near the head of the stream as it is now; of another epoch nothing is kept."""
        epoch, head = await self._log.epoch(self._stream), await self._log.head(self._stream)
        if epoch != self.epoch:
            self.current = False
            self.epoch, self._head = epoch, 0
            self._recent.clear()
            self._growth.grew(self._stream)
        self._skip_to(head - (self._recent.maxlen or 0))

    def _skip_to(self, near: int) -> None:
        """Leave out what would fall off at the other end again."""
        if near > self._head:
            self._recent.clear()
            self._head = near
            self._growth.grew(self._stream)

    def _take(self, records: list[Record]) -> None:
        for record in records:
            self._recent.append(record)
            self._head = record.position
            self._redact(record)
        if records:
            self._growth.grew(self._stream)

    async def read(self, after: int, limit: int) -> list[Record] | None:
        """Return the records past `after`, None where some of them are not here. Many who come first wait as one."""
        self.waiting += 1
        try:
            await self._tried.wait()
        finally:
            self.waiting -= 1
        if not self.current:
            return None
        if after >= self._head:
            return []
        if not self._recent or self._recent[0].position > max(after, 0) + 1:
            return None
        first = bisect_right(self._recent, after, key=lambda record: record.position)
        return list(islice(self._recent, first, first + limit))

    async def wait(self, after: int) -> None:
        """Return once the stream is past `after`, or nobody follows it any more."""
        grown = self._growth.next(self._stream)
        if self._stopped or self._head > after:
            return
        self.waiting += 1
        try:
            await grown.wait()
        finally:
            self.waiting -= 1

    def _redact(self, record: Record) -> None:
        if b'redacted"' not in record.body:
            return
        try:
            event = decode_public(record.body)
        except msgspec.DecodeError:  # not a public event; what it is concerns its readers
            return
        match event:
            case Redacted():
                self._empty(event.position)
            case WordsRedacted():
                for position in event.positions:
                    self._empty(position)
            case _:
                pass

    def _empty(self, position: int) -> None:
        index = position - self._recent[0].position
        if 0 <= index < len(self._recent):
            self._recent[index] = msgspec.structs.replace(self._recent[index], body=b"")
