"""The other end of a worker's socket: what it says is typed and counted, what it is told goes out one at a time."""

import asyncio
from typing import Protocol

from hearing.errors import Refused, Unavailable
from hearing.transcribe.protocol import (
    SILENCE_S,
    VERSION,
    FromRelay,
    FromWorker,
    Hello,
    encode,
    from_worker,
)

MAX_CHANNELS = 256
_SAYS_PER_S = 20.0
"""Messages a worker may send each second, and per channel as many again; ten seconds of them at once."""
_SEND_S = 10.0


class WorkerSocket(Protocol):
    """One WebSocket, server side. `receive` and `send` raise Unavailable once it is closed."""

    async def receive(self) -> str | bytes: ...
    async def send(self, frame: str | bytes) -> None: ...
    async def close(self) -> None: ...


class Peer:
    """A worker at the end of a socket. Everything raises Unavailable once that is closed or takes too long."""

    def __init__(self, socket: WorkerSocket) -> None:
        self._socket = socket
        self._sending = asyncio.Lock()
        self._said = 0.0
        self._said_at = 0.0

    async def greeting(self) -> Hello:
        """Take the worker's first frame. Raises Refused for a version that is not ours, Unavailable for silence."""
        hello = await self._next()
        if not isinstance(hello, Hello) or hello.version != VERSION:
            raise Refused(f"A worker begins with hello, version {VERSION}. Install the release that this server runs.")
        lengths = map(len, (hello.model, hello.languages, hello.knows, hello.name))
        if not 0 <= hello.channels <= MAX_CHANNELS or max(lengths) > 200:
            raise Refused(f"A worker carries up to {MAX_CHANNELS} channels.")
        return hello

    async def hear(self, channels: int) -> FromWorker:
        """Return what it says next. Raises Refused for what is no message, or for more than so many channels say."""
        message = await self._next()
        now = asyncio.get_running_loop().time()
        rate = _SAYS_PER_S * (1 + channels)
        self._said = max(0.0, self._said - (now - self._said_at) * rate) + 1
        self._said_at = now
        if self._said > 10 * rate:
            raise Refused("The worker says more than speech could give rise to.")
        return message

    async def say(self, message: FromRelay) -> None:
        """Tell it something."""
        await self.send(encode(message).decode())

    async def send(self, frame: str | bytes) -> None:
        """Send it a frame."""
        try:
            async with asyncio.timeout(_SEND_S), self._sending:
                await self._socket.send(frame)
        except TimeoutError as error:
            raise Unavailable(f"The worker took nothing for {_SEND_S:.0f} s.") from error

    async def _next(self) -> FromWorker:
        try:
            async with asyncio.timeout(SILENCE_S):
                frame = await self._socket.receive()
        except TimeoutError as error:
            raise Unavailable(f"The worker said nothing for {SILENCE_S:.0f} s.") from error
        if isinstance(frame, bytes):
            raise Refused("A worker sends text frames only.")
        return from_worker(frame)
