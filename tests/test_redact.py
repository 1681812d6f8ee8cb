"""A name that is redacted is gone: from every byte that is kept, from all that is served, and from the sound."""

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hearing.errors import HearingError
from hearing.events import public_stream
from hearing.log.sqlite import SqliteLog
from hearing.remote import redacting
from hearing.remote.connection import Target
from hearing.site.redactions import AskedCut, AskedRedaction, RedactionsAnswer
from tests.contract.test_log import HOLD_ON, found_in, second_process
from tests.e2e.serving import Serving, until
from tests.redacting import HELD, NAME, WORDS, held, loudest, sound, unpacked

KINDS = ("txt", "docx", "vtt", "srt", "md", "jsonl")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server leaves after a hearing: made once, and copied."""
    folder = tmp_path_factory.mktemp("kept")
    asyncio.run(held(folder / "data"))
    return folder / "data"


@pytest.fixture
def data(kept: Path, tmp_path: Path) -> Path:
    """Return a data folder of the test's own."""
    return Path(shutil.copytree(kept, tmp_path / "data"))


def fetch(server: Serving, path: str) -> tuple[int, bytes]:
    """Return the status and the body of an answer, whichever it is."""
    try:
        with urllib.request.urlopen(server.url + path, timeout=20) as answered:  # noqa: S310 - loopback
            return answered.status, bytes(answered.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, bytes(error.read())


def feed(server: Serving, last: bytes, times: int = 1) -> bytes:
    """Return what the feed says from the beginning on, through the line that holds `last` for so many times."""
    said = b""
    with urllib.request.urlopen(f"{server.url}/api/meetings/one/events", timeout=20) as lines:  # noqa: S310 - loopback
        for line in lines:
            said += line
            if said.count(last) == times and line.startswith(b"data"):
                break
    return said


def everything(server: Serving) -> dict[str, bytes]:
    """Return all that a reader can ask for, by address."""
    paths = [f"/m/one/{channel}.{kind}" for channel in WORDS for kind in KINDS]
    paths += [f"/api/meetings/one/export?channel={channel}&format={kind}" for channel in WORDS for kind in KINDS]
    paths += [f"/m/one/{channel}/{n}" for channel in WORDS for n in range(3)]
    paths += [f"/m/one?channel={channel}&all=1" for channel in WORDS]
    paths += [f"/m/one?channel={channel}&q={NAME}&l=en" for channel in WORDS]
    paths += [f"/m/one/text?channel={channel}" for channel in WORDS]
    paths += ["/api/meetings/one/segments", "/api/meetings", "/", "/search?q=held", "/api/search?q=held"]
    return {path: unpacked(fetch(server, path)[1]) for path in paths}


def searched(server: Serving) -> int:
    """Return how often the name is found."""
    return int(json.loads(fetch(server, f"/api/search?q={NAME}")[1])["total"])


def test_a_redacted_name_is_in_no_byte_that_is_kept_or_served(data: Path) -> None:
    before = {channel: sound(data / "media", channel) for channel in WORDS}
    with Serving(data, "--no-worker") as server:
        until(lambda: searched(server) == 2, 30, "the name to be found in both channels")
        assert found_in(data, NAME.encode())
        assert {path for path, body in everything(server).items() if NAME.encode() in body}
        assert NAME.encode() in feed(server, b'"closed"')
        etags = {channel: etag(server, channel) for channel in WORDS}
        told = server.hearing(
            "redact",
            "one",
            "--channel",
            "en",
            "--words",
            WORDS["en"],
            "--also",
            f"fr:{WORDS['fr']}",
            "--basis",
            "person-at-risk",
            "--yes",
            "--json",
        )
        answered = json.loads(told)["redactions"][0]
        assert answered["ended"] is not None
        assert NAME not in told
        assert found_in(data, NAME.encode()) == []
        assert [path for path, body in everything(server).items() if NAME.encode() in body and "q=" not in path] == []
        assert NAME.encode() not in feed(server, b"event: kept", 2)
        assert searched(server) == 0
        assert {channel: etag(server, channel) for channel in WORDS} != etags
        sentence = {
            one["segment"]: one["text"]
            for one in json.loads(fetch(server, "/api/meetings/one/segments")[1])["segments"]
        }
        assert sentence["en.1"] == "The judge said that […] was held for nine days."
        assert sentence["fr.1"] == "Le juge a dit que […] fut détenue neuf jours."
        head = json.loads(fetch(server, "/m/one/en.jsonl")[1].partition(b"\n")[0])
        assert head["release"] == "r2", "one more for the redaction, and no other"
        assert "[…] was held" in fetch(server, "/m/one/en/1")[1].decode()
        after = {channel: sound(data / "media", channel) for channel in WORDS}
    assert NAME not in server.errors.read_text()
    for channel, (t0, t1) in HELD.items():
        (was, rate), (now, _) = before[channel], after[channel]
        assert loudest(was, rate, t0 - 150, t1 + 150) > -20
        assert loudest(now, rate, t0 - 150, t1 + 150) < -60
        assert len(was) == len(now)
        kept = np.ones(len(was), bool)
        kept[int((t0 - 250) * rate / 1000) : int((t1 + 250) * rate / 1000)] = False
        assert np.abs(was - now)[kept].max() < 0.01
    assert asyncio.run(verified(data)) is None


def test_a_server_killed_in_the_middle_hides_it_and_erases_it_when_it_is_back(data: Path) -> None:
    with Serving(data, "--no-worker") as server:
        with second_process(HOLD_ON, data / "log.db"):  # nothing can be erased for good meanwhile
            asking = threading.Thread(target=_ask, args=(server,))
            asking.start()
            until(lambda: "[…]".encode() in fetch(server, "/m/one/en.txt")[1], 20, "the name to be out of the text")
            assert NAME.encode() not in fetch(server, "/m/one/fr.txt")[1]
            assert found_in(data, NAME.encode())
            server.kill()
            asking.join(40)
        assert found_in(data, NAME.encode())
        server.start()
        until(lambda: not found_in(data, NAME.encode()), 30, "every byte to be gone")
        until(lambda: redacting.redactions(_where(server), "one")[0].ended, 30, "the redaction to be told as done")
        for channel, (t0, t1) in HELD.items():
            assert loudest(*sound(data / "media", channel), t0 - 150, t1 + 150) < -60
    assert NAME not in server.errors.read_text()


def test_without_a_server_a_redaction_is_carried_out_at_once_and_again_on_a_copy_from_before(
    data: Path, kept: Path, tmp_path: Path
) -> None:
    copy, told = Path(shutil.copytree(kept, tmp_path / "copy")), tmp_path / "list.json"
    where = Target(data)
    cuts = (AskedCut("en", (WORDS["en"],)), AskedCut("fr", t0=7900, t1=8500))
    done = redacting.redact(where, "one", AskedRedaction("privacy", cuts, picture=True))
    assert done.ended is not None
    assert [cut.words for cut in done.cuts] == [("en.1.4-en.1.4",), ("fr.1.4-fr.1.6",)]
    assert found_in(data, NAME.encode()) == []
    assert not (data / "media/one/video/2.m4s").exists()
    told.write_bytes(msgspec.json.encode(RedactionsAnswer(redacting.all_redactions(where))))
    command = [sys.executable, "-m", "hearing", "redact", "--data", str(copy), "--again", str(told)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (refused.returncode, "--yes" in refused.stderr) == (1, True)
    assert found_in(copy, NAME.encode())
    answered = subprocess.run([*command, "--yes", "--json"], capture_output=True, text=True, check=True).stdout
    again = msgspec.json.decode(answered, type=RedactionsAnswer).redactions
    assert [(one.redaction, one.cuts) for one in again] == [(done.redaction, done.cuts)]
    assert found_in(copy, NAME.encode()) == []
    for channel in WORDS:
        (was, rate), (now, _) = sound(data / "media", channel), sound(copy / "media", channel)
        assert np.array_equal(was, now)
        assert loudest(now, rate, *HELD[channel]) < -60


def test_sound_that_the_disk_keeps_is_told_to_staff_and_goes_once_the_disk_lets_it(data: Path) -> None:
    place = data / "media/one/audio-en/2.m4s"
    was = place.read_bytes()
    place.unlink()
    place.mkdir()  # what can neither be read nor replaced
    with Serving(data, "--no-worker") as server:
        asked = AskedRedaction("privacy", (AskedCut("en", (WORDS["en"],)),))
        redacting.redact(_where(server), "one", asked)
        until(lambda: redacting.redactions(_where(server), "one")[0].stuck, 60, "the disk to be told of")
        listed = data.parent / "list.json"
        listed.write_bytes(msgspec.json.encode(RedactionsAnswer(redacting.all_redactions(_where(server)))))
        command = [sys.executable, "-m", "hearing", "redact", "--data", str(data), "--again", str(listed), "--yes"]
        again = subprocess.run(command, capture_output=True, text=True, check=False)
        assert again.returncode == 1
        assert "unfinished" in again.stdout
        assert "still there: sound of en 5" in again.stdout
        assert "Not all of it is gone" in again.stderr
        (told,) = redacting.redactions(_where(server), "one")
        assert (told.ended, [cut.channel for cut in told.stuck]) == (None, ["en"])
        assert 5000 < told.stuck[0].t0 < told.stuck[0].t1 < 6500
        place.rmdir()
        place.write_bytes(was)
        until(lambda: redacting.redactions(_where(server), "one")[0].ended, 60, "the redaction to be tried again")
        assert redacting.redactions(_where(server), "one")[0].stuck == ()
        assert loudest(*sound(data / "media", "en"), *HELD["en"]) < -60
        assert "redaction_unfinished" in server.errors.read_text()


def test_without_a_server_what_the_disk_keeps_is_an_error_and_can_be_repeated(data: Path) -> None:
    place = data / "media/one/audio-en/2.m4s"
    was = place.read_bytes()
    place.unlink()
    place.mkdir()
    listed = data.parent / "list.json"
    asking = [sys.executable, "-m", "hearing", "redact", "--data", str(data)]
    command = [*asking, "one", "--channel", "en", "--words", WORDS["en"], "--basis", "privacy", "--yes"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (asked.returncode, "still there: sound of en" in asked.stdout) == (1, True)
    listed.write_bytes(msgspec.json.encode(RedactionsAnswer(redacting.all_redactions(Target(data)))))
    again = subprocess.run([*asking, "--again", str(listed), "--yes"], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    place.rmdir()
    place.write_bytes(was)
    done = subprocess.run([*asking, "--again", str(listed), "--yes"], capture_output=True, text=True, check=False)
    assert (done.returncode, "gone" in done.stdout) == (0, True)
    assert loudest(*sound(data / "media", "en"), *HELD["en"]) < -60


def _ask(server: Serving) -> None:
    """Ask for it; the server dies before it can answer."""
    cuts = tuple(AskedCut(channel, (words,)) for channel, words in WORDS.items())
    with contextlib.suppress(HearingError):
        redacting.redact(_where(server), "one", AskedRedaction("person-at-risk", cuts))


def _where(server: Serving) -> Target:
    """Return how to reach the server, and no other."""
    found = msgspec.json.decode((server.data / "serve.json").read_bytes())
    return Target(server.data, found["url"], found["token"])


def etag(server: Serving, channel: str) -> tuple[str, ...]:
    """Return the entity tags of a channel's segments around the name."""
    found = []
    for msn in range(2, 5):
        with urllib.request.urlopen(f"{server.url}/media/one/audio-{channel}/{msn}.m4s", timeout=20) as answer:  # noqa: S310
            found.append(answer.headers["ETag"])
    return tuple(found)


async def verified(data: Path) -> int | None:
    """Return where the chain of the log breaks."""
    async with SqliteLog(data / "log.db") as log:
        return await log.verify(public_stream("one"))
