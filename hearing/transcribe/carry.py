"""Carry many channels over one connection with one engine: earliest deadline first, one job a channel at a time.

Audio that comes while a channel's job waits or runs is heard by its next one, so a newer tick replaces a queued one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from hearing.lang import NAMES
from hearing.transcribe.batching import MOST, Batching, wanted_at
from hearing.transcribe.engine import Engine, EngineFailedError
from hearing.transcribe.lane import Lane, soonest
from hearing.transcribe.pace import LOOK_S, Meter, Pace, observe
from hearing.transcribe.protocol import (
    VERSION,
    Ack,
    Assign,
    Drained,
    Finish,
    FromWorker,
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


class Carrier:
    """The channels of one connection. `send` sends one frame; `make` begins a channel."""

    def __init__(
        self,
        engine: Engine,
        *,
        send: Callable[[str], Awaitable[None]],
        channels: int,
        threads: int,
        make: MakeSession = Session,
    ) -> None:
        self._engine = engine
        self._send = send
        self._channels = channels
        # With batching a job's thread mostly waits: every channel has one.
        self._threads = min(channels, 2 * MOST) if isinstance(engine, Batching) else threads
        self._make = make
        self._lanes: dict[int, Lane] = {}
        self._pace = Pace()
        self._meter = Meter(0.0)
        self._jobs = self._failures = 0
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Say hello, then hear what comes, until cancelled or the connection breaks."""
        await self._say(Hello(VERSION, self._engine.name, self._channels, _languages(self._engine)))
        pool = ThreadPoolExecutor(self._threads, "engine")
        self._meter = Meter(self._now())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pulse())
                await self._schedule(group, pool)
        finally:
            # Jobs that run cannot be stopped, and nobody waits for what they say.
            pool.shutdown(wait=False, cancel_futures=True)

    async def take(self, frame: str | bytes) -> None:
        """Take one frame from the relay. Raises Refused for what is not of the protocol."""
        if isinstance(frame, bytes):
            handle, run, sample, pcm = unpack_pcm(frame)
            if lane := self._lanes.get(handle):
                lane.add(run, sample, pcm, self._now())
        else:
            self._told(frame)
        self._wake.set()

    def _told(self, frame: str) -> None:
        match from_relay(frame):
            case Assign() as assign:
                lane = Lane(assign.handle, lambda: self._make(assign, self._engine), self._now())
                self._lanes[assign.handle] = lane
                logger.info("carrying handle=%d language=%s", assign.handle, assign.language)
            case Finish(handle=handle) if handle in self._lanes:
                self._lanes[handle].finishing = True
            case Release(handle=handle, why=why):
                self._lanes.pop(handle, None)
                logger.info("released handle=%d why=%s", handle, why)
            case Ack() | Finish():
                pass

    async def _schedule(self, group: asyncio.TaskGroup, pool: ThreadPoolExecutor) -> None:
        while True:
            self._wake.clear()
            for lane in soonest(self._lanes.values(), self._threads - self._jobs):
                lane.busy = True
                self._jobs += 1
                group.create_task(self._job(lane, pool))
            await self._wake.wait()

    async def _job(self, lane: Lane, pool: ThreadPoolExecutor) -> None:
        started = self._now()
        late_s, step = lane.waiting_s, self._pace.step
        frames, last = lane.take(), lane.drained
        # Where more audio waits than one job hears, a draft would be old before it is shown.
        draft = lane.draft_due(step.tick_ms) and step.drafts and not lane.waiting_s
        loop = asyncio.get_running_loop()
        try:
            said = await loop.run_in_executor(pool, lambda: self._hear(lane, frames, draft=draft, last=last))
        finally:
            lane.busy = False
            self._jobs -= 1
            lane.due_s = self._now()
            self._wake.set()
        self._meter.count(self._now() - started, draft=draft, late_s=late_s)
        self._observe()
        if self._lanes.get(lane.handle) is not lane or said is None:
            return
        for one in said:
            await self._say(one)
        if lane.done and lane.drained:
            self._lanes.pop(lane.handle)
            await self._say(Pulse((lane.heard(self._pace.step.tick_ms),)))
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
            self._failures += 1
            logger.warning("engine_failed handle=%d in_a_row=%d reason=%s", lane.handle, lane.failures, error)
            if self._failures >= _BROKEN * max(1, len(self._lanes)):
                raise
            return lane.give_up() if lane.failures % _TRIES == 0 else None
        if any(isinstance(one, Words) for one in said):
            lane.failures = self._failures = 0
        return said

    def _observe(self) -> None:
        """Look at the pace, from time to time."""
        now_s, before = self._now(), self._pace.level
        if now_s - self._meter.since_s < LOOK_S:
            return
        places = min(self._threads, max(1, len(self._lanes)))
        self._pace = observe(self._pace, self._meter, now_s, places=places)
        self._meter = Meter(now_s)
        if self._pace.level != before:
            logger.info("pace tick_ms=%d drafts=%s", self._pace.step.tick_ms, self._pace.step.drafts)

    async def _pulse(self) -> None:
        while True:
            tick_ms = self._pace.step.tick_ms
            await self._say(Pulse(tuple(lane.heard(tick_ms) for lane in self._lanes.values())))
            await asyncio.sleep(_PULSE_S)

    async def _say(self, message: FromWorker) -> None:
        await self._send(encode(message).decode())

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _languages(engine: Engine) -> tuple[str, ...]:
    return tuple(language for language in NAMES if engine.hears(language))
