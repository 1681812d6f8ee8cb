"""Holding a folder and being found there; TLS and addresses that cannot work are refused with the mend."""

import asyncio
import resource
import socket
import subprocess
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import pytest
from starlette.types import Receive, Scope, Send

from hearing import bounded
from hearing.config import Config
from hearing.errors import HearingError, Refused, Unavailable
from hearing.listen import hold, listening, presence


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("nobody asks")


async def listen(folder: Path, host: str = "127.0.0.1", cert: str = "", key: str = "") -> None:
    config = Config(data=str(folder), host=host, port=0, tls_cert=cert, tls_key=key, behind_proxy=True)
    async with listening(config, nothing, "t" * 32):
        pass


def test_nobody_is_found_where_nobody_serves(tmp_path: Path) -> None:
    assert presence(tmp_path) is None
    with hold(tmp_path):
        pass
    assert presence(tmp_path) is None


async def test_a_server_is_found_while_it_listens(tmp_path: Path) -> None:
    config = Config(data=str(tmp_path), port=0)
    with hold(tmp_path):
        async with listening(config, nothing, "t" * 32) as addresses:
            found = presence(tmp_path)
            assert found is not None
            assert (found.url, found.token) == (addresses.url, "t" * 32)
        with pytest.raises(Unavailable, match="starting or leaving"):
            presence(tmp_path)


def test_what_a_killed_server_left_leads_nobody_astray(tmp_path: Path) -> None:
    (tmp_path / "serve.json").write_text('{"url": "http://127.0.0.1:9", "token": "old", "pid": 1}')
    assert presence(tmp_path) is None
    with hold(tmp_path), pytest.raises(Unavailable, match="starting"):
        presence(tmp_path)


def test_those_who_only_look_do_not_keep_a_server_from_starting(tmp_path: Path) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            with suppress(Unavailable):
                presence(tmp_path)

    with hold(tmp_path):
        pass
    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(50):
            with hold(tmp_path):
                pass
    finally:
        over.set()
        looking.join()


def test_a_folder_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="--data"), hold(tmp_path / "file"):
        pass
    assert presence(tmp_path / "file") is None


def test_what_is_kept_is_the_owners_alone_in_any_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with hold(tmp_path):
        (tmp_path / "kept").touch()
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("host", ["203.0.113.5", "no.such.host.invalid"])
async def test_an_address_of_another_machine_names_the_setting_host(host: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="setting host"):
        await listen(tmp_path, host)


async def test_tls_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "1")
        files = ("-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.pem"))
        try:
            subprocess.run([*made, *files], check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("openssl is not installed")
    (tmp_path / "none").write_text("no certificate")
    for cert, key in (("a.pem", "b.key"), ("none", "a.key")):
        with pytest.raises(HearingError, match="tls_cert and tls_key"):
            await listen(tmp_path, cert=str(tmp_path / cert), key=str(tmp_path / key))


async def forever(_scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


class Caller:
    """A connection of a test's own; a context, so that it is closed."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    async def asks(self, text: bytes) -> None:
        with suppress(OSError):
            await asyncio.to_thread(self._socket.sendall, text)

    async def hears(self) -> bytes:
        """Return what comes next; nothing where it was hung up on."""
        with suppress(ConnectionResetError):
            return await asyncio.to_thread(self._socket.recv, 12)
        return b""


ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_beyond_the_bound_a_connection_is_hung_up_on_and_those_before_it_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "most_connections", lambda: 3)
    async with listening(Config(data=str(tmp_path), port=0), forever, "t" * 32) as addresses:
        port = int(addresses.url.rpartition(":")[2])
        with ExitStack() as calls:
            for _ in range(3):
                caller = calls.enter_context(Caller(port))
                await caller.asks(ASKED)
                assert await caller.hears() == b"HTTP/1.1 200"
            with Caller(port) as late:
                assert await late.hears() == b""
        async with asyncio.timeout(60):
            heard = b""
            while not heard:  # those who left make room
                with Caller(port) as another:
                    await another.asks(ASKED)
                    heard = await another.hears()


async def test_who_connects_and_says_nothing_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "_FIRST_S", 0.3)
    async with listening(Config(data=str(tmp_path), port=0), forever, "t" * 32) as addresses:
        port = int(addresses.url.rpartition(":")[2])
        with Caller(port) as talking, Caller(port) as silent, Caller(port) as halfway:
            await talking.asks(ASKED)
            await halfway.asks(b"GET / HTTP/1.1\r\n")
            assert [await silent.hears(), await halfway.hears()] == [b"", b""]
            heard = b""
            while not heard.endswith(b"begun"):
                more = await talking.hears()
                assert more, "who asked is still served"
                heard += more.rstrip()


def test_some_descriptors_are_kept_for_the_recording() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = bounded.most_connections()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard == before[1]
    assert soft == resource.RLIM_INFINITY or 16 <= most < soft
