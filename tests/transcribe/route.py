"""The route of a relay under test, as `hearing serve` listens on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from hearing.bounded import bounded_socket
from hearing.site.worker import routes
from tests.transcribe.relaying import Bench

TOKEN = "t" * 40


@asynccontextmanager
async def serving(one: Bench) -> AsyncIterator[str]:
    """Serve the dispatch's route on a free port; yield its http URL."""
    async with served(one) as server:
        yield url_of(server)


def url_of(server: uvicorn.Server) -> str:
    return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


@asynccontextmanager
async def served(one: Bench) -> AsyncIterator[uvicorn.Server]:
    """Serve the dispatch's route on a free port."""
    app = Starlette(routes=routes(one.dispatch, TOKEN))
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=0, log_level="warning", lifespan="off", ws=bounded_socket(), timeout_graceful_shutdown=1
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
