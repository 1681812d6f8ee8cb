"""How many connections one process serves, and how long one may say nothing: readers must not starve the recording."""

import asyncio
import contextlib
import resource

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

RESERVE = 256
"""Descriptors kept for the log, the recording and our children; a quarter where there are fewer than a thousand."""

_LEAST, _UNLIMITED = 16, 1_000_000
_FIRST_S = 20.0
_CLOSING_S = 10.0
_MOST_UNREAD = 1 << 20
"""Bytes of answers to pings, and of what else was sent, that a WebSocket may leave unread."""


def bounded_protocol() -> type[asyncio.Protocol]:
    """Return what speaks HTTP on a connection; beyond the bound a new one is hung up on at once."""
    most = most_connections()

    class Bounded(H11Protocol):
        _silence: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()
            else:
                self._silence = self.loop.call_later(_FIRST_S, transport.abort)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.scope:  # a whole request head has come
                self._hush()

        def connection_lost(self, exc: Exception | None) -> None:
            self._hush()
            super().connection_lost(exc)

        def _hush(self) -> None:
            if self._silence:
                self._silence.cancel()
                self._silence = None

    return Bounded


def bounded_socket() -> type[asyncio.Protocol]:
    """Return what speaks WebSocket on a connection; one that reads nothing is hung up on, and holds no memory."""

    class BoundedSocket(WebSocketsSansIOProtocol):
        _hanging_up: asyncio.TimerHandle | None = None

        def handle_ping(self) -> None:
            super().handle_ping()
            if self.transport.get_write_buffer_size() > _MOST_UNREAD:
                self.transport.abort()

        def on_task_complete(self, task: asyncio.Task[None]) -> None:
            super().on_task_complete(task)
            if not self.disconnected:  # closing waits for what was sent to be read
                self._hanging_up = self.loop.call_later(_CLOSING_S, self.transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._hanging_up:
                self._hanging_up.cancel()
            super().connection_lost(exc)

    return BoundedSocket


def most_connections() -> int:
    """Return how many connections may be open at once; the process's own limit is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    soft = _UNLIMITED if soft == resource.RLIM_INFINITY else soft
    return max(_LEAST, min(soft - RESERVE, soft * 3 // 4))
