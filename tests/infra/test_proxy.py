"""Behind a real proxy: events come as they happen, seats and workers get through, and nobody's address is written."""

import asyncio
import contextlib
import http.server
import json
import subprocess
import threading
import zlib
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hearing.config import Config
from hearing.doctor import network
from hearing.house_events import Channel, MeetingCreated
from hearing.remote import meetings
from hearing.remote.connection import Target
from tests.e2e.serving import Serving, until
from tests.infra import proxying
from tests.infra.proxying import FILES, WHERE, Proxy
from tests.needs import program

Make = Callable[[Path, int], Proxy]
LIVE = MeetingCreated("live", "live", "Live", "treaty-body", (Channel("en", "en", 0, "floor"),), "demo:", loop=True)
TOKEN = "w" * 40
NEEDLE = "what-somebody-looked-for"


@pytest.fixture(params=["nginx", "caddy"])
def make(request: pytest.FixtureRequest) -> Make:
    program(request.param)
    found: Make = getattr(proxying, request.param)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "worker.token").write_text(TOKEN)
    (tmp_path / "proxy").mkdir()
    monkeypatch.setenv("HEARING_WORKER_TOKEN_FILE", str(tmp_path / "worker.token"))
    monkeypatch.setenv("HEARING_KEY_FILE", str(tmp_path / "state" / "kek"))
    return tmp_path


def told(chunks: Generator[bytes, None, None], what: bytes) -> bytes:
    """Read until something was said; fails where the answer ends before, or nothing comes for 20 s."""
    read = b""
    for chunk in chunks:
        read += chunk
        if what in read:
            return read
    raise AssertionError(f"{what!r} did not come: {read[-500:]!r}")


def unpacked(chunks: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    """Unpack a chunked gzip answer as it comes."""
    with contextlib.closing(chunks):
        yield from _unpacked(chunks)


def _unpacked(chunks: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    read = b""
    for chunk in chunks:
        read += chunk
        if b"\r\n\r\n" in read:
            break
    head, _, rest = read.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head.lower()
    unpack = zlib.decompressobj(31)
    while True:
        while (line := rest.find(b"\r\n")) >= 0:
            size = int(rest[:line], 16)
            if len(rest) < line + 2 + size + 2:
                break
            yield unpack.decompress(rest[line + 2 : line + 2 + size])
            rest = rest[line + 2 + size + 2 :]
        rest += next(chunks)


def test_all_of_it_works_through_the_proxy_and_no_address_is_written(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Serving(folder / "data", "--no-worker", "--behind-proxy") as server:
        meetings.create(Target(server.data), LIVE)
        with make(folder / "proxy", server.port) as proxy:
            with proxy.connect("h2", "http/1.1") as sock:
                assert sock.selected_alpn_protocol() == "h2"
            page = proxy.ask(f"/m/live?q={NEEDLE}")
            assert page.startswith(b"HTTP/1.1 200")
            assert b"strict-transport-security" in page.partition(b"\r\n\r\n")[0].lower()

            plain = proxy.get("/api/meetings/live/events?after=")
            packed = unpacked(proxy.get("/api/meetings/live/events?after=", "Accept-Encoding: gzip\r\n"))
            assert b"retry:" in told(plain, b"retry:") + next(packed)
            meetings.open_meeting(Target(server.data), "live")
            told(plain, b'"state":"live"')
            told(packed, b'"state":"live"')

            plain.close()
            packed.close()
            asyncio.run(_work(proxy))
            until((folder / "data/media/live/audio-en/1.m4s").exists, 20, "a recorded segment")
            part = proxy.ask("/media/live/audio-en/0.m4s", "Range: bytes=10-19\r\n")
            head, _, body = part.partition(b"\r\n\r\n")
            assert (head.splitlines()[0][:12], len(body)) == (b"HTTP/1.1 206", 10)
            assert b"content-range: bytes 10-19/" in head.lower()
            listening = proxy.get("/listen/live/en")
            told(listening, b"audio/")
            listening.close()
            # 413 by nginx and Caddy from 2.7 on; the 2.6 of Debian says 502 for the same.
            assert _sent(proxy, 300_000)[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 502")
            monkeypatch.setenv("SSL_CERT_FILE", str(proxy.authority()))
            seen = network.address(Config(behind_proxy=True), proxy.url)
            assert [one.code for one in seen] == ["origin-proxy", "address"]
            server.kill()
            assert proxy.ask(f"/m/live?q={NEEDLE}").startswith(b"HTTP/1.1 502")
        for said in (proxy.written(), server.errors.read_bytes()):
            assert WHERE.encode() not in said
            assert NEEDLE.encode() not in said


async def _work(proxy: Proxy) -> None:
    """Be a worker: refused without its token; with it, given the channel and then its sound."""
    address = f"wss://localhost:{proxy.port}/worker"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address, ssl=proxy.context):
            pass
    assert refused.value.response.status_code == 403
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with asyncio.timeout(60), connect(address, ssl=proxy.context, additional_headers=headers) as socket:
        await socket.send(json.dumps({"type": "hello", "version": 1, "model": "test", "channels": 4}))
        frames = [await socket.recv() for _ in range(4)]
    assert [json.loads(one)["type"] for one in frames if isinstance(one, str)] == ["assign"]
    assert any(isinstance(one, bytes) and len(one) > 1000 for one in frames)


def _sent(proxy: Proxy, size: int) -> bytes:
    with proxy.connect() as sock:
        head = f"PUT /api/dialogues/live/items/{'0' * 32} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        with contextlib.suppress(OSError):  # it may hang up before all of it is sent
            sock.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode() + b"x" * size)
        return sock.recv(1000)


def test_the_server_is_told_that_it_is_https_and_not_who_asks(make: Make, folder: Path) -> None:
    heard: list[dict[str, str]] = []

    class Stub(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub) as stub:
        threading.Thread(target=stub.serve_forever, daemon=True).start()
        with make(folder / "proxy", stub.server_port) as proxy:
            lies = "X-Forwarded-Proto: http\r\nX-Forwarded-For: 203.0.113.7\r\nX-Real-IP: 203.0.113.7\r\n"
            assert b" 204 " in proxy.ask("/", lies + "Forwarded: for=203.0.113.7\r\n")
        stub.shutdown()
    assert heard[0]["x-forwarded-proto"] == "https"
    assert heard[0]["host"] == "localhost"
    assert [value for value in heard[0].values() if "203.0.113.7" in value or WHERE in value] == []


def test_a_proxy_that_does_not_say_https_is_told_by_the_doctor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another name than localhost: there the server takes a seat over plain http too."""
    with Serving(folder / "data", "--no-worker", "--behind-proxy") as server:
        proxy = proxying.nginx(folder / "proxy", server.port)
        file = folder / "proxy" / "nginx.conf"
        here, there = f"listen 127.0.0.1:{proxy.port} ", f"listen 127.0.0.2:{proxy.port} "
        lines = [line for one in file.read_text().splitlines() for line in (one, one.replace(here, there))]
        text = "\n".join(line for number, line in enumerate(lines) if number % 2 == 0 or line != lines[number - 1])
        file.write_text(text.replace("X-Forwarded-Proto https", "X-Forwarded-Proto http"))
        with proxy:
            named = f"https://127.0.0.2:{proxy.port}"
            untrusted = network.address(Config(behind_proxy=True), named)[-1]
            monkeypatch.setenv("SSL_CERT_FILE", str(folder / "proxy" / "fullchain.pem"))
            trusted = network.address(Config(behind_proxy=True), named)[-1]
    assert (untrusted.code, trusted.code) == ("address-untrusted", "proxy-scheme")


@pytest.mark.parametrize("what", ["nginx", "caddy"])
def test_the_files_are_valid_as_they_stand(what: str, folder: Path) -> None:
    found = program(what)
    if what == "caddy":
        command = [found, "validate", "--config", str(FILES / "Caddyfile"), "--adapter", "caddyfile"]
    else:
        proxying.certificate(folder)
        text = (FILES / "nginx.conf").read_text().replace("/etc/hearing/tls", str(folder))
        (folder / "nginx.conf").write_text(text.replace("/run/nginx.pid", f"{folder}/pid"))
        command = [found, "-t", "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
