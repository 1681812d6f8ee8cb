"""Carry many channels over one connection with one engine: earliest deadline first, one job a channel at a time.

Audio that comes while a channel's job waits or runs is heard by its next one, so a newer tick replaces a queued one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from hearing.lang import NAMES
from hearing.transcribe.engine import Engine
from hearing.transcribe.lane import Lane
from hearing.transcribe.pace import Pace, observe
from hearing.transcribe.protocol import (
    KNOWN,
    VERSION,
    Ack,
    Assign,
    Drained,
    Finish,
    FromWorker,
    Glossary,
    Hello,
    Pulse,
    Release,
    encode,
    from_relay,
    unpack_pcm,
)
from hearing.transcribe.session import Session

logger = logging.getLogger(__name__)

_PULSE_S = 0.5
_BEHIND_TICKS = 2.0

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
        self._threads = threads
        self._make = make
        self._lanes: dict[int, Lane] = {}
        self._pace = Pace()
        self._jobs = 0
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Say hello, then hear what comes, until cancelled or the connection breaks."""
        await self._say(Hello(VERSION, self._engine.name, self._channels, _languages(self._engine), KNOWN))
        pool = ThreadPoolExecutor(self._threads, "engine")
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
            case Glossary(handle=handle, words=words) if handle in self._lanes:
                self._lanes[handle].glossary = words
            case Finish(handle=handle) if handle in self._lanes:
                self._lanes[handle].finishing = True
            case Release(handle=handle, why=why):
                self._lanes.pop(handle, None)
                logger.info("released handle=%d why=%s", handle, why)
            case Ack() | Finish() | Glossary():
                pass

    async def _schedule(self, group: asyncio.TaskGroup, pool: ThreadPoolExecutor) -> None:
        while True:
            self._wake.clear()
            wanting = [lane for lane in self._lanes.values() if lane.wants]
            for lane in sorted(wanting, key=lambda lane: lane.due_s)[: self._threads - self._jobs]:
                lane.busy = True
                self._jobs += 1
                group.create_task(self._job(lane, pool))
            await self._wake.wait()

    async def _job(self, lane: Lane, pool: ThreadPoolExecutor) -> None:
        started, waited_s = self._now(), self._now() - lane.due_s
        frames = lane.take()
        step = self._pace.step
        due = lane.draft_due(step.tick_ms)
        last, draft = lane.drained, step.drafts and due
        loop = asyncio.get_running_loop()
        try:
            said = await loop.run_in_executor(pool, lambda: lane.hear(frames, draft=draft, last=last))
        finally:
            lane.busy = False
            self._jobs -= 1
            lane.due_s = self._now()
            self._wake.set()
        if due:
            self._observe(self._now() - started, waited_s)
        if self._lanes.get(lane.handle) is not lane:
            return
        for one in said:
            await self._say(one)
        if last and lane.drained:
            self._lanes.pop(lane.handle)
            await self._say(Pulse((lane.heard(self._pace.step.tick_ms),)))
            await self._say(Drained(lane.handle))

    def _observe(self, service_s: float, waited_s: float) -> None:
        behind = waited_s * 1000 > _BEHIND_TICKS * self._pace.step.tick_ms
        before = self._pace.level
        channels = max(1, len(self._lanes))
        self._pace = observe(self._pace, service_s, channels=channels, threads=self._threads, behind=behind)
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
