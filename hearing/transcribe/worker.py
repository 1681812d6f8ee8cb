"""A worker: dials a relay, carries its channels with one model, and leaves when its standard input ends.

Run as `python -m hearing.transcribe.worker`, with the settings as one line of JSON on standard input.
"""

import asyncio
import logging
import os
import random
import signal
import sys
from typing import NoReturn

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from hearing.errors import HearingError, Refused
from hearing.transcribe.carry import Carrier, MakeSession
from hearing.transcribe.engine import Engine
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.session import Session

logger = logging.getLogger(__name__)

_BACKOFF_S = (0.2, 10.0)
_OPEN_S = 10.0
_MAX_FRAME = 1 << 20
_NICE = 5
"""The relay goes first on a machine that both share."""


class WorkerSettings(msgspec.Struct, frozen=True):
    """What a worker is told. `url` is the relay's /worker, ws:// or wss://; 0 threads means as many as fit."""

    url: str
    token: str
    model: ModelChoice = ModelChoice()
    channels: int = 16
    threads: int = 0


def main() -> None:
    """Work until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s worker %(message)s", stream=sys.stderr)
    # Ctrl-C is for the server: it drains, and closes our standard input when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICE)
    _leave(asyncio.run(_main()))


async def work(settings: WorkerSettings, engine: Engine, threads: int, make: MakeSession = Session) -> None:
    """Carry channels for the relay at `url`, dialling again whenever the connection breaks, until cancelled."""
    wait_s, most_s = _BACKOFF_S
    pause_s = wait_s
    while True:
        started = asyncio.get_running_loop().time()
        reason = await _one_connection(settings, engine, threads, make)
        pause_s = wait_s if asyncio.get_running_loop().time() - started > most_s else min(most_s, pause_s * 2)
        logger.info("connection_over reason=%s", reason)
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret


def thread_count(wanted: int) -> int:
    """Return how many engine jobs run at once: a core each, one left to the relay where there are more than two."""
    cores = len(os.sched_getaffinity(0))
    return wanted or (cores if cores <= 2 else cores - 1)


async def _main() -> int:
    reader = await _standard_input()
    try:
        settings = msgspec.json.decode(await reader.readline(), type=WorkerSettings)
    except msgspec.DecodeError as error:
        logger.error("The first line of standard input holds the settings as JSON: %s", error)  # noqa: TRY400
        return 2
    status = 0
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_load_and_work(settings))
            await _end(reader)
            _leave(status)
    except* HearingError as errors:
        logger.error("%s", _first(errors))  # noqa: TRY400 - the message says all there is to know
        status = 3
    return status


async def _load_and_work(settings: WorkerSettings) -> None:
    threads = thread_count(settings.threads)
    engine = await asyncio.to_thread(_load, settings.model, threads)
    logger.info("model_loaded model=%r threads=%d", engine.name, threads)
    await work(settings, engine, threads)


def _load(model: ModelChoice, threads: int) -> Engine:
    from hearing.transcribe.loading import load  # noqa: PLC0415 - it loads CTranslate2: only in a worker

    return load(model, threads, os.environ)


async def _one_connection(settings: WorkerSettings, engine: Engine, threads: int, make: MakeSession) -> str:
    """Serve one connection to its end, and say why it ended."""
    reason = "closed"
    try:
        async with connect(
            settings.url,
            additional_headers={"Authorization": f"Bearer {settings.token}"},
            compression=None,
            max_size=_MAX_FRAME,
            open_timeout=_OPEN_S,
            proxy=None,
        ) as socket:
            carrier = Carrier(engine, send=socket.send, channels=settings.channels, threads=threads, make=make)
            await _carry(socket, carrier)
    except* (OSError, TimeoutError, InvalidHandshake, ConnectionClosed, Refused) as errors:
        reason = type(_first(errors)).__name__
    return reason


async def _carry(socket: ClientConnection, carrier: Carrier) -> None:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(carrier.run())
        async for frame in socket:
            await carrier.take(frame)
        running.cancel()


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _leave(status: int) -> NoReturn:
    """Go at once. Engine threads may be in the middle of a job; nothing that they could still do matters.

    Cancelling would not do: a task group of Python 3.11 whose child fails in the same moment, as the connection of a
    killed relay does, forgets that it was cancelled.
    """
    sys.stderr.flush()
    os._exit(status)


async def _end(reader: asyncio.StreamReader) -> None:
    while await reader.read(4096):
        pass


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


if __name__ == "__main__":
    main()
