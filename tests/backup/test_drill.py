"""The drill: a meeting goes on, is backed up, the server is killed, and a server on the restored folder has it all."""

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from hearing.backup import make
from hearing.backup.restore import restore
from hearing.errors import Refused
from hearing.events import Ended, RunEnded, encode, public_stream
from hearing.house import HouseKeeper
from hearing.house_events import Channel, MeetingCreated
from hearing.log.sqlite import SqliteLog
from hearing.now import utc_ms
from hearing.qa import receipt
from hearing.remote import meetings, reading
from hearing.remote.connection import Target
from tests.e2e.serving import ROOT, Reader, Serving, until
from tests.site.serving import MEETING
from tests.test_export import fill

ADDRESS = "https://hearing.example.org"
LIVE = MeetingCreated("live", "live", "Live", "treaty-body", (Channel("en", "en", 0, "floor"),), "demo:", loop=True)


async def speak(data: Path) -> None:
    """Make a folder with a meeting that is over."""
    await fill(data)
    async with SqliteLog(data / "log.db") as log:
        keeper = await HouseKeeper(log, utc_ms).start()
        await keeper.open(MEETING)
        await log.append(
            public_stream(MEETING), [encode(event) for event in (RunEnded(1, 60_000, "ended"), Ended(60_000))]
        )
        await keeper.close(MEETING)


def hearing(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hearing", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def ask(server: Serving, method: str, path: str, body: object) -> dict[str, str]:
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), method=method)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
        found: dict[str, str] = json.load(answer)
        return found


def read(server: Serving, path: str) -> bytes:
    with urllib.request.urlopen(server.url + path, timeout=20) as answer:  # noqa: S310 - loopback
        return bytes(answer.read())


def seen(server: Serving) -> dict[str, object]:
    """Return what people find there of the meeting that is over, and of the recording of the one that is live."""
    until(lambda: server.get("/api/search?q=detained")["total"] == 1, 20, "the words to be found")
    files = {
        kind: reading.export(Target(server.data), MEETING, "en", kind, ADDRESS) for kind in ("vtt", "docx", "jsonl")
    }
    return {
        "page": read(server, f"/m/{MEETING}").count(b"detained"),
        "passage": read(server, f"/m/{MEETING}/en/0").count(b"detained"),
        "hit": server.get("/api/search?q=detained")["hits"],
        "files": files,
        "segment": read(server, "/media/live/audio-en/0.m4s"),
    }


def test_a_backup_of_a_live_meeting_survives_a_kill_and_comes_back_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARING_KEY_FILE", str(tmp_path / "state" / "kek"))
    data, out, new = tmp_path / "data", str(tmp_path / "out"), tmp_path / "new"
    asyncio.run(speak(data))
    kept, gone = receipt.keys(receipt.mint()), receipt.keys(receipt.mint())
    with Serving(data, "--no-worker") as server:
        meetings.create(Target(data), LIVE)
        meetings.open_meeting(Target(data), "live")
        with Reader(server.url, "live") as reader:
            until(lambda: reader.state == "live" and (data / "media/live/audio-en/1.m4s").exists(), 30, "a recording")
            for keys, text in ((kept, "What of the wells?"), (gone, "Take this back")):
                sent = {"auth": keys.auth, "kind": "question", "text": text, "language": "en", "ceiling": "committee"}
                ask(server, "PUT", f"/api/dialogues/live/items/{keys.item}", sent)
            done = hearing("backup", out, "--data", str(data))
            assert (done.returncode, done.stderr) == (0, "")
            before, cursor = seen(server), reader.cursor
            ask(server, "POST", f"/api/dialogues/live/items/{gone.item}/withdraw", {"auth": gone.auth})
            make.note(data, Path(out), now_ms=utc_ms())
            server.kill()
    with pytest.raises(Refused, match="--vault"):
        restore(Path(out), new, now_ms=utc_ms())
    assert not new.exists()
    done = hearing("restore", out, "--data", str(new), "--vault", str(data / "vault.db"))
    assert (done.returncode, done.stderr) == (0, "")
    with Serving(new, "--no-worker") as server:
        assert seen(server) == before
        status = ask(server, "POST", f"/api/dialogues/live/items/{kept.item}/status", {"auth": kept.auth})
        assert (status["state"], status["text"]) == ("received", "What of the wells?")
        status = ask(server, "POST", f"/api/dialogues/live/items/{gone.item}/status", {"auth": gone.auth})
        assert (status["state"], status["text"]) == ("withdrawn", "")
        with urllib.request.urlopen(f"{server.url}/api/meetings/live/events?after={cursor}", timeout=20) as events:  # noqa: S310
            assert b"event: reset" in b"".join(events.readline() for _ in range(6))
    assert "Traceback" not in server.errors.read_text().partition("new at http")[2]
