"""Where workers dial in: one authenticated WebSocket each. docs/worker-protocol.md says what is spoken there."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from hearing.errors import Unavailable
from hearing.transcribe.peer import WorkerSocket

PATH = "/worker"
_UNAUTHORIZED = 4401
_CLOSE_S = 2.0
"""A worker that reads nothing is not waited for."""


class Workers(Protocol):
    """Who serves a worker until its connection breaks."""

    async def serve(self, socket: WorkerSocket) -> None: ...


def routes(workers: Workers, token: str) -> list[WebSocketRoute]:
    """Return the worker's route. Without the right bearer token the handshake is refused."""

    async def worker(socket: WebSocket) -> None:
        scheme, _, given = socket.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), token.encode()):
            await socket.close(_UNAUTHORIZED)
            return
        await socket.accept()
        await workers.serve(_Socket(socket))

    return [WebSocketRoute(PATH, worker)]


class _Socket:
    """A Starlette WebSocket as the workers' relay knows it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        with _gone():
            message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise Unavailable("The worker has gone.")
        text: str | None = message.get("text")
        return text if text is not None else bytes(message.get("bytes") or b"")

    async def send(self, frame: str | bytes) -> None:
        with _gone():
            if isinstance(frame, str):
                await self._socket.send_text(frame)
            else:
                await self._socket.send_bytes(frame)

    async def close(self) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(Unavailable, TimeoutError), _gone():
                async with asyncio.timeout(_CLOSE_S):
                    await self._socket.close()


@contextmanager
def _gone() -> Iterator[None]:
    """Say it our way when the other side is gone; Starlette raises RuntimeError for a socket that is closed."""
    try:
        yield
    except (WebSocketDisconnect, RuntimeError) as error:
        raise Unavailable("The worker has gone.") from error
