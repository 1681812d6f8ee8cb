"""A relay for tests: a dispatch on memory, and workers that speak the protocol over a socket pair."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from hearing import transcript
from hearing.board.memory import MemoryBoard
from hearing.errors import Unavailable
from hearing.events import RunStarted, decode_public, encode, public_stream
from hearing.house_events import Channel, MeetingCreated
from hearing.log.base import Log
from hearing.log.memory import MemoryLog
from hearing.meeting import Meeting
from hearing.transcribe import protocol, typed
from hearing.transcribe.dispatch import Dispatch, Ears
from hearing.transcript import Transcript

FRAME = 3200
PUBLIC = public_stream("m")


class Pipe:
    """One side of a WebSocket that never leaves the process."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.other: Pipe = self
        self.closed = False

    async def receive(self) -> str | bytes:
        frame = None if self.closed and self._frames.empty() else await self._frames.get()
        if frame is None:
            raise Unavailable("closed")
        return frame

    async def send(self, frame: str | bytes) -> None:
        if self.closed:
            raise Unavailable("closed")
        self.other._frames.put_nowait(frame)

    async def close(self) -> None:
        for side in (self, self.other):
            side.closed = True
            side._frames.put_nowait(None)


def pipes() -> tuple[Pipe, Pipe]:
    one, two = Pipe(), Pipe()
    one.other, two.other = two, one
    return one, two


class Hand:
    """A worker driven by a test, a frame at a time. Audio and pulses go on by themselves."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.assigned: dict[int, protocol.Assign] = {}
        self.audio: list[tuple[int, int, int]] = []
        self.told: list[protocol.FromRelay] = []
        self.over = asyncio.Event()
        self.news = asyncio.Event()

    async def say(self, message: protocol.FromWorker) -> None:
        await self.pipe.send(protocol.encode(message).decode())

    async def hello(self, channels: int = 4) -> None:
        await self.say(protocol.Hello(protocol.VERSION, "test", channels, knows=("quiet",)))

    async def listen(self) -> None:
        """Take what the relay sends until the connection is over."""
        try:
            while True:
                self._take(await self.pipe.receive())
        except Unavailable:
            self.over.set()
            self.news.set()

    async def pulse(self) -> None:
        while not self.over.is_set():
            try:
                await self.say(protocol.Pulse(tuple(protocol.Heard(handle, 0, 0, 600) for handle in self.assigned)))
            except Unavailable:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), 0.5)

    async def heard(self, samples: int) -> None:
        """Wait until audio through a sample has come."""
        await self._wait(lambda: bool(self.audio) and max(end for _, _, end in self.audio) >= samples)

    async def acks(self, count: int) -> None:
        await self._wait(lambda: sum(isinstance(one, protocol.Ack) for one in self.told) >= count)

    async def gets(self, kind: type[protocol.Message]) -> protocol.FromRelay:
        """Wait for a message of one kind and return the last of it."""
        await self._wait(lambda: any(isinstance(one, kind) for one in self.told))
        return [one for one in self.told if isinstance(one, kind)][-1]

    async def _wait(self, found: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not found():
                self.news.clear()
                await self.news.wait()

    def _take(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            handle, _, sample, pcm = protocol.unpack_pcm(frame)
            self.audio.append((handle, sample, sample + len(pcm) // 2))
        else:
            message = protocol.from_relay(frame)
            self.told.append(message)
            if isinstance(message, protocol.Assign):
                self.assigned[message.handle] = message
        self.news.set()


class Bench(msgspec.Struct):
    """A dispatch with one meeting attached."""

    log: Log
    board: MemoryBoard
    dispatch: Dispatch
    ears: Ears
    group: asyncio.TaskGroup
    hands: list[Hand] = []

    def worker(self) -> Hand:
        """Connect a worker that says nothing but pulses yet."""
        here, there = pipes()
        hand = Hand(there)
        self.hands.append(hand)
        self.group.create_task(self.dispatch.workers.serve(here))
        self.group.create_task(hand.listen())
        return hand

    async def carrying(self, channels: int = 4) -> Hand:
        """Connect a worker that pulses, and wait until it has a channel."""
        hand = self.worker()
        await hand.hello(channels)
        self.group.create_task(hand.pulse())
        await hand.gets(protocol.Assign)
        return hand

    def play(self, begin: int, end: int, channel: str = "en") -> None:
        """Let the source play samples from one to another, in 200 ms frames."""
        for sample in range(begin, end, FRAME):
            self.ears.hear(channel, 1, sample, bytes(2 * min(FRAME, end - sample)))

    async def folded(self) -> Transcript:
        found = Transcript()
        for record in await self.log.read(PUBLIC, 0, 10_000):
            transcript.apply(found, decode_public(record.body))
        return found

    async def words(self, channel: str = "en") -> list[str]:
        return [word for segment in (await self.folded()).channel(channel).segments for word in segment.words]


def meeting(channels: Sequence[str | Channel] = ("en",)) -> Meeting:
    tracks = tuple(one if isinstance(one, Channel) else Channel(one, one, k) for k, one in enumerate(channels))
    return Meeting(MeetingCreated("m", "d", "Title", "open", tracks, "file"))


async def nothing_recorded(_channel: str, _begin: int, _end: int | None) -> AsyncIterator[tuple[int, int, bytes]]:
    return
    yield


@asynccontextmanager
async def bench(channels: Sequence[str | Channel] = ("en",), hold: typed.Hand | None = None) -> AsyncIterator[Bench]:
    """Run a dispatch; everything is gone at the end."""
    async with MemoryLog() as log, MemoryBoard() as board:
        await log.append(PUBLIC, [encode(RunStarted(1, 0))])
        dispatch = Dispatch(log, board, hold)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(dispatch.run())
            ears = await dispatch.attach(meeting(channels), nothing_recorded)
            one = Bench(log, board, dispatch, ears, group)
            try:
                yield one
            finally:
                for hand in one.hands:
                    await hand.pipe.close()
                await ears.detach()
                running.cancel()
