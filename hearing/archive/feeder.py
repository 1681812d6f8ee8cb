"""Feed the search index: follow the public stream of every meeting, and bring the index to what it says now.

A live meeting's fold is kept; of a closed one only a waiter stays, and it is folded again when its stream grows:
a correction, an erasure.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

from hearing.archive.current import Current
from hearing.archive.index import Index, Renewed
from hearing.archive.passages import passages
from hearing.archive.tables import Feed, Stored
from hearing.errors import Unavailable
from hearing.events import public_stream
from hearing.log.base import Reading
from hearing.meeting import House, Meeting

logger = logging.getLogger(__name__)

T = TypeVar("T")

SETTLE_S = 1.0
"""Words that come within so long go into the index together."""

_RETRY_S = (0.5, 10.0)
_CLOSED_AT_ONCE = 1


class Feeder:
    """Keeps the index current with the meetings of the house."""

    def __init__(self, house: Callable[[], House], log: Reading, index: Index, *, settle_s: float = SETTLE_S) -> None:
        self._house = house
        self._log = log
        self._index = index
        self._settle_s = settle_s
        self._turn = asyncio.Semaphore(_CLOSED_AT_ONCE)
        self._caught_up: set[str] = set()

    def behind(self) -> int:
        """Count the meetings whose text is not in the index yet."""
        return sum(meeting.id not in self._caught_up for meeting in self._searched())

    async def catch_up(self) -> None:
        """Bring the index to what the log holds now, and drop what the house does not know."""
        await self._index.keep([meeting.id for meeting in self._searched()])
        for meeting in self._searched():
            await self._take_in(meeting, Current())

    async def run(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Follow until cancelled; `changed` returns when the house has changed.

        What is unavailable is waited for. An index that was damaged or removed is fed from the beginning.
        """
        while True:
            self._caught_up.clear()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._index.ailing())
                    await self._follow_all(group, changed)
            except* Renewed:
                logger.info("feeding the search index from the beginning")

    async def _follow_all(self, group: asyncio.TaskGroup, changed: Callable[[], Awaitable[object]]) -> None:
        followed: set[str] = set()
        await _patiently(lambda: self._index.keep([meeting.id for meeting in self._searched()]))
        while True:
            for meeting in self._searched():
                if meeting.id not in followed:
                    followed.add(meeting.id)
                    group.create_task(self._follow(meeting), name=f"search {meeting.id}")
            await _patiently(changed)

    async def _follow(self, meeting: Meeting) -> None:
        current = Current()
        stream = public_stream(meeting.id)
        while True:
            async with self._turn if meeting.phase == "closed" else nullcontext():  # the live do not queue behind them
                position = await _patiently(lambda: self._take_in(meeting, current))
            await _patiently(partial(self._log.wait, stream, position))
            await asyncio.sleep(self._settle_s)

    async def _take_in(self, meeting: Meeting, current: Current) -> int:
        """Bring the index to what a meeting's stream says now; return the position up to which it is."""
        stream = public_stream(meeting.id)
        position, epoch = await self._log.head(stream), await self._log.epoch(stream)
        stored = await self._index.stored(meeting.id)
        if stored != Stored(epoch, position):
            current.resume(epoch, stored.position if stored.epoch == epoch and stored.position <= position else 0)
            await self._read(stream, current)
            await self._index.feed(_feed(meeting, current))
            current.settled()
            position = current.position
            if current.transcript.state == "closed":
                current.forget()
                logger.info("indexed meeting=%s position=%d", meeting.id, position)
        await self._index.clear()  # what a feed before could not
        self._caught_up.add(meeting.id)
        return position

    async def _read(self, stream: str, current: Current) -> None:
        while True:
            while records := await self._log.read(stream, current.position):
                for record in records:
                    current.follow(record)
            if not current.stale:
                return
            current.restart()

    def _searched(self) -> list[Meeting]:
        """Rehearsals are nobody's record; of a planned meeting nothing was said. Those on now come first."""
        there = [one for one in self._house().public().meetings.values() if one.phase != "planned"]
        return sorted(there, key=lambda one: one.phase != "open")


def _feed(meeting: Meeting, current: Current) -> Feed:
    channels = meeting.created.channels
    now = list(passages(current.transcript, channels, None if current.whole else list(current.touched)))
    whole = frozenset(one.segment for one in now if one.words) if current.whole else None
    zero_ms = current.transcript.media_zero_utc_ms or meeting.opened_ms or meeting.created.starts_ms or 0
    return Feed(meeting.id, now, whole, Stored(current.epoch, current.position), zero_ms)


async def _patiently(act: Callable[[], Awaitable[T]]) -> T:
    wait_s, most_s = _RETRY_S
    while True:
        try:
            return await act()
        except Renewed:
            raise
        except Unavailable as error:
            logger.warning("search_waits why=%s", error)
        await asyncio.sleep(wait_s)
        wait_s = min(most_s, wait_s * 2)
