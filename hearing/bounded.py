"""How many connections one process serves, and how long one may say nothing: readers must not starve the recording."""

import asyncio
import contextlib
import resource

from uvicorn.protocols.http.h11_impl import H11Protocol

RESERVE = 256
"""Descriptors kept for the log, the recording and our children; a quarter where there are fewer than a thousand."""

_LEAST, _UNLIMITED = 16, 1_000_000
_FIRST_S = 20.0


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


def most_connections() -> int:
    """Return how many connections may be open at once; the process's own limit is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    soft = _UNLIMITED if soft == resource.RLIM_INFINITY else soft
    return max(_LEAST, min(soft - RESERVE, soft * 3 // 4))
