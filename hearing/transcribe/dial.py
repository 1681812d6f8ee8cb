"""Dial one relay and work for it, again whenever the connection breaks; what is wrong is said once, in words."""

import asyncio
import logging
import os
import random
import socket
import ssl

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from hearing.errors import Refused
from hearing.transcribe.carry import Carrier, MakeSession
from hearing.transcribe.engine import Engine
from hearing.transcribe.hands import Hands
from hearing.transcribe.session import Session

logger = logging.getLogger(__name__)

_BACKOFF_S = (0.2, 10.0)
_OPEN_S = 10.0
_CLOSE_S = 2.0
"""So long a relay that we leave may take to answer."""
_MAX_FRAME = 1 << 20


class _Dialled(connect):
    """A connection that follows no redirect: the token goes to the address that was given, and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Crew(msgspec.Struct, frozen=True):
    """What the connections of one worker share. `make` begins a channel."""

    token: str
    engine: Engine
    hands: Hands
    make: MakeSession = Session


async def dial(url: str, crew: Crew, name: str) -> None:
    """Carry channels for the relay at `url`, ws:// or wss://, until cancelled. `name` is what logs call it."""
    least_s, most_s = _BACKOFF_S
    pause_s, said = least_s, ""
    while True:
        started = asyncio.get_running_loop().time()
        joined, reason = await _one_connection(url, crew, name)
        if joined or reason != said:
            logger.warning("%s %s; it is dialled again until it answers", name, reason)
        said = reason
        steady = asyncio.get_running_loop().time() - started > most_s
        pause_s = least_s if steady else min(most_s, pause_s * 2)
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret


async def _one_connection(url: str, crew: Crew, name: str) -> tuple[bool, str]:
    """Serve one connection to its end; tell whether there was one, and why it ended."""
    joined, reason = False, "has closed the connection"
    try:
        async with _Dialled(
            url,
            additional_headers={"Authorization": f"Bearer {crew.token}"},
            compression=None,
            max_size=_MAX_FRAME,
            open_timeout=_OPEN_S,
            close_timeout=_CLOSE_S,
            proxy=None,
        ) as connection:
            joined = True
            logger.info("%s joined", name)
            await _carry(connection, Carrier(crew.engine, send=connection.send, hands=crew.hands, make=crew.make))
    except* (OSError, TimeoutError, InvalidHandshake, ConnectionClosed, Refused) as errors:
        reason = why(first(errors))
    return joined, reason


async def _carry(connection: ClientConnection, carrier: Carrier) -> None:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(carrier.run())
        async for frame in connection:
            await carrier.take(frame)
        running.cancel()


_WHY: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionClosed, "has closed the connection"),
    (InvalidHandshake, "answers, but not as a WebSocket: the way to /worker must let WebSockets through"),
    (ssl.SSLError, "does not speak TLS as it should: check its port, and https or http"),
    (socket.gaierror, "has a name that is not found"),
    (TimeoutError, "does not answer"),
    (Refused, "speaks another protocol: install the same release on both sides"),
)
"""The first that fits is said."""


def why(error: BaseException) -> str:
    """Say in words what ended a connection, without the address or the token."""
    match error:
        case InvalidStatus(response=response) if response.status_code in {401, 403}:
            return "refuses the token: give the one of its setting worker_token_file"
        case InvalidStatus(response=response):
            return f"answers with HTTP status {response.status_code}: the way to /worker must let WebSockets through"
        case ssl.SSLCertVerificationError(verify_message=told):
            return f"has a certificate that is not trusted ({told}); SSL_CERT_FILE names the CA of your own"
        case OSError(errno=int(number)) if not isinstance(error, ssl.SSLError | socket.gaierror | TimeoutError):
            return f"cannot be reached ({os.strerror(number)})"  # the error's own text holds the address
    return next((text for kind, text in _WHY if isinstance(error, kind)), "cannot be reached")


def first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of a group that is none itself."""
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
