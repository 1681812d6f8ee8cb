"""Carry many channels over one connection: earliest deadline first, one job a channel at a time.

Audio that comes while a channel's job waits or runs is heard by its next one, so a newer tick replaces a queued one.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

import msgspec

from hearing.lang import NAMES
from hearing.transcribe.batching import wanted_at
from hearing.transcribe.engine import Engine, EngineFailedError
from hearing.transcribe.hands import Hands
from hearing.transcribe.lane import Lane, soonest
from hearing.transcribe.protocol import (
    KNOWN,
    VERSION,
    Ack,
    Assign,
    Decline,
    Drained,
    Finish,
    FromWorker,
    Glossary,
    Hello,
    Pulse,
    Release,
    Words,
    encode,
    from_relay,
    unpack_pcm,
)
from hearing.transcribe.session import Said, Session

logger = logging.getLogger(__name__)

_PULSE_S = 0.5
_TRIES = 3
"""A channel's audio is given up when its jobs failed so often in a row."""
_BROKEN = 9
"""So many failures in a row, of all channels together and for each of them, and the engine is broken."""

MakeSession = Callable[[Assign, Engine], Session]


class _Job(msgspec.Struct, frozen=True):
    """A job that runs: what it will say, when it began, how much audio waited for it, and whether it drafts."""

    said: "asyncio.Future[list[Said] | None]"
    started_s: float
    late_s: float
    draft: bool


class Carrier:
    """The channels of one connection, heard by hands that others share. `send` sends one frame; `make` begins one."""

    def __init__(
        self,
        engine: Engine,
        *,
        send: Callable[[str], Awaitable[None]],
        hands: Hands,
        make: MakeSession = Session,
    ) -> None:
        self._engine = engine
        self._send = send
        self._hands = hands
        self._make = make
        self._lanes: dict[int, Lane] = {}
        self._wake = asyncio.Event()

    @property
    def carried(self) -> int:
        """Count the channels."""
        return len(self._lanes)

    @property
    def due_s(self) -> float:
        """Return when the first channel that waits was due; infinity where none waits."""
        return min((lane.due_s for lane in self._lanes.values() if lane.wants), default=math.inf)

    def wake(self) -> None:
        """Look again: a thread may be free."""
        self._wake.set()

    async def run(self) -> None:
        """Say hello, then hear what comes, until cancelled or the connection breaks."""
        self._hands.join(self)
        try:
            await self._say(
                Hello(
                    VERSION,
                    self._engine.name,
                    self._hands.room(self),
                    _languages(self._engine),
                    KNOWN,
                    self._hands.name,
                )
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pulse())
                await self._schedule(group)
        finally:
            self._lanes.clear()
            self._hands.leave(self)

    async def take(self, frame: str | bytes) -> None:
        """Take one frame from the relay. Raises Refused for what is not of the protocol."""
        if isinstance(frame, bytes):
            handle, run, sample, pcm = unpack_pcm(frame)
            if lane := self._lanes.get(handle):
                lane.add(run, sample, pcm, self._now())
        else:
            await self._told(frame)
        self._wake.set()

    async def _told(self, frame: str) -> None:
        match from_relay(frame):
            case Assign(handle=handle) if self._hands.full:
                await self._say(Decline(handle))
            case Assign() as assign:
                lane = Lane(assign.handle, lambda: self._make(assign, self._engine), self._now())
                self._lanes[assign.handle] = lane
                logger.info("carrying handle=%d language=%s", assign.handle, assign.language)
            case Glossary(handle=handle, words=words) if handle in self._lanes:
                self._lanes[handle].glossary = words
            case Finish(handle=handle) if handle in self._lanes:
                self._lanes[handle].finishing = True
            case Release(handle=handle, why=why):
                self._lanes.pop(handle, None)
                self._hands.let_go()
                logger.info("released handle=%d why=%s", handle, why)
            case Ack() | Finish() | Glossary():
                pass

    async def _schedule(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._wake.clear()
            for lane in soonest(self._lanes.values(), self._hands.free):
                lane.busy = True
                group.create_task(self._job(lane, self._begun(lane)))
            await self._wake.wait()

    def _begun(self, lane: Lane) -> "_Job":
        """Begin a lane's next job."""
        started, late_s, step = self._now(), lane.waiting_s, self._hands.pace.step
        frames, last = lane.take(), lane.drained
        # Where more audio waits than one job hears, a draft would be old before it is shown.
        draft = lane.draft_due(step.tick_ms) and step.drafts and not lane.waiting_s
        said = self._hands.run(lambda: self._hear(lane, frames, draft=draft, last=last))
        return _Job(said, started, late_s, draft)

    async def _job(self, lane: Lane, job: "_Job") -> None:
        try:
            said, reached, done = await job.said, lane.reached, lane.done
        finally:
            lane.busy = False
            lane.due_s = self._now()
            self._wake.set()
        if self._hands.count(self._now() - job.started_s, draft=job.draft, late_s=job.late_s):
            step = self._hands.pace.step
            logger.info("pace tick_ms=%d drafts=%s", step.tick_ms, step.drafts)
        async with lane.saying:  # the next job hears meanwhile, and says what it has to say after this one
            if self._lanes.get(lane.handle) is not lane or said is None:
                return
            if any(isinstance(one, Words) for one in said):  # up to where nothing was said before them
                await self._say(Pulse((lane.heard(self._hands.pace.step.tick_ms),)))
            for one in said:
                await self._say(one)
            lane.said(reached)
            if done and lane.drained:
                heard = lane.heard(self._hands.pace.step.tick_ms)  # the pace begins anew with the last channel gone
                self._lanes.pop(lane.handle)
                self._hands.let_go()
                await self._say(Pulse((heard,)))
                await self._say(Drained(lane.handle))

    def _hear(self, lane: Lane, frames: list[tuple[int, int, bytes]], *, draft: bool, last: bool) -> list[Said] | None:
        """Do a job, in a thread; None where the engine failed, and the next job tries again.

        Where it fails again and again the audio is given up, and a gap says so. Raises EngineFailedError
        where it fails for all: then the worker is of no use.
        """
        try:
            with wanted_at(lane.due_s):
                said = lane.hear(frames, draft=draft, last=last)
        except EngineFailedError as error:
            lane.failures += 1
            self._hands.failures += 1
            logger.warning("engine_failed handle=%d in_a_row=%d reason=%s", lane.handle, lane.failures, error)
            if self._hands.failures >= _BROKEN * max(1, self._hands.carried):
                raise
            return lane.give_up() if lane.failures % _TRIES == 0 else None
        if any(isinstance(one, Words) for one in said):
            lane.failures = self._hands.failures = 0
        return said

    async def _pulse(self) -> None:
        while True:
            tick_ms = self._hands.pace.step.tick_ms
            heard = tuple(lane.heard(tick_ms) for lane in self._lanes.values())
            await self._say(Pulse(heard, self._hands.room(self), self._hands.measured))
            await asyncio.sleep(_PULSE_S)

    async def _say(self, message: FromWorker) -> None:
        await self._send(encode(message).decode())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _languages(engine: Engine) -> tuple[str, ...]:
    return tuple(language for language in NAMES if engine.hears(language))
