"""A server that leaves ends the answers that have no end, and no others."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Scope

from hearing.site.chunks import Chunks, Emit
from hearing.site.leaving import Leaving


async def ticks() -> AsyncIterator[bytes]:
    while True:
        yield b"tick"
        await asyncio.sleep(0.01)


async def streamed(_request: Request) -> Response:
    return StreamingResponse(ticks())


async def chunked(_request: Request) -> Response:
    async def write(emit: Emit) -> None:
        async for tick in ticks():
            await emit(tick)

    return Chunks(write, {})


async def slow(request: Request) -> Response:
    await asyncio.sleep(0.2)
    return Response(await request.body())


SITE = Starlette(routes=[Route("/streamed", streamed), Route("/chunked", chunked), Route("/slow", slow)])


def scope(path: str) -> Scope:
    return {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "asgi": {}}


async def ask(leaving: Leaving, path: str, after: int) -> list[Message]:
    """Ask, let the server leave after so many messages, and return all that was sent."""
    sent: list[Message] = []
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": b"hello", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == after:
            leaving.leave()

    async with asyncio.timeout(60):
        await leaving(scope(path), receive, send)
    return sent


@pytest.mark.parametrize("path", ["/streamed", "/chunked"])
async def test_an_answer_without_end_is_ended(path: str) -> None:
    sent = await ask(Leaving(SITE), path, 4)
    assert [message["type"] for message in sent[:2]] == ["http.response.start", "http.response.body"]
    assert not sent[-1].get("more_body", False)
    assert sum(not message.get("more_body", False) for message in sent[1:]) == 1


async def test_an_answer_that_ends_by_itself_is_left_alone() -> None:
    leaving = Leaving(SITE)
    leaving.leave()
    sent = await ask(leaving, "/slow", 0)
    assert sent[-1]["body"] == b"hello"
