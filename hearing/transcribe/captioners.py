"""Captioners in place of workers: whoever types holds a channel, until nothing has come for a while."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from hearing.board.base import Board
from hearing.errors import Conflict
from hearing.events import SAMPLES_PER_MS
from hearing.transcribe import captions
from hearing.transcribe.carried import Carried
from hearing.transcribe.connection import Connection
from hearing.transcribe.typed import Line
from hearing.transcribe.workers import Workers

_LOOK_S = 1.0
_LINGER_S = 5.0
"""So long after the end a captioner's last lines are waited for."""


class Captioners:
    """Who types the captions of `channels`, which a relay hears at any time."""

    def __init__(self, board: Board, channels: Sequence[Carried], workers: Workers) -> None:
        self._board = board
        self._channels = channels
        self._workers = workers
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """End passages after a pause, give channels back where nothing comes any more, until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            while True:
                for carried in list(self._channels):
                    until_s = carried.hand.until_s
                    with suppress(Conflict):
                        if until_s is not None and asyncio.get_running_loop().time() > until_s:
                            await self.hand_back(carried)
                        else:
                            await carried.rest()
                await asyncio.sleep(_LOOK_S)

    async def type(self, carried: Carried, line: Line) -> bool:
        """Store a captioner's line; False where it was stored before. From now on the captioner writes the channel."""
        now_t = max(one.supply.ring.end for one in self._channels if one.meeting == carried.meeting) // SAMPLES_PER_MS
        stored = None
        while stored is None:
            if carried.drained.is_set() or not (now_t or carried.supply.began):
                raise Conflict("Nothing is heard of this meeting now. Captions are taken while it is.")
            if not carried.is_new(line):
                return False
            if line.text.strip():
                await self.take(carried)
            stored = await carried.type(line, now_t)
        return stored

    async def take(self, carried: Carried) -> None:
        """Let a captioner write the channel, in place of whoever carries it; until nothing has come for a while."""
        carried.hand.hold(asyncio.get_running_loop().time())
        holder, carried.holder = carried.holder, None  # from here on nothing that a worker says is stored
        if holder and isinstance(holder[0], Connection) and self._group:
            self._group.create_task(self._workers.step_aside(holder[0], carried))
        await self._tell(carried)

    async def hand_back(self, carried: Carried) -> None:
        """Let the machine write the channel again."""
        if carried.hand.holds:
            await carried.let_go()
            self._workers.assign()
        await self._tell(carried)

    async def linger(self, carried: Carried) -> None:
        """Wait for a captioner's last lines; then the channel is heard out, unless the machine has it again."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while (left := max(began_s, carried.hand.spoke_s) + _LINGER_S - loop.time()) > 0:  # noqa: ASYNC110 - a moment, no event
            await asyncio.sleep(left)
        await carried.rest(over=True)
        if carried.hand.holds:
            carried.drained.set()

    async def _tell(self, carried: Carried) -> None:
        await captions.tell(self._board, carried, self._workers.seats)
