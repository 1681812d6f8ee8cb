"""One connected worker: what it says is checked and stored in order, and the audio of its channels is sent to it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Literal

import msgspec

from hearing.board.base import Board
from hearing.errors import Conflict, HearingError, Refused
from hearing.transcribe import verify
from hearing.transcribe.assignment import Seat
from hearing.transcribe.carried import Carried, Holder
from hearing.transcribe.peer import MAX_CHANNELS, Peer, WorkerSocket
from hearing.transcribe.protocol import (
    VERSION,
    Ack,
    Closed,
    Decline,
    Draft,
    Drained,
    Finish,
    Gap,
    Glossary,
    Heard,
    Hello,
    Pulse,
    Release,
    Words,
    pack_pcm,
)
from hearing.transcript import segment_id

logger = logging.getLogger(__name__)

REST_S = 60.0
"""A channel that was taken from a worker goes back to it so soon only if no other has room."""
_DECLINED_S = 5.0
"""So it is with one that it declined."""
_QUEUE = 64
_DRAFT_LIFE_S = 15.0

_About = Words | Closed | Gap | Draft | Drained | Decline | Heard


class DraftShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands on the board under `draft:{meeting}:{channel}`: text after the first words of a segment."""

    segment: str
    after: int
    text: str
    language: str = ""


class Connection:
    """The right of one worker to its channels, for as long as it speaks.

    `changed` is called when it lets go of a channel, so that another may take it.
    """

    def __init__(self, socket: WorkerSocket, board: Board, changed: Callable[[], None]) -> None:
        self._peer = Peer(socket)
        self._board = board
        self._changed = changed
        self._hello = Hello(VERSION, "", 0)
        self._capacity = 0
        self._measured = False
        self._told: set[int] = set()
        self._resting: dict[str, float] = {}
        self.overloaded_since_s: float | None = None
        self._handles = 0
        self._carried: dict[int, Carried] = {}
        self._queues: dict[int, asyncio.Queue[_About]] = {}
        self._tasks: dict[int, list[asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None

    @property
    def seat(self) -> Seat:
        return Seat(
            0 if self._group is None else self._capacity,
            len(self._carried),
            frozenset(self._hello.languages),
            self._measured,
            self._carried.keys() <= self._told,
        )

    def seat_for(self, carried: Carried) -> Seat:
        """Return its seat, without room for a channel that it has, or lately could not carry."""
        rests = self._resting.get(carried.name, 0.0) > _now() or carried in self._carried.values()
        return msgspec.structs.replace(self.seat, capacity=0) if rests else self.seat

    @property
    def latest(self) -> list[Carried]:
        """Return its channels, the one that is furthest behind first."""
        return sorted(self._carried.values(), key=lambda carried: -carried.late_ms)

    @property
    def model(self) -> str:
        return self._hello.model

    @property
    def name(self) -> str:
        return self._hello.name

    @property
    def channels(self) -> int:
        """Return how many channels the worker says it can carry."""
        return self._hello.channels

    async def greet(self) -> None:
        """Take the worker's first frame. Raises Refused for a version that is not ours, Unavailable for silence."""
        hello = await self._peer.greeting()
        self._hello, self._capacity = hello, hello.channels

    async def run(self) -> None:
        """Serve the worker until it breaks, falls silent or is refused. Raises those errors, in a group."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._changed()
                await self._or_stop(self._listen)
        finally:
            self._group = None
            carried, self._carried = self._carried, {}
            for handle, channel in carried.items():
                _leave(channel, (self, handle))
            for channel in carried.values():
                await self._board.remove(draft_name(channel))

    def carry(self, carried: Carried) -> None:
        """Give it a channel, which its seat has room for."""
        if self._group is None:
            return
        self._handles += 1
        handle = self._handles
        carried.holder, carried.ever_held = (self, handle), True
        self._carried[handle] = carried
        self._queues[handle] = asyncio.Queue(_QUEUE)
        self._tasks[handle] = [
            self._group.create_task(
                self._or_stop(partial(self._send_audio, handle, carried)), name=f"audio {carried.id}"
            ),
            self._group.create_task(self._or_stop(partial(self._store, handle, carried)), name=f"words {carried.id}"),
        ]

    async def _or_stop(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do the work; where it fails, the connection takes no more channels from that moment."""
        try:
            await work()
        except HearingError:
            self._group = None
            raise

    async def release(self, carried: Carried, why: Literal["closed", "moved"] = "closed") -> None:
        """Take a channel back from it, because it is over, or because a captioner writes it."""
        for handle, mine in list(self._carried.items()):
            if mine is carried:
                await self._let_go(handle, why)

    def move(self, carried: Carried) -> None:
        """Take a channel from it, for another worker to carry; it is told as soon as it listens."""
        for handle, mine in list(self._carried.items()):
            if mine is carried and self._group is not None:
                self._rest(carried, REST_S)
                self._group.create_task(
                    self._or_stop(partial(self._let_go, handle, "moved")), name=f"moved {carried.id}"
                )

    async def _listen(self) -> None:
        while True:
            message = await self._peer.hear(len(self._carried))
            match message:
                case Pulse():
                    await self._pulse(message)
                case Hello():
                    raise Refused("A worker says hello once.")
                case _:
                    await self._put(message)

    async def _pulse(self, pulse: Pulse) -> None:
        if len(pulse.heard) > MAX_CHANNELS or not 0 <= (pulse.channels or 0) <= MAX_CHANNELS:
            raise Refused(f"A worker carries up to {MAX_CHANNELS} channels.")
        before = self.seat
        if pulse.channels is not None:
            self._capacity, self._measured = pulse.channels, pulse.measured
        for heard in pulse.heard:
            await self._put(heard)
        self._told |= {heard.handle for heard in pulse.heard} & self._carried.keys()
        if self.seat != before:
            self._changed()

    async def _put(self, message: _About) -> None:
        if message.handle in self._carried:
            await self._queues[message.handle].put(message)
        elif isinstance(message, Words | Closed | Gap):
            # What comes late, for a channel it no longer has, is refused and never stored.
            logger.info("late_message_refused kind=%s", type(message).__name__)
            await self._peer.say(Release(message.handle, "moved"))

    async def _store(self, handle: int, carried: Carried) -> None:
        queue = self._queues[handle]
        while True:
            message = await queue.get()
            try:
                await self._take(handle, carried, message)
            except Conflict:
                logger.warning("words_conflict channel=%s", carried.id)
                await self._let_go(handle, "conflict")
            if handle not in self._carried:
                return

    async def _take(self, handle: int, carried: Carried, message: _About) -> None:
        match message:
            case Heard():
                if carried.holder == (self, handle):
                    carried.progress(message.sample, message.settled)
            case Draft():
                await self._show(carried, message)
            case Decline():
                self._rest(carried, _DECLINED_S)
                self._capacity = min(self._capacity, len(self._carried) - 1)  # until it says otherwise
                await self._let_go(handle, "moved")
            case Drained():
                if not carried.supply.finishing:
                    raise Refused("A worker says drained after finish.")
                await carried.hear_out((self, handle))
                carried.drained.set()
                await self._let_go(handle, "closed")
            case _:
                if await carried.say((self, handle), message):
                    await self._peer.say(Ack(handle))

    async def _show(self, carried: Carried, draft: Draft) -> None:
        verify.draft(draft)
        name = draft_name(carried)
        if not draft.text:
            await self._board.remove(name)
            return
        shown = DraftShown(segment_id(carried.id, draft.segment), draft.after, draft.text, draft.language)
        await self._board.put(name, msgspec.json.encode(shown), _DRAFT_LIFE_S)

    async def tell_glossary(self, carried: Carried) -> None:
        """Give the worker the words of a channel's meeting, if it carries that and can use them."""
        for handle, mine in list(self._carried.items()):
            if mine is carried and "glossary" in self._hello.knows:
                await self._peer.say(Glossary(handle, carried.glossary))

    def _languages(self, carried: Carried) -> tuple[str, ...]:
        """Return which languages of a channel the worker is to tell apart; none where it cannot."""
        heard = tuple(one for one in carried.languages if self.seat.hears(one))
        return heard if "languages" in self._hello.knows and len(heard) > 1 else ()

    async def _send_audio(self, handle: int, carried: Carried) -> None:
        knows = self._hello.knows
        assign = await carried.begin(handle, self._languages(carried), tells_quiet="quiet" in knows)
        await self._peer.say(assign)
        async for chunk in carried.supply.audio(assign.from_sample):
            await self._peer.send(pack_pcm(handle, chunk.run, chunk.sample, chunk.pcm))
        await self._peer.say(Finish(handle))

    async def _let_go(self, handle: int, why: Literal["closed", "conflict", "moved"]) -> None:
        if handle not in self._carried:
            return
        _leave(self._carried.pop(handle), (self, handle))
        self._told.discard(handle)
        for task in self._tasks.pop(handle):
            if task is not asyncio.current_task():
                task.cancel()
        queue = self._queues.pop(handle)
        while not queue.empty():
            queue.get_nowait()
        self._changed()
        await self._peer.say(Release(handle, why))

    def _rest(self, carried: Carried, seconds: float) -> None:
        """Leave it alone with a channel for a while."""
        now = _now()
        self._resting = {name: until for name, until in self._resting.items() if until > now}
        self._resting[carried.name] = now + seconds


def _now() -> float:
    return asyncio.get_running_loop().time()


def _leave(carried: Carried, holder: Holder) -> None:
    """Hold a channel no more; another may hold it already, where a captioner had it in between."""
    if carried.holder == holder:
        carried.holder = None


def draft_name(carried: Carried) -> str:
    """Name a channel's draft on the board."""
    return f"draft:{carried.meeting}:{carried.id}"
