"""A relay in a test: a real source child, a real folder, an ear that keeps what it hears."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np

from hearing.events import PublicEvent, decode_public, public_stream
from hearing.house_events import Channel, MeetingCreated
from hearing.log.base import Log
from hearing.log.memory import MemoryLog
from hearing.meeting import House, Meeting
from hearing.store.base import Store
from hearing.store.folder import FolderStore
from hearing.stream.address import Rules
from hearing.stream.relay import Relay
from tests.stream.made import Floats

WAIT_S = 30.0
HURRY_S = 100_000.0


class KeptEar:
    """Keeps everything, as (channel, run, sample, pcm), and silences as (channel, sample)."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, int, bytes]] = []
        self.silences: list[tuple[str, int]] = []
        self.without_sound: set[str] = set()

    def hear(self, channel: str, run: int, sample: int, pcm: bytes) -> None:
        self.heard.append((channel, run, sample, pcm))

    def missing(self, channel: str) -> None:
        self.without_sound.add(channel)

    def silence(self, channel: str, sample: int) -> None:
        self.silences.append((channel, sample))

    def sound(self, channel: str) -> Floats:
        """Return a channel's sound in place, sample 0 being media time 0."""
        return placed([(sample, pcm) for name, _, sample, pcm in self.heard if name == channel])


class Place(msgspec.Struct, frozen=True):
    """Where a test's relay lives."""

    log: Log
    store: Store
    ear: KeptEar
    folder: Path

    def relay(self, meeting: Meeting, *, hurry: bool = True, rules: Rules | None = None) -> Relay:
        """Make a relay; in a hurry, its clock is far ahead, so that a source plays as fast as it can."""
        ahead_s = HURRY_S if hurry else 0.0
        return Relay(
            meeting,
            log=self.log,
            store=self.store,
            ear=self.ear,
            rules=rules,
            monotonic_s=lambda: time.monotonic() - ahead_s,
        )

    async def events(self, meeting: str = "one") -> list[PublicEvent | None]:
        return [decode_public(record.body) for record in await self.log.read(public_stream(meeting), 0, 1000)]

    def path(self, name: str) -> Path:
        return self.folder / name


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    """Give a log, a store and an ear."""
    async with MemoryLog() as log, FolderStore(folder) as store:
        yield Place(log, store, KeptEar(), folder)


def meeting(source: Path | str, *channels: str, loop: bool = False, phase: str = "open") -> Meeting:
    """Make a meeting `one` whose channels are the source's tracks in order; the first one is the floor."""
    named = tuple(
        Channel(name, name.partition("-")[0], track, "interpretation" if track else "floor")
        for track, name in enumerate(channels or ("en",))
    )
    created = MeetingCreated("one", "one", "One", "open", named, str(source), loop=loop)
    return Meeting(created, "closed" if phase == "closed" else "open")


def house(*meetings: Meeting) -> House:
    return House({one.id: one for one in meetings})


def placed(frames: list[tuple[int, bytes]]) -> Floats:
    """Join s16le frames in place."""
    samples = np.zeros(max((at + len(pcm) // 2 for at, pcm in frames), default=0), np.float32)
    for at, pcm in frames:
        samples[at : at + len(pcm) // 2] = np.frombuffer(pcm, "<i2") / np.float32(32768)
    return samples


async def until(condition: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
    """Wait for a condition. Raises AssertionError."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {seconds:.0f} s for {what}") from None
