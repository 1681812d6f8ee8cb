"""A server in a process of its own: found as it starts, left within seconds, quiet about it."""

import signal
import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from hearing import demo
from hearing.house import HouseKeeper
from hearing.log.memory import MemoryLog
from tests.e2e.serving import Reader, Serving, until

CREATE = ("meeting", "create", "--id", "one", "--title", "One", "--channels", "en", "--source", "demo:", "--loop")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_under_readers_without_end(number: signal.Signals, tmp_path: Path) -> None:
    with Serving(tmp_path / "data", "--no-worker") as server:
        server.hearing(*CREATE)
        server.hearing("meeting", "open", "one")
        with Reader(server.url, "one") as reader:
            until(lambda: reader.state == "live", 30, "the meeting to be live")
            listening = urllib.request.urlopen(f"{server.url}/listen/one/en", timeout=20)  # noqa: S310 - loopback
            assert listening.read(100)
            assert server.leave(number) == 0
            threading.Thread(target=listening.close).start()
    assert not (tmp_path / "data" / "serve.json").exists()
    said = server.errors.read_text()
    assert "Traceback" not in said
    assert "ERROR" not in said


def test_a_token_and_an_address_are_in_no_line_it_writes(tmp_path: Path) -> None:
    with Serving(tmp_path / "data", "--no-worker") as server:
        until((tmp_path / "data" / "serve.json").exists, 5, "the server to be found")
        token = (tmp_path / "data" / "serve.json").read_text().split('"token":"')[1].split('"')[0]
        server.hearing(*CREATE)
        with socket.create_connection(("127.0.0.1", server.port)) as stranger:
            stranger.sendall(b"\x16\x03\x01 not HTTP\r\n\r\n")
            stranger.recv(1000)
            address = stranger.getsockname()
        assert server.leave(signal.SIGTERM) == 0
    said = server.errors.read_text()
    assert token not in said
    assert str(address[1]) not in said


async def test_a_demo_on_the_folder_of_another_closes_that_one() -> None:
    keeper = await HouseKeeper(MemoryLog(), lambda: 7).start()
    first = await demo._create(keeper)
    await keeper.open(first)
    second = await demo._create(keeper)
    await keeper.open(second)
    phases = {known.id: known.phase for known in keeper.house().meetings.values()}
    assert phases == {first: "closed", second: "open"}
