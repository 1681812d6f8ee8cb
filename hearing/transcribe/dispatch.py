"""Give channels to workers, and store what they hear: the relay's side of the worker protocol."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import msgspec

from hearing.board.base import Board
from hearing.errors import Conflict, Unavailable
from hearing.events import Cut
from hearing.log.base import Log
from hearing.meeting import Meeting
from hearing.transcribe import captions
from hearing.transcribe.captioners import Captioners
from hearing.transcribe.carried import Carried
from hearing.transcribe.connection import draft_name
from hearing.transcribe.supply import Recall
from hearing.transcribe.typed import Hand
from hearing.transcribe.workers import Workers

_STATE_S = 1.0


class Ears:
    """The channels of one meeting, as its relay hears them."""

    def __init__(self, dispatch: "Dispatch", channels: Sequence[Carried], tasks: Sequence[asyncio.Task[None]]) -> None:
        self._dispatch = dispatch
        self._channels = {carried.id: carried for carried in channels}
        self._tasks = tasks

    def hear(self, channel: str, run: int, sample: int, pcm: bytes) -> None:
        """Take s16le mono 16 kHz PCM; `sample` is the media sample of its first one. Never waits."""
        carried = self._channels[channel]
        carried.has_sound = True
        carried.supply.hear(run, sample, pcm)

    def silence(self, channel: str, sample: int) -> None:
        """The run is over: no audio until a later run's first sample."""
        self._channels[channel].supply.hear(0, sample, b"")

    def missing(self, channel: str) -> None:
        """What plays now has no sound for this channel: its captions say so."""
        self._channels[channel].has_sound = False

    async def drain(self, timeout_s: float, end: int = 0) -> None:
        """Return when all audio is heard and all words have their times; what is not by then is marked as a gap.

        Nobody is heard after that. `end` is the media time up to which there is a recording.
        """
        for carried in self._channels.values():
            carried.supply.finish()
            if carried.hand.assumed:
                await self._dispatch.captioners.hand_back(carried)
        wanted = [
            one for one in self._channels.values() if one.hand.holds or not self._dispatch.workers.is_unheard(one)
        ]
        try:
            async with asyncio.timeout(timeout_s):
                for carried in wanted:
                    if carried.hand.holds:
                        await self._dispatch.captioners.linger(carried)
                    await carried.drained.wait()
        except TimeoutError:
            for carried in wanted:
                await self._dispatch.give_up(carried, end)

    async def detach(self) -> None:
        """Let go: workers are told that the channels are over, and nothing more is stored."""
        await self._dispatch.forget(list(self._channels.values()))
        for task in self._tasks:
            task.cancel()


class Dispatch:
    """Every channel that wants to be heard: the `workers` that carry them, and the `captioners` that type them.

    `takes_captions`: what captioners send comes here, so one who wrote a channel before is waited for.
    """

    def __init__(self, log: Log, board: Board, hand: Hand | None = None, *, takes_captions: bool = True) -> None:
        self._hand = hand or Hand()
        self._takes_captions = takes_captions
        self._log = log
        self._board = board
        self._carried: list[Carried] = []
        self.workers = Workers(board, self._carried)
        self.captioners = Captioners(board, self._carried, self.workers)
        self._glossaries: dict[str, tuple[str, ...]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._running = asyncio.Event()

    async def run(self) -> None:
        """Store what workers say and tell how captions do, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self.captioners.run())
            self._running.set()
            while True:
                for carried in list(self._carried):
                    await captions.tell(self._board, carried, self.workers.seats)
                self.workers.relieve(asyncio.get_running_loop().time())
                self.workers.assign()
                await asyncio.sleep(_STATE_S)

    async def attach(self, meeting: Meeting, recall: Recall) -> Ears:
        """Take up a meeting's channels where its log left them. Waits for `run`."""
        await self._running.wait()
        channels = [Carried(meeting.id, channel, self._log, recall) for channel in meeting.created.channels]
        for carried in channels:
            carried.hand = msgspec.structs.replace(self._hand)
            await carried.fold()
            if self._takes_captions:
                carried.assume()
            else:
                with suppress(Conflict):  # somebody else wrote for it just now
                    await carried.let_go()
        for carried in channels:
            carried.rehearses = meeting.created.rehearses
            carried.glossary = self._glossaries.get(meeting.id, ())
        if self._group is None:
            raise Unavailable("The server is leaving.")
        tasks = [self._group.create_task(carried.write(), name=f"write {carried.id}") for carried in channels]
        self._carried += channels
        self.workers.assign()
        return Ears(self, channels, tasks)

    async def forget(self, channels: Sequence[Carried]) -> None:
        """Let go of channels: whoever carries them is told."""
        self._carried[:] = [carried for carried in self._carried if carried not in channels]
        for carried in channels:
            await self.workers.release(carried)
            await self._board.remove(draft_name(carried))
            await captions.forget(self._board, carried)

    async def give_up(self, carried: Carried, end: int) -> None:
        """Take a channel from whoever carries it, for good, and say that the rest of it has no words."""
        if carried.drained.is_set():
            return
        carried.drained.set()
        if carried.hand.holds:
            await carried.rest(over=True)
            return
        reason: Literal["overload", "worker-lost"] = "overload" if carried.holder else "worker-lost"
        await self.workers.release(carried)
        with suppress(Conflict):
            await carried.give_up(end, reason)

    async def redact(self, meeting: str, cuts: Sequence[Cut]) -> None:
        """Let go of what was taken out of the record; what a worker holds of it goes with its next words."""
        for carried in [one for one in self._carried if one.meeting == meeting]:
            for cut in cuts:
                if cut.channel == carried.id:
                    await carried.redact(cut.t0, cut.t1)

    def carried(self, meeting: str, channel: str, *, planned: bool = False) -> Carried:
        """Return a channel of a meeting that is on, or, while it is only planned, of its rehearsal. Raises Conflict."""
        wanted = [one for one in self._carried if one.id == channel]
        found = [one for one in wanted if one.meeting == meeting or (planned and one.rehearses == meeting)]
        if not found:
            raise Conflict("This meeting is not open. Captions are taken while it is.")
        return min(found, key=lambda one: one.meeting != meeting)

    async def tell_glossary(self, meeting: str, words: tuple[str, ...]) -> None:
        """Let the workers of a meeting's channels, now and later, know its words."""
        self._glossaries[meeting] = words
        for carried in [one for one in self._carried if one.meeting == meeting]:
            before, carried.glossary = carried.glossary, words
            if words != before:
                await self.workers.tell_glossary(carried)

    def forget_glossary(self, meeting: str) -> None:
        """Tell the words of a meeting to nobody who comes later."""
        self._glossaries.pop(meeting, None)
