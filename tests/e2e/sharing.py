"""Servers that share one Redis, and a worker that hears a word in every half second and knows which one it was."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from hearing.transcribe import protocol
from hearing.transcribe.protocol import Assign, Closed, Draft, Finish, Heard, Hello, Pulse, Release, Words
from tests.e2e.serving import Serving

WORKER_TOKEN = "-".join(["a", "worker", "token", "for", "all", "of", "these", "tests"])
STAFF_TOKEN = "-".join(["a", "staff", "token", "of", "two", "servers", "in", "tests"])
HALF = 8000
"""Samples of half a second."""

_SEGMENT = 4


class _Channel(msgspec.Struct):
    """A channel that the worker carries. `open` are segments whose words have no times yet."""

    assign: Assign
    number: int
    through: int
    words: list[int] = []
    open: list[tuple[int, tuple[str, ...]]] = []
    first: int | None = None
    heard: int = 0


class Worker:
    """Dials a server until it is stopped. `acknowledged` are the words that it was told are durable, in order."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("http://", "ws://") + "/worker"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()))
        self._unanswered: list[str | None] = []
        self.acknowledged: list[str] = []
        self.fault = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    async def _work(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError, TimeoutError, WebSocketException):
                headers = {"Authorization": f"Bearer {WORKER_TOKEN}"}
                async with connect(self._url, additional_headers=headers, proxy=None, open_timeout=20) as socket:
                    await self._serve(socket)
            await asyncio.sleep(0.2)

    async def _serve(self, socket: ClientConnection) -> None:
        self._unanswered.clear()
        channels: dict[int, _Channel] = {}
        await self._say(socket, Hello(protocol.VERSION, "half-seconds", 4))
        pulsing = asyncio.ensure_future(self._pulse(socket, channels))
        try:
            while not self._stop.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        frame = await socket.recv()
                    if isinstance(frame, bytes):
                        handle, run, sample, pcm = protocol.unpack_pcm(frame)
                        if run and handle in channels:
                            await self._hear(socket, channels[handle], sample, sample + len(pcm) // 2)
                    else:
                        await self._take(socket, channels, protocol.from_relay(frame))
        finally:
            pulsing.cancel()
            await asyncio.gather(pulsing, return_exceptions=True)

    async def _say(self, socket: ClientConnection, message: protocol.FromWorker) -> None:
        await socket.send(protocol.encode(message).decode())

    async def _pulse(self, socket: ClientConnection, channels: dict[int, _Channel]) -> None:
        while True:
            heard = [Heard(handle, one.heard, self._settled(one), 500) for handle, one in channels.items()]
            await self._say(socket, Pulse(tuple(heard)))
            await asyncio.sleep(0.5)

    def _settled(self, one: _Channel) -> int:
        """Everything before the oldest word without a time has its time."""
        return min([one.heard, *(HALF * int(words[0][1:]) for _, words in one.open), *(HALF * n for n in one.words)])

    async def _take(self, socket: ClientConnection, channels: dict[int, _Channel], message: protocol.FromRelay) -> None:
        match message:
            case Assign():
                through = max(message.through_sample, message.from_sample)
                channels[message.handle] = _Channel(message, message.next_segment, through, open=list(message.prefix))
            case protocol.Ack():
                if word := self._unanswered.pop(0):
                    self.acknowledged.append(word)
            case Finish():
                await self._close(socket, message.handle, channels[message.handle])
                await self._say(socket, protocol.Drained(message.handle))
            case Release():
                channels.pop(message.handle, None)

    async def _hear(self, socket: ClientConnection, one: _Channel, sample: int, end: int) -> None:
        handle = one.assign.handle
        one.first = sample if one.first is None else one.first
        one.heard = max(one.heard, end)
        for segment, words in one.open:
            await self._times(socket, handle, segment, words)
        one.open = []
        for number in range(-(-max(one.through, one.first) // HALF), one.heard // HALF):
            one.words.append(number)
            one.through = (number + 1) * HALF
            word = f"w{number}"
            self._unanswered.append(word)
            await self._say(socket, Words(handle, one.number, len(one.words) - 1, (word,), one.through))
            await self._say(socket, Draft(handle, one.number, len(one.words), "and so"))
            if len(one.words) == _SEGMENT:
                await self._close(socket, handle, one)

    async def _close(self, socket: ClientConnection, handle: int, one: _Channel) -> None:
        if one.words:
            await self._times(socket, handle, one.number, tuple(f"w{number}" for number in one.words))
            one.words, one.number = [], one.number + 1

    async def _times(self, socket: ClientConnection, handle: int, segment: int, words: tuple[str, ...]) -> None:
        starts = [int(word[1:]) * 500 for word in words]
        times = tuple((start, start + 400) for start in starts)
        self._unanswered.append(None)
        await self._say(socket, Closed(handle, segment, times[0][0], times[-1][1], times))


def staff(server: Serving, path: str, body: object = None) -> None:
    """Act as staff do over the API."""
    headers = {"Authorization": f"Bearer {STAFF_TOKEN}"}
    answer = httpx.post(f"{server.url}/api/meetings{path}", json=body or {}, headers=headers, timeout=60)
    assert answer.is_success, answer.text


def begin(server: Serving) -> None:
    """Create the meeting `one`, with endless speech, and open it."""
    channel = {"id": "en", "language": "en", "track": 0, "kind": "floor"}
    meeting = {"meeting": "one", "dialogue": "one", "title": "One", "profile": "open", "channels": [channel]}
    staff(server, "", meeting | {"source": "demo:", "loop": True})
    staff(server, "/one/open")


@contextmanager
def working(url: str) -> Iterator[Worker]:
    """Run a worker for a server."""
    worker = Worker(url)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def settings(tmp_path: Path) -> dict[str, str]:
    """Return the environment of servers that belong together."""
    for name, token in (("worker", WORKER_TOKEN), ("staff", STAFF_TOKEN)):
        (tmp_path / name).write_text(token)
    return {
        "HEARING_KEY_FILE": str(tmp_path / "state" / "kek"),
        "HEARING_WORKER_TOKEN_FILE": str(tmp_path / "worker"),
        "HEARING_STAFF_TOKEN_FILE": str(tmp_path / "staff"),
    }


def server(tmp_path: Path, name: str, redis: str) -> Serving:
    """Make a server of a folder of its own; entering starts it."""
    (tmp_path / name).mkdir(exist_ok=True)
    return Serving(tmp_path / name / "data", "--no-worker", "--redis", redis)
