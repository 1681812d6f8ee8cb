"""End the answers that have no end when the server leaves, as if their reader had gone: pure ASGI."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Leaving:
    """Wraps an app. After `leave`, whoever is sent an answer of no stated length is let go, and the answer ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """End them all, those that begin later too."""
        self._leaving.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        endless = asyncio.Event()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                if not any(name.lower() == b"content-length" for name, _ in message["headers"]):
                    endless.set()
            elif not message.get("more_body", False):
                endless.clear()
            await send(message)

        async def received() -> Message:
            return await _first(receive, self._leaving, endless)

        await self._app(scope, received, sent)
        if self._leaving.is_set() and endless.is_set():
            await send({"type": "http.response.body", "body": b""})


async def _first(receive: Receive, leaving: asyncio.Event, endless: asyncio.Event) -> Message:
    """Return what comes, or that the reader has gone, once the server leaves in the middle of an endless answer."""

    async def let_go() -> None:
        await leaving.wait()
        await endless.wait()

    coming, going = asyncio.ensure_future(receive()), asyncio.ensure_future(let_go())
    try:
        await asyncio.wait({coming, going}, return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() else {"type": "http.disconnect"}
    finally:
        coming.cancel()
        going.cancel()
