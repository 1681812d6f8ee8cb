"""The media routes on a real server, on a free port of this machine."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from hearing.errors import NotFound
from hearing.meeting import House
from hearing.site import media
from tests.stream.relaying import Place


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(place: Place, house: House, more: Sequence[BaseRoute] = ()) -> AsyncIterator[str]:
    """Serve a place's media; give the address."""
    app = Starlette(
        routes=[*media.routes(place.log, place.store, lambda: house), *more],
        exception_handlers={NotFound: _not_found},
    )
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = _Server(
            uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
        )
        async with asyncio.timeout(300), asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[sock]))
            while not server.started:
                await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
            server.should_exit = True


def _not_found(request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 404)
