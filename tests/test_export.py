"""`hearing export`: through the folder, and through the server that runs on it."""

import subprocess
import sys
from pathlib import Path

import pytest

from hearing.errors import NotFound, Refused
from hearing.events import encode, public_stream
from hearing.house import HouseKeeper
from hearing.log.sqlite import SqliteLog
from hearing.now import utc_ms
from hearing.remote import reading
from hearing.remote.connection import Target
from tests.archive.made import begun
from tests.archive.test_exports import said
from tests.e2e.serving import Serving
from tests.site.serving import MEETING, SPEECH, meeting
from tests.test_remote import TOKEN, answering


async def fill(data: Path) -> None:
    """Make a folder that holds a meeting with words."""
    data.mkdir()
    async with SqliteLog(data / "log.db") as log:
        await (await HouseKeeper(log, utc_ms).start()).create(meeting())
        stream = begun(*said("ar", 0, SPEECH["ar"][0], 0), *said("en", 0, SPEECH["en"][1], 500))
        await log.append(public_stream(MEETING), [encode(event) for event in stream])


def export(data: Path, *options: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the command on a folder."""
    command = [sys.executable, "-m", "hearing", "export", MEETING, "--data", str(data), *options]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


async def test_a_folder_and_the_server_on_it_give_the_same_file(tmp_path: Path) -> None:
    await fill(tmp_path / "data")
    wanted = ("--channel", "ar", "--format", "docx", "--address", "https://hearing.example.org")
    alone = export(tmp_path / "data", *wanted)
    assert (alone.returncode, alone.stderr) == (0, b"")
    assert b"https://hearing.example.org/m/arlandia/ar/0" in alone.stdout
    with Serving(tmp_path / "data", "--no-worker"):
        served = export(tmp_path / "data", *wanted, "--out", str(tmp_path / "ar.docx"))
    assert (served.returncode, served.stderr) == (0, b"")
    assert (tmp_path / "ar.docx").read_bytes() == alone.stdout


async def test_what_cannot_be_exported_is_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await fill(data)
    for options, text in (
        (("--channel", "xx", "--format", "txt"), b"Its channels: en, fr, ar, zh"),
        (("--channel", "en", "--format", "txt", "--out", "no/such/folder/x"), b"--out"),
        (("--channel", "en", "--format", "txt", "--address", "example.org"), b"https://hearing.example.org"),
    ):
        done = export(data, *options)
        assert (done.returncode, done.stdout) == (1, b"")
        assert text in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert export(data, "--channel", "en", "--format", "pdf").returncode == 2
    assert export(tmp_path / "none", "--channel", "en", "--format", "txt").returncode == 1
    assert not (tmp_path / "none").exists()


def test_a_server_is_asked_for_the_file_in_the_words_of_its_api() -> None:
    with answering(200, b"WEBVTT\n") as (url, asked):
        where = Target(Path("none"), url, TOKEN)
        assert reading.export(where, "a b", "en", "vtt", "https://x.example/y") == b"WEBVTT\n"
        assert asked == ["/api/meetings/a%20b/export?channel=en&format=vtt&address=https%3A%2F%2Fx.example"]
    missing = b'{"code": "not-found", "text": "No such channel."}'
    with answering(404, missing) as (url, _), pytest.raises(NotFound, match="No such channel"):
        reading.export(Target(Path("none"), url, TOKEN), "one", "xx", "vtt", "")
    with pytest.raises(Refused):
        reading.export(Target(Path("none")), "one", "en", "vtt", "javascript:alert(1)")
