"""The route of a relay under test, as `hearing serve` listens on it, and what is played there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import uvicorn
from starlette.applications import Starlette

from hearing.bounded import bounded_socket
from hearing.site.worker import routes
from hearing.transcribe.engine import Engine, Pcm
from hearing.transcribe.protocol import Assign
from hearing.transcribe.session import Session
from tests.transcribe.fakes import Energy, raw, silence, speech
from tests.transcribe.relaying import Bench

TOKEN = "t" * 40
FRAME = 3200


@asynccontextmanager
async def serving(one: Bench, socket: type[asyncio.Protocol] | None = None) -> AsyncIterator[str]:
    """Serve the dispatch's route on a free port; yield its http URL. `socket` speaks WebSocket there."""
    async with served(one, socket) as server:
        yield url_of(server)


def url_of(server: uvicorn.Server) -> str:
    return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


@asynccontextmanager
async def served(one: Bench, socket: type[asyncio.Protocol] | None = None) -> AsyncIterator[uvicorn.Server]:
    """Serve the dispatch's route on a free port."""
    app = Starlette(routes=routes(one.dispatch.workers, TOKEN))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=0,
            log_level="warning",
            lifespan="off",
            ws=socket or bounded_socket(),
            timeout_graceful_shutdown=1,
        )
    )
    serving = one.group.create_task(server.serve())
    async with asyncio.timeout(60):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        await serving


def make(assign: Assign, engine: Engine) -> Session:
    return Session(assign, engine, frames=Energy)


def talk(count: int, each: int = 12) -> Pcm:
    """Return `count` utterances of a few words each."""
    parts = [part for k in range(count) for part in (speech(range(1 + k * each, 1 + (k + 1) * each)), silence(1.0))]
    return np.concatenate(parts)


async def play(one: Bench, pcm: Pcm, begin: int, end: int, channel: str = "en") -> None:
    for sample in range(begin, min(end, len(pcm)), FRAME):
        one.ears.hear(channel, 1, sample, raw(pcm[sample : min(end, sample + FRAME)]))
        await asyncio.sleep(0)


async def said(one: Bench, count: int) -> None:
    """Wait until this many words are final."""
    async with asyncio.timeout(60):
        while len(await one.words()) < count:
            await one.log.wait("public:m", await one.log.head("public:m"))
