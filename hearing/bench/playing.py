"""Play the packaged dialogue to a worker of its own: a relay in memory, where it dials in as it does at any other."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator

import msgspec
import numpy as np
import uvicorn
from starlette.applications import Starlette

from hearing import children
from hearing.bench.heard import Watch
from hearing.errors import Unavailable
from hearing.events import RATE_HZ
from hearing.house_events import Channel, MeetingCreated
from hearing.meeting import Meeting
from hearing.site import worker as door
from hearing.stream.demo import LANGUAGES, packaged
from hearing.stream.tap import decode_file
from hearing.transcribe.dispatch import Dispatch, Ears
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.peer import WorkerSocket
from hearing.transcribe.protocol import FRAME_MS, Hello, Pulse, from_worker
from hearing.transcribe.worker import WorkerSettings, worker_url
from hearing.transcribe.workers import Workers

_FRAME = FRAME_MS * RATE_HZ // 1000
_APART_S = 37
_LOAD_S = 600.0
_LEAVE_S = 10.0


class Overhearing:
    """A relay's door for workers, where what they say of themselves is noted."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.watch: Watch | None = None
        self.model = ""

    async def serve(self, socket: WorkerSocket) -> None:
        await self._workers.serve(_Overheard(socket, self))


@contextlib.asynccontextmanager
async def serving(overhearing: Overhearing, group: asyncio.TaskGroup) -> AsyncIterator[tuple[str, str]]:
    """Let workers dial in on a free port of this machine; yield the address and the token."""
    token = secrets.token_urlsafe(32)
    server = _Server(
        uvicorn.Config(
            Starlette(routes=door.routes(overhearing, token)),
            port=0,
            log_level="warning",
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
    )
    task = group.create_task(server.serve())
    while not server.started and not task.done():  # noqa: ASYNC110 - a start-up wait
        await asyncio.sleep(0.01)
    if task.done():
        raise Unavailable("No port of this machine could be opened for the worker.")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", token
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def working(url: str, token: str, model: ModelChoice, channels: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker for so many channels while the context lives; it leaves when its standard input ends."""
    child = await asyncio.create_subprocess_exec(
        *children.command("hearing.transcribe.worker"),
        stdin=asyncio.subprocess.PIPE,
        env=children.environ(),
        start_new_session=True,
    )
    settings = WorkerSettings(worker_url(url), token, model, channels=channels)
    try:
        assert child.stdin is not None  # noqa: S101 - it is a pipe
        child.stdin.write(msgspec.json.encode(settings) + b"\n")
        yield child
    finally:
        await children.leave(child, _LEAVE_S)


async def joined(relay: Dispatch, child: asyncio.subprocess.Process) -> None:
    """Wait for the worker. Raises Unavailable where it cannot load its model; it says why on standard error."""
    try:
        async with asyncio.timeout(_LOAD_S):
            while not relay.workers.count:
                check_alive(child)
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise Unavailable(f"The worker did not load its model within {_LOAD_S:.0f} s.") from error


def check_alive(child: asyncio.subprocess.Process) -> None:
    """Raise Unavailable where the worker has left."""
    if child.returncode is not None:
        raise Unavailable("The worker left before it could be measured; what it said stands above.")


async def play(ears: Ears, sound: list[bytes], count: int, seconds: float, began: float) -> None:
    """Play every channel as it would come, in frames of 200 ms."""
    loop = asyncio.get_running_loop()
    for sample in range(0, int(seconds * RATE_HZ) // _FRAME * _FRAME, _FRAME):
        await asyncio.sleep(max(0.0, began + (sample + _FRAME) / RATE_HZ - loop.time()))
        for number in range(count):
            ears.hear(f"c{number}", 1, sample, _frame(sound[number % len(sound)], number, sample))


def meeting_of(count: int) -> Meeting:
    """Return a meeting with so many channels."""
    channels = tuple(Channel(f"c{n}", LANGUAGES[n % len(LANGUAGES)], n) for n in range(count))
    return Meeting(MeetingCreated(f"bench{count}", "bench", "Bench", "open", channels, "-"))


async def nothing(_channel: str, _begin: int, _end: int | None) -> AsyncIterator[tuple[int, int, bytes]]:
    """Recall nothing: the bench records nothing."""
    return
    yield


def dialogue() -> list[bytes]:
    """Return the packaged dialogue as s16le mono 16 kHz, a language each."""
    heard = [np.clip(decode_file(packaged(language)), -1, 1) for language in LANGUAGES]
    return [np.round(pcm * 32767).astype("<i2").tobytes() for pcm in heard]


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: Ctrl-C is the command's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Overheard:
    """A worker's socket, read along."""

    def __init__(self, socket: WorkerSocket, by: Overhearing) -> None:
        self._socket = socket
        self._by = by
        self.send = socket.send
        self.close = socket.close

    async def receive(self) -> str | bytes:
        frame = await self._socket.receive()
        match from_worker(frame):
            case Hello(model=model):
                self._by.model = model
            case Pulse(heard=heard) if self._by.watch:
                self._by.watch.progress(heard)
        return frame


def _frame(sound: bytes, number: int, sample: int) -> bytes:
    """Return 200 ms of a channel; it begins anew where the dialogue ends."""
    whole = len(sound) // 2 // _FRAME
    at = (sample // _FRAME + number // len(LANGUAGES) * _APART_S * 1000 // FRAME_MS) % whole
    return sound[2 * at * _FRAME : 2 * (at + 1) * _FRAME]
