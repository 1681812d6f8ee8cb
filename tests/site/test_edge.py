"""An edge answers what is only read and passes the rest on, byte for byte; while the home is away nothing is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hearing.errors import Unavailable
from hearing.site import upstream
from hearing.site.edge import Edge
from tests.site.serving import TOKEN, Staffing
from tests.site.walking import whole

OURS = {"Authorization": f"Bearer {TOKEN}"}
SEAT = {"Cookie": "desk-house=x; theme=dark"}


class Home:
    """A server on a real socket that answers as a test says, and keeps the requests it saw."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.raw = b""
        self.answer: bytes | None = None
        self.hangs = asyncio.Event()
        self.left = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.raw += head
            line, *fields = head.decode("latin-1").split("\r\n")
            method, target, _ = line.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            self.seen.append((method, target, await self._body(reader, headers), headers))
            writer.write(self.answer or b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-From: home\r\n\r\nhome")
            await writer.drain()
            if self.answer and self.answer.endswith(b"..."):
                self.hangs.set()
                await reader.read()
                self.left.set()
        finally:
            writer.close()

    async def _body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
            return body
        return await reader.readexactly(int(headers.get("content-length", "0")))


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    made = Home()
    server = await asyncio.start_server(made.take, "127.0.0.1", 0)
    async with server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made
        server.close()


async def here(request: Request) -> Response:
    return PlainTextResponse(f"here {request.headers.get('cookie', '')}".strip())


def refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)
    return PlainTextResponse(str(error), 503)


def edge(home: str, relayed: set[str] | None = None) -> ASGIApp:
    site = Starlette(routes=[Route("/{path:path}", here, methods=["GET", "POST", "PUT", "DELETE"])])
    return Edge(site, lambda: home, relayed, Staffing(None), refuse)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def asking(app: ASGIApp, base: str = "http://edge.test") -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base, timeout=60) as client:
        yield client


async def test_every_get_of_the_whole_site_is_answered_here_or_by_the_home_and_all_that_is_sent_goes_to_it(
    home: Home, tmp_path: Path
) -> None:
    async with whole(tmp_path) as built, asking(edge(home.url)) as client:
        steps = [step for step in built.steps() if step.method in {"GET", "POST", "PUT", "DELETE"}]
        assert len(steps) > 60
        answered = {}
        for step in steps:
            answered[str(step)] = (await client.request(step.method, built.address(step.path))).text
    local = {name.split("?")[0] for name, text in answered.items() if text == "here"}
    assert {name for name in local if not name.startswith("GET ")} == set()
    assert {name for name in local if "/d/" in name or "/staff" in name or "/media/" in name} == set()
    assert {"GET /", "GET /api/meetings", "GET /search", "GET /api/meetings/{meeting}/events"} <= local


@pytest.mark.parametrize(
    ("asked", "headers", "relayed", "where"),
    [
        ("GET /", {}, None, "here"),
        ("GET /m/one/text", {}, None, "here"),
        ("GET /m/one/en.vtt", {}, None, "here"),
        ("GET /api/meetings/one/events", {}, None, "here"),
        ("GET /api/dialogues/one/public", {}, None, "here"),
        ("GET /m/one", {}, None, "home"),
        ("GET /m/one", {}, {"one"}, "here"),
        ("GET /m/one", SEAT, {"one"}, "home"),
        ("GET /m/one", {}, {"two"}, "home"),
        ("GET /m/one/en/3", {}, None, "home"),
        ("GET /", SEAT, None, "home"),
        ("GET /media/one/master.m3u8", {}, None, "home"),
        ("GET /media/one/master.m3u8", {}, {"one"}, "here"),
        ("GET /listen/one/en", {}, {"one"}, "here"),
        ("GET /d/one/ask", {}, {"one"}, "home"),
        ("GET /staff", {}, None, "home"),
        ("GET /a-page-of-tomorrow", {}, None, "home"),
        ("GET /api/meetings/one/names", OURS, None, "home"),
        ("GET /api/meetings", OURS, None, "here"),
        ("GET /api/meetings", {"Authorization": "Bearer of-another-server"}, None, "home"),
        ("POST /api/meetings", OURS, None, "home"),
        ("GET /api/meetings/one/setup", OURS, None, "home"),
        ("POST /api/meetings/one/open", OURS, None, "here"),
        ("POST /api/meetings/one/close", OURS, None, "here"),
        ("POST /api/meetings/one/close", {}, None, "home"),
        ("POST /api/meetings/one/purge", OURS, None, "home"),
        ("POST /api/meetings/one/redactions", OURS, None, "home"),
        ("POST /d/one/ask", {}, None, "home"),
        ("POST /", {}, None, "home"),
        ("PUT /api/dialogues/one/items/1", {}, {"one"}, "home"),
    ],
)
async def test_what_is_only_read_is_answered_here_and_the_rest_by_the_home(
    home: Home, asked: str, headers: dict[str, str], relayed: set[str] | None, where: str
) -> None:
    async with asking(edge(home.url, relayed)) as client:
        answer = await client.request(*asked.split(), headers=headers)
    assert answer.text.split()[0] == where
    assert len(home.seen) == (where == "home")


@pytest.mark.parametrize("away", ["", "http://127.0.0.1:1"])
async def test_while_the_home_is_away_pages_come_from_here_as_for_a_stranger_and_nothing_is_taken_in(away: str) -> None:
    async with asking(edge(away)) as client:
        for path in ("/m/one", "/m/one/en/3", "/"):
            answer = await client.get(path, headers=SEAT)
            assert (answer.status_code, answer.text) == (200, "here")
        for method, path in (("POST", "/d/one/ask"), ("GET", "/d/one/ask"), ("GET", "/media/one/x"), ("POST", "/")):
            answer = await client.request(method, path)
            assert answer.status_code == 503
            assert "Send it again" in answer.text


async def test_a_request_is_said_again_as_it_was_and_its_answer_too(home: Home) -> None:
    home.answer = (
        b"HTTP/1.1 303 See Other\r\nLocation: /d/x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nKeep-Alive: 5\r\n\r\n"
    )
    headers = {"Host": "hearing.example.org", "Origin": "https://hearing.example.org", "Cookie": "voice=v", "TE": "x"}
    async with asking(edge(home.url), "https://hearing.example.org") as client:
        answer = await client.post("/d/%D9%85/ask?l=ar&q=a%20b", content=b"x" * 200_000, headers=headers)
    method, target, body, got = home.seen[0]
    assert (method, target, len(body)) == ("POST", "/d/%D9%85/ask?l=ar&q=a%20b", 200_000)
    assert (got["host"], got["origin"], got["cookie"]) == (headers["Host"], headers["Origin"], "voice=v")
    assert (got["x-forwarded-proto"], got["connection"], got["hearing-passed-on"]) == ("https", "close", "1")
    assert "te" not in got
    assert (answer.status_code, answer.headers["location"]) == (303, "/d/x")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert "keep-alive" not in answer.headers


async def test_a_body_of_unknown_length_is_passed_on_as_it_comes(home: Home) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for n in range(50):
            yield b"%d," % n

    async with asking(edge(home.url)) as client:
        assert (await client.post("/d/one/ask", content=parts())).text == "home"
    assert home.seen[0][2] == b"".join([b"%d," % n for n in range(50)])
    assert "x-forwarded-proto" not in home.seen[0][3]


async def test_what_was_passed_on_once_is_not_passed_on_again(home: Home) -> None:
    async with asking(edge(home.url)) as client:
        answer = await client.post("/d/one/ask", headers={"Hearing-Passed-On": "1"})
    assert (answer.status_code, home.seen) == (503, [])


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_an_answer_that_never_began_is_a_refusal_and_the_sender_is_told_to_send_again(
    home: Home, answer: bytes
) -> None:
    home.answer = answer
    async with asking(edge(home.url)) as client:
        told = await client.post("/d/one/ask", content=b"x")
    assert (told.status_code, len(home.seen)) == (503, 1)
    assert "counts once" in told.text


async def test_an_answer_that_breaks_off_in_the_middle_breaks_off_here(home: Home) -> None:
    home.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    async with asking(edge(home.url)) as client:
        with pytest.raises(ConnectionError):
            await client.get("/media/one/1.m4s")


async def test_a_reader_who_leaves_an_endless_answer_lets_go_of_the_home(home: Home) -> None:
    home.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n..."
    sent: list[Message] = []
    gone = asyncio.Event()
    first = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        if message := next(first, None):
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body") == b"hello":
            gone.set()

    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/d/one/queue",
        "query_string": b"",
        "headers": [(b"host", b"x")],
        "scheme": "http",
    }
    async with asyncio.timeout(60):
        await upstream.pass_on(home.url, scope, receive, send)
        await home.left.wait()
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_a_worker_is_sent_away_from_an_edge_that_never_relays() -> None:
    sent: list[Message] = []
    reached: list[str] = []

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    for relayed in (None, set[str]()):
        app = Edge(site, lambda: "", relayed, Staffing(None), refuse)  # type: ignore[arg-type]
        await app({"type": "websocket", "path": "/worker", "headers": []}, receive, send)
    assert (sent[0]["type"], sent[0]["code"], len(sent), reached) == ("websocket.close", 1013, 1, ["websocket"])
