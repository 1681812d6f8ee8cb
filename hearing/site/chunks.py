"""An answer that has no end: chunks as they come, packed for weak links, until the reader goes."""

import asyncio
import contextlib
import zlib
from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Emit = Callable[[bytes], Awaitable[None]]

_SEND_S = 30.0
# 4 KiB of history and little working memory: 24 KiB a reader instead of zlib's 256, and events repeat themselves.
_WINDOW_BITS = 12
_MEMORY_LEVEL = 4


class Chunks(Response):
    """Runs `write` with a way to emit, and cancels it when the reader goes.

    A reader that takes nothing for 30 s is cut off; it comes back with its cursor.
    """

    def __init__(self, write: Callable[[Emit], Awaitable[None]], headers: Mapping[str, str]) -> None:
        super().__init__(headers={**headers, "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pack = _packer(dict(scope["headers"]).get(b"accept-encoding", b""))
        headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        headers.append((b"vary", b"Accept-Encoding"))
        if pack is not _unpacked:
            headers.append((b"content-encoding", b"gzip"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return

        async def emit(chunk: bytes) -> None:
            async with asyncio.timeout(_SEND_S):
                await send({"type": "http.response.body", "body": pack(chunk), "more_body": True})

        with contextlib.suppress(TimeoutError):
            await _until_gone(self._write(emit), receive)
            await send({"type": "http.response.body", "body": b""})


async def _until_gone(writing: Awaitable[None], receive: Receive) -> None:
    """Let it write until it is done or the reader has gone; its error, if any, is the caller's."""
    work = asyncio.ensure_future(writing)
    tasks = {work, asyncio.ensure_future(_gone(receive))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _packer(accepted: bytes) -> Callable[[bytes], bytes]:
    if b"gzip" not in accepted:
        return _unpacked
    packing = zlib.compressobj(6, zlib.DEFLATED, 16 + _WINDOW_BITS, _MEMORY_LEVEL)
    return lambda chunk: packing.compress(chunk) + packing.flush(zlib.Z_SYNC_FLUSH)


def _unpacked(chunk: bytes) -> bytes:
    return chunk
