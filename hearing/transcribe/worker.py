"""A worker: dials relays, and carries their channels with one model.

Run as `python -m hearing.transcribe.worker`, with the settings as one line of JSON on standard input, it leaves when
that ends: so the server runs its own. `hearing worker` runs one for relays elsewhere.
"""

import asyncio
import logging
import os
import signal
import sys
from typing import NoReturn

import msgspec

from hearing.errors import HearingError
from hearing.transcribe.carry import MakeSession
from hearing.transcribe.clocked import Clocked
from hearing.transcribe.dial import Crew, dial, first
from hearing.transcribe.engine import Engine
from hearing.transcribe.hands import Hands, jobs_at_once
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.session import Session

logger = logging.getLogger(__name__)

_NICE = 5
"""The relay goes first on a machine that both share."""
_LEAVE_S = 4.0
"""So long relays may take to answer that we close."""


class WorkerSettings(msgspec.Struct, frozen=True):
    """What a worker is told. `url` is the relay's /worker, ws:// or wss://; 0 threads means as many as fit.

    `others` are more relays, which share the worker with the first. By `name` a server knows its own.
    """

    url: str
    token: str
    model: ModelChoice = ModelChoice()
    channels: int = 16
    threads: int = 0
    others: tuple[str, ...] = ()
    name: str = ""

    @property
    def relays(self) -> tuple[str, ...]:
        return (self.url, *self.others)


def main() -> None:
    """Work until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s worker %(message)s", stream=sys.stderr)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    # Ctrl-C is for the server: it drains, and closes our standard input when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICE)
    _leave(asyncio.run(_main()))


def run(settings: WorkerSettings) -> None:
    """Work until SIGTERM or SIGINT, then leave the process. Raises HearingError where the model cannot be loaded."""
    asyncio.run(_until_asked(settings))


async def work(settings: WorkerSettings, engine: Engine, threads: int, make: MakeSession = Session) -> None:
    """Carry channels for all relays with one engine, dialling again whenever a connection breaks, until cancelled."""
    hands = Hands(jobs_at_once(engine, threads, settings.channels), settings.channels, settings.name)
    crew = Crew(settings.token, Clocked(engine, hands.looked), hands, make)
    names = ["relay"] if not settings.others else [f"relay {n}" for n in range(1, len(settings.relays) + 1)]
    try:
        async with asyncio.TaskGroup() as group:
            for name, url in zip(names, settings.relays, strict=True):
                group.create_task(dial(url, crew, name))
    finally:
        hands.close()


def worker_url(url: str) -> str:
    """Return where workers dial a server: http://host:port gives ws://host:port/worker."""
    scheme, _, rest = url.partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme.lower(), scheme.lower())
    address = f"{scheme}://{rest}".rstrip("/")
    return address if address.endswith("/worker") else f"{address}/worker"


def thread_count(wanted: int) -> int:
    """Return how many engine jobs run at once: a core each, one left to the relay where there are more than two."""
    cores = len(os.sched_getaffinity(0))
    return wanted or (cores if cores <= 2 else cores - 1)


async def _until_asked(settings: WorkerSettings) -> None:
    """Work until a signal asks to leave; each relay is told by closing, so that its channels go to others at once."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _ask, asked)
    working = asyncio.create_task(_load_and_work(settings))
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not asked.is_set():
        waiting.cancel()
        await working
    logger.info("leaving")
    await _stopped(working)
    _leave(0)


def _ask(asked: asyncio.Event) -> None:
    if asked.is_set():
        _leave(0)
    asked.set()


async def _stopped(working: asyncio.Task[None]) -> None:
    """Cancel until it is gone: a task group of Python 3.11 that fails in the same moment forgets that it was."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _LEAVE_S
    while not working.done() and loop.time() < deadline:
        working.cancel()
        await asyncio.wait((working,), timeout=_LEAVE_S / 2)


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
        logger.error("%s", first(errors))  # noqa: TRY400 - the message says all there is to know
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


if __name__ == "__main__":
    main()
