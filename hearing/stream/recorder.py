"""Write a run to the store as it comes: the segments on disk are the recording, and what players are served.

A slow or full disk never holds up the sound on its way to the ear. Each rendition has a queue of QUEUE_BYTES; when it
is full, parts are dropped until it is empty again. When the store cannot write, the segment is given up and the next
one tried. Both are logged when they begin and when they are over, and leave a hole in the recording, not a crash.
"""

import asyncio
import logging

import msgspec

from hearing.errors import HearingError
from hearing.store.base import Store
from hearing.stream import index
from hearing.stream.frames import Init, Part

logger = logging.getLogger(__name__)

QUEUE_BYTES = 16 * 1024 * 1024
"""Per rendition: a minute of a good picture, or half an hour of sound."""

_FINISH_S = 30.0


class Recorder:
    """Records one run; its writers live in the TaskGroup given. `next_msn` is kept up to date for the next run."""

    def __init__(
        self, store: Store, meeting: str, run: int, next_msn: dict[str, int], group: asyncio.TaskGroup
    ) -> None:
        self._store = store
        self._meeting = meeting
        self._run = run
        self._next_msn = next_msn
        self._group = group
        self._writers: dict[str, _Writer] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def put(self, frame: Init | Part) -> None:
        """Take a frame to be written; never waits."""
        writer = self._writers.get(frame.rendition)
        if writer is None:
            writer = _Writer(self._store, self._meeting, frame.rendition, self._run, self._next_msn)
            self._writers[frame.rendition] = writer
            self._tasks.append(self._group.create_task(writer.run(), name=f"record {frame.rendition}"))
        writer.put(frame)

    async def finish(self) -> None:
        """Return when all that was taken is written and indexed, or the store has had its time."""
        for writer in self._writers.values():
            writer.finish()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_FINISH_S)
            for task in late:
                logger.error("recording_unfinished meeting=%s task=%s", self._meeting, task.get_name())
                task.cancel()


class _Segment(msgspec.Struct):
    """The segment being written."""

    msn: int
    t0: float
    end: float = 0.0
    size: int = 0
    samples: int = 0
    payload: int = 0


class _Writer:
    """One rendition's queue and the files it becomes."""

    def __init__(self, store: Store, meeting: str, rendition: str, run: int, next_msn: dict[str, int]) -> None:
        self._store = store
        self._meeting = meeting
        self._rendition = rendition
        self._run = run
        self._next_msn = next_msn
        self._queue: asyncio.Queue[Part | None] = asyncio.Queue()  # bounded by _queued
        self._queued = 0
        self._init: Init | None = None
        self._open: _Segment | None = None
        self._dropping = False
        self._failing = False

    def put(self, frame: Init | Part) -> None:
        """Queue a frame, or drop it and the rest of its segment."""
        if isinstance(frame, Init):
            self._init = frame
            return
        if self._queued + len(frame.content) > QUEUE_BYTES and not self._dropping:
            self._dropping = True
            self._log(logging.ERROR, "recording_behind")
        elif self._dropping and frame.opens and not self._queued:
            self._dropping = False
            self._log(logging.INFO, "recording_caught_up")
        if not self._dropping:
            self._queued += len(frame.content)
            self._queue.put_nowait(frame)

    def finish(self) -> None:
        """No more frames come."""
        self._queue.put_nowait(None)

    async def run(self) -> None:
        """Write until `finish`, and what is queued then."""
        while part := await self._queue.get():
            try:
                await self._write(part)
            except HearingError:
                self._give_up()
            self._queued -= len(part.content)
        try:
            await self._close()
        except HearingError:
            self._give_up()

    async def _write(self, part: Part) -> None:
        if part.opens:
            await self._close()
            await self._begin(part)
        segment = self._open
        if segment is None:
            return
        segment.size = await self._store.append(self._name(segment.msn), part.content)
        segment.end = part.t0 + part.duration_ms
        segment.samples += part.samples
        segment.payload += part.payload
        if part.closes:
            await self._close()

    async def _begin(self, part: Part) -> None:
        msn = self._next_msn.get(self._rendition, 0)
        await self._store.delete(self._name(msn))  # what a failed attempt left behind
        if self._init:
            name = index.init_name(self._meeting, self._rendition, self._run)
            await self._store.replace(name, self._init.content)
            self._init = None
        self._open = _Segment(msn, part.t0)

    async def _close(self) -> None:
        """Make the open segment durable, then say in the index that it is there."""
        segment = self._open
        if segment is None or not segment.size:
            return
        await self._store.sync(self._name(segment.msn))
        entry = index.Entry(
            segment.msn,
            self._run,
            segment.t0,
            segment.end - segment.t0,
            segment.size,
            segment.samples,
            segment.payload,
        )
        await self._append(entry)
        self._open = None
        self._next_msn[self._rendition] = segment.msn + 1
        if self._failing:
            self._failing = False
            self._log(logging.INFO, "recording_resumed")

    async def _append(self, entry: index.Entry) -> None:
        """Append to the index; a line that could not be written whole is taken back."""
        name = index.index_name(self._meeting, self._rendition)
        before = await self._store.size(name) or 0
        try:
            await self._store.append(name, index.line(entry))
            await self._store.sync(name)
        except HearingError:
            if await self._store.size(name):
                await self._store.truncate(name, before)
            raise

    def _give_up(self) -> None:
        """Leave the open segment unfinished; the next one is tried when it begins."""
        if not self._failing:
            self._failing = True
            self._log(logging.ERROR, "recording_stopped")
        self._open = None

    def _name(self, msn: int) -> str:
        return index.segment_name(self._meeting, self._rendition, msn)

    def _log(self, level: int, what: str) -> None:
        logger.log(level, "%s meeting=%s rendition=%s run=%d", what, self._meeting, self._rendition, self._run)
