"""Captions by hand on a real `hearing serve`: by the command line's URL, through a kill, and no byte of the secret."""

import itertools
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.serving import Reader, Serving, until

WAIT_S = 120
CREATE = ("meeting", "create", "--id", "one", "--title", "One", "--source", "demo:", "--channels", "en,fr", "--loop")


def post(url: str, seq: int, text: str) -> tuple[int, str]:
    """Post a caption as software does; return the status and the answer."""
    request = urllib.request.Request(  # noqa: S310 - a loopback URL
        f"{url}&lang=en-US&seq={seq}", text.encode(), {"Content-Type": "text/plain"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def segments(server: Serving) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get("/api/meetings/one/segments?channel=en")["segments"]
    return found


def typed_in(server: Serving) -> list[str]:
    """Return what a captioner wrote, in order."""
    return [one["text"] for one in segments(server) if one["mark"] == "typed"]


def marks(server: Serving) -> list[str]:
    """Return who wrote, in order, without repeats."""
    said = [one["mark"] for one in segments(server) if one["text"]]
    return [mark for n, mark in enumerate(said) if not n or said[n - 1] != mark]


def holding(folder: Path, needle: str) -> list[str]:
    """Return the files under a folder that hold a text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if needle.encode() in path.read_bytes()]


@pytest.mark.slow
@pytest.mark.model
def test_machine_captioner_machine_on_a_live_relay_and_no_word_is_said_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARING_CAPTION_SILENCE_S", "3")
    with Serving(tmp_path / "data") as server, Reader(server.url, "one") as reader:
        server.hearing(*CREATE)
        url = server.hearing("captioner", "one", "en", "--url", "--label", "CART").strip()
        assert url.startswith(f"{server.url}/closedcaption?id=")
        secret = url.partition(".")[2].rpartition(".")[2]
        assert post(url, 1, "Too early.")[0] == 400
        server.hearing("meeting", "open", "one")
        until(lambda: marks(server) == ["machine"], WAIT_S, "the machine's first words")
        assert post(url, 1, "A captioner types this.\n") == (200, "1")
        assert post(url, 1, "A captioner types this.\n") == (200, "1")
        until(lambda: marks(server)[-1] == "machine" and "typed" in marks(server), WAIT_S, "the machine to go on")
        assert post(url, 2, "And once more.\n") == (200, "2")
        server.kill()
        server.start()
        until(lambda: post(url, 2, "And once more.\n") == (200, "2"), WAIT_S, "the resend to be taken")
        until(lambda: post(url, 3, "After the kill.\n") == (200, "3"), WAIT_S, "captions after the kill")
        typed = ["A captioner types this.", "And once more.", "After the kill."]
        until(lambda: typed_in(server)[2:], WAIT_S, "what was taken to be read")  # it is durable first, and then folded
        assert typed_in(server) == typed
        times = [(one["t0"], one["t1"]) for one in segments(server) if one["closed"]]
        assert times == sorted(times)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))
        invite = url.partition("id=")[2].partition(".")[0]
        assert server.hearing("captioner", "one", "--end", invite) == f"Ended {invite}.\n"
        assert post(url, 4, "Ended.")[0] == 410
        server.hearing("meeting", "close", "one")
        until(lambda: reader.state == "closed", WAIT_S, "the meeting to close")
        assert reader.fault == ""
        lines = server.hearing("export", "one", "--channel", "en", "--format", "jsonl").splitlines()
        said = [json.loads(line) for line in lines][1:]
        assert [one["text"] for one in said if one.get("mark") == "typed"] == typed
    assert len(secret) == 43
    assert holding(tmp_path, secret) == []


def test_a_url_is_made_without_a_server_too(tmp_path: Path) -> None:
    with Serving(tmp_path / "data", "--no-worker") as server:
        server.hearing(*CREATE)
    path = server.hearing("captioner", "one", "fr", "--url").strip()
    link = server.hearing("captioner", "one", "fr").strip()
    assert link.startswith("/staff/one/accept#")
    server.hearing("captioner", "one", "--end", link.partition("#")[2].partition(".")[0])
    with Serving(tmp_path / "data", "--no-worker") as again:
        assert post(again.url + path, 1, "Not open.")[0] == 400
        again.hearing("meeting", "open", "one")
        until(lambda: post(again.url + path, 1, "Open.")[0] == 200, WAIT_S, "captions to be taken")
    assert holding(tmp_path, path.rpartition(".")[2]) == []
