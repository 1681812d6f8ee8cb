"""Pass one HTTP request on to another server, and its answer back, neither held whole: a small client on h11."""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

import h11
from starlette.types import Message, Receive, Scope, Send

from hearing.errors import Unavailable

MARK = b"hearing-passed-on"
"""The header of a request that was passed on once, and is not passed on again."""

_CONNECT_S = 5.0
_ANSWER_S = 100.0
_SILENCE_S = 60.0
_CHUNK = 64 * 1024
_BETWEEN = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"expect",
        MARK,
    }
)
"""Headers that are for one connection alone (RFC 9110, 7.6.1)."""

_Headers = list[tuple[bytes, bytes]]


async def pass_on(url: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the server at `url` does: scheme, host and port. Returns when the reader has left, too.

    Raises Unavailable where it does not answer; nobody knows then whether it took what was sent. Where it breaks off in
    the middle of its answer, the answer here breaks off too: ConnectionError.
    """
    reader, writer = await _connected(url)
    try:
        exchange = _Exchange(reader, writer, receive, send)
        await exchange.run(_request(scope))
    finally:
        writer.close()
        with suppress(OSError, TimeoutError, ssl.SSLError):
            async with asyncio.timeout(_CONNECT_S):
                await writer.wait_closed()


async def _connected(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    context = ssl.create_default_context() if secure else None
    try:
        async with asyncio.timeout(_CONNECT_S):
            return await asyncio.open_connection(parts.hostname, parts.port or (443 if secure else 80), ssl=context)
    except (OSError, TimeoutError) as error:
        raise unreached() from error


def unreached() -> Unavailable:
    """Say what to do where the home is not reached."""
    return Unavailable(
        "The server that does this does not answer just now. Send it again in a minute: what arrived already counts "
        "once."
    )


def _request(scope: Scope) -> h11.Request:
    """Say the same again: its own Host, so that the other one judges whose page sent it."""
    headers = _kept(scope["headers"])
    if scope["scheme"] == "https":
        headers = [one for one in headers if one[0] != b"x-forwarded-proto"] + [(b"x-forwarded-proto", b"https")]
    names = {name for name, _ in headers}
    if b"content-length" not in names and scope["method"] not in {"GET", "HEAD", "OPTIONS"}:
        headers.append((b"transfer-encoding", b"chunked"))
    headers += [(MARK, b"1"), (b"connection", b"close")]
    query: bytes = scope["query_string"]
    target: bytes = scope.get("raw_path") or scope["path"].encode()
    return h11.Request(method=scope["method"], target=target + (b"?" + query if query else b""), headers=headers)


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> _Headers:
    return [(name.lower(), value) for name, value in headers if name.lower() not in _BETWEEN]


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, receive: Receive, send: Send
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._receive = receive
        self._send = send
        self._http = h11.Connection(h11.CLIENT)
        self._began = False

    async def run(self, request: h11.Request) -> None:
        asking = asyncio.ensure_future(self._ask(request))
        answering = asyncio.ensure_future(self._answer())
        try:
            await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                asking.result()  # the reader has left, unless it failed
                return
            answering.result()
        except (OSError, TimeoutError, h11.ProtocolError) as error:
            if self._began:
                raise ConnectionError("The other server broke off its answer.") from error
            raise unreached() from error
        finally:
            for task in (asking, answering):
                task.cancel()
            await asyncio.gather(asking, answering, return_exceptions=True)

    async def _ask(self, request: h11.Request) -> None:
        """Send the request, then wait until whoever asked has left. A break is told by the answer."""
        with suppress(OSError, h11.ProtocolError):
            await self._say(request)
            whole = False
            while not whole:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    return
                if body := message.get("body", b""):
                    await self._say(h11.Data(data=body))
                whole = not message.get("more_body", False)
            await self._say(h11.EndOfMessage())
            while (await self._receive())["type"] != "http.disconnect":
                pass
            return
        await asyncio.Event().wait()

    async def _say(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def _answer(self) -> None:
        while True:
            event = await self._next(_SILENCE_S if self._began else _ANSWER_S)
            match event:
                case h11.Response():
                    self._began = True
                    headers = _kept(event.headers)
                    await self._send({"type": "http.response.start", "status": event.status_code, "headers": headers})
                case h11.Data():
                    await self._send(_body(bytes(event.data), more=True))
                case h11.EndOfMessage():
                    await self._send(_body(b"", more=False))
                    return
                case h11.ConnectionClosed():
                    raise ConnectionError("The other server has left.")
                case _:
                    pass

    async def _next(self, patience_s: float) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(patience_s):
                self._http.receive_data(await self._reader.read(_CHUNK))
        return event


def _body(content: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}
