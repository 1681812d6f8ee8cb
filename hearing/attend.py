"""Attend every open meeting: relay its source, have it transcribed, and see it out when it closes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from hearing import transcript
from hearing.errors import HearingError, Unavailable
from hearing.events import Ended, decode_public, encode, public_stream
from hearing.home import Turns
from hearing.house import HouseKeeper
from hearing.log.base import Log
from hearing.meeting import Meeting
from hearing.store.base import Store
from hearing.stream.address import Rules
from hearing.stream.recording import Recording
from hearing.stream.relay import Relay
from hearing.stream.repair import repair
from hearing.transcribe.dispatch import Dispatch, Ears

logger = logging.getLogger(__name__)

T = TypeVar("T")

_RETRY_S = (0.2, 5.0)
_LAST = 16
_STOP_S = 40.0


class Attendant:
    """Follows `house`; one task per open meeting. Closing a meeting drains its captions before it is sealed.

    What is purged is stopped at once and erased with `erase`, again at every start: a server may die in the middle.
    With `turns` a meeting is relayed for as long as it is this server's to relay.
    """

    def __init__(
        self,
        keeper: HouseKeeper,
        *,
        log: Log,
        store: Store,
        dispatch: Dispatch,
        rules: Rules,
        drain_s: float,
        erase: Callable[[str], Awaitable[None]],
        turns: Turns | None = None,
    ) -> None:
        self._turns = turns
        self._keeper = keeper
        self._log = log
        self._store = store
        self._dispatch = dispatch
        self._rules = rules
        self._drain_s = drain_s
        self._erase = erase
        self._attended: dict[str, asyncio.Event] = {}
        self._purging: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._erased: dict[str, asyncio.Event] = {}
        self._seeing_out = asyncio.Lock()
        self._erasing = asyncio.Lock()

    async def run(self) -> None:
        """Attend until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                house = self._keeper.house()
                for meeting in house.meetings.values():
                    self._look_at(meeting, group)
                for purged in house.purged - self._purging:
                    self._purging.add(purged)
                    group.create_task(self._purge(purged), name=f"purge {purged}")
                await patiently(self._keeper.changed)

    async def erased(self, meeting_id: str) -> None:
        """Wait until everything of a purged rehearsal is erased."""
        await self._erased.setdefault(meeting_id, asyncio.Event()).wait()

    def _look_at(self, meeting: Meeting, group: asyncio.TaskGroup) -> None:
        closing = self._attended.get(meeting.id)
        if closing is None and meeting.phase != "planned":
            self._attended[meeting.id] = closing = asyncio.Event()
            work = self._attend(meeting, closing) if meeting.phase == "open" else self._see_out(meeting)
            self._tasks[meeting.id] = group.create_task(work, name=f"meeting {meeting.id}")
        if meeting.phase == "closed" and closing is not None:
            closing.set()

    async def _purge(self, meeting_id: str) -> None:
        """Stop attending it, then erase it, however long the log or the disk takes to allow that."""
        if task := self._tasks.pop(meeting_id, None):
            await _stopped(task)
        await patiently(lambda: self._erase_one(meeting_id))
        self._erased.setdefault(meeting_id, asyncio.Event()).set()

    async def _erase_one(self, meeting_id: str) -> None:
        """One after the other: each empties the whole write-ahead log."""
        async with self._erasing:
            await self._erase(meeting_id)

    async def attend(self, meeting: Meeting, closing: asyncio.Event, over: asyncio.Event | None = None) -> bool:
        """Relay an open meeting until it is closed, and seal it; False where `over` was set: another one goes on."""
        over = over or asyncio.Event()
        ear = await self._attach(meeting)
        relay = Relay(meeting, log=self._log, store=self._store, ear=ear, rules=self._rules)
        try:
            await _until(relay.run(), closing, over)
            logger.info("source_over meeting=%s closing=%s", meeting.id, closing.is_set())
            if over.is_set():
                return False
            await ear.drain(self._drain_s, relay.end)
            if meeting.created.close_at_end and not closing.is_set():
                await patiently(lambda: self._keeper.close(meeting.id, "source-ended"))
            await _until(asyncio.Event().wait(), closing, over)
        finally:
            await ear.detach()
        if over.is_set():
            return False
        await self._seal(meeting.id, relay.end)
        return True

    async def _attend(self, meeting: Meeting, closing: asyncio.Event) -> None:
        while self._turns:
            async with self._turns.held(meeting) as over:
                if closing.is_set():
                    await self._see_out(meeting)
                    return
                if await self.attend(meeting, closing, over):
                    return
        await self.attend(meeting, closing)

    async def _see_out(self, meeting: Meeting) -> None:
        """Seal what was closed while nobody attended it: its server was killed, or none ran. One after the other."""
        async with self._seeing_out:
            sealed = await patiently(lambda: self._is_sealed(meeting.id))
            if sealed and not self._turns:
                return
            kept = await patiently(lambda: repair(self._store, meeting.id))
            if sealed:  # by another server, while this one's recording ended in the middle
                return
            end = int(kept.end)
            if end:
                ear = await self._attach(meeting)
                try:
                    await ear.drain(self._drain_s, end)
                finally:
                    await ear.detach()
            await self._seal(meeting.id, end)

    async def _attach(self, meeting: Meeting) -> Ears:
        recording = Recording(self._store, meeting.id)

        def recall(channel: str, start: int, end: int | None) -> AsyncIterator[tuple[int, int, bytes]]:
            return recording.pcm(channel, start, end)

        return await patiently(lambda: self._dispatch.attach(meeting, recall))

    async def _is_sealed(self, meeting_id: str) -> bool:
        """Look where Ended stands as a rule: at the end."""
        stream = public_stream(meeting_id)
        last = await self._log.read(stream, max(0, await self._log.head(stream) - _LAST))
        if any(isinstance(decode_public(record.body), Ended) for record in last):
            return True
        return (await fold(self._log, stream)).state == "closed"

    async def _seal(self, meeting_id: str, end: int) -> None:
        """Append Ended, once; a repeat finds it there. `end` is the media time up to which there is a recording."""
        stream = public_stream(meeting_id)
        folded = await patiently(lambda: fold(self._log, stream))
        if folded.state == "closed":
            return
        last = max((spoken.through_t for spoken in folded.channels.values()), default=0)
        event = encode(Ended(max(last, folded.state_t, end)))
        await patiently(lambda: self._log.append(stream, [event], key="ended"))
        logger.info("meeting_closed meeting=%s", meeting_id)


async def fold(log: Log, stream: str) -> transcript.Transcript:
    """Fold a public stream from its beginning."""
    folded = transcript.Transcript()
    after = 0
    while records := await log.read(stream, after):
        for record in records:
            transcript.apply(folded, decode_public(record.body))
        after = records[-1].position
    return folded


async def patiently(act: Callable[[], Awaitable[T]]) -> T:
    """Repeat what can be repeated for as long as the log or the store is unavailable."""
    wait_s, most_s = _RETRY_S
    while True:
        try:
            return await act()
        except Unavailable as error:
            logger.warning("waiting code=%s", error.code)
        await asyncio.sleep(wait_s)
        wait_s = min(most_s, wait_s * 2)


async def _stopped(task: asyncio.Task[None]) -> None:
    """Cancel until it is gone: a task group of Python 3.11 that fails in the same moment forgets that it was.

    In between, the recorder has its time to write what it has: what is written later would outlive the erasing.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_STOP_S)


async def _until(work: Awaitable[object], *stops: asyncio.Event) -> None:
    """Do the work until it is done or one of `stops` is set; its error, if any, is the caller's."""
    working = asyncio.ensure_future(work)
    stopping = [asyncio.ensure_future(stop.wait()) for stop in stops]
    try:
        await asyncio.wait({working, *stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        for task in (working, *stopping):
            task.cancel()
        with suppress(asyncio.CancelledError, HearingError):
            await working
