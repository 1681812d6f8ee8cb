"""The command line talks to the server it was told to, and tells nobody else the token."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from hearing.errors import HearingError, Refused, Unavailable
from hearing.remote import connection, meetings
from hearing.remote.connection import Target

TOKEN = "t" * 40


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[tuple[str, list[str]]]:
    """Run a server that gives every request this answer; yield its address and the paths that were asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_proxy_of_the_environment_is_not_told_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200, b'{"meetings": []}') as (proxy, told), answering(200, b'{"meetings": [1]}') as (url, _):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        assert meetings.listed(Target(Path("none"), url, TOKEN)) == [1]  # type: ignore[comparison-overlap]
        assert told == []


def test_a_redirection_is_not_followed() -> None:
    with answering(200, b'{"meetings": []}') as (other, told), answering(302, b"", Location=other) as (url, _):
        with pytest.raises(Refused, match="elsewhere"):
            meetings.listed(Target(Path("none"), url, TOKEN))
        assert told == []


def test_what_is_no_server_of_ours_is_said_so() -> None:
    with answering(200, b"<h1>It works!</h1>") as (url, _), pytest.raises(Unavailable, match="not a server"):
        meetings.listed(Target(Path("none"), url, TOKEN))


def test_an_id_is_one_part_of_the_address() -> None:
    with answering(404, b'{"code": "not-found", "text": "No such meeting."}') as (url, asked):
        for wanted in ("a b", "../x", "a?b#c"):
            with pytest.raises(HearingError, match="No such meeting"):
                meetings.open_meeting(Target(Path("none"), url, TOKEN), wanted)
        assert asked == [f"/api/meetings/{part}/open" for part in ("a%20b", "..%2Fx", "a%3Fb%23c")]


@pytest.mark.parametrize(
    "server", ["http://[::1", "http://127.0.0.1:port", "https://", "ftp://a", "https://a b", "https://é"]
)
def test_an_address_that_is_none_is_refused(server: str) -> None:
    with pytest.raises(Refused, match="--server takes an address"):
        connection.target(Path("none"), server, "")


@pytest.mark.parametrize("content", [b"", b"one\ntwo", "tök".encode()])
def test_a_token_that_cannot_be_one_is_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_bytes(content)
    monkeypatch.delenv("HEARING_STAFF_TOKEN", raising=False)
    with pytest.raises(Refused, match="--token-file"):
        connection.target(Path("none"), "https://example.org", str(tmp_path / "token"))


def test_the_token_that_was_named_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARING_STAFF_TOKEN", "o" * 40)
    (tmp_path / "token").write_text(TOKEN + "\n")
    assert connection.target(Path("none"), "https://example.org", str(tmp_path / "token")).token == TOKEN
    assert connection.target(Path("none"), "https://example.org", "").token == "o" * 40
