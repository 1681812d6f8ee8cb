"""`hearing revise` on real speech: the recording is heard again, with no server and beside one that runs."""

import asyncio
import json
import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path

import httpx
import numpy as np
import pytest

from hearing import revising
from hearing.events import Ended, SegmentClosed, WordsCommitted, channel_subject, encode, public_stream
from hearing.house import HouseKeeper
from hearing.log.sqlite import SqliteLog
from hearing.realign import folded
from hearing.remote.connection import Target
from hearing.site.answers import SegmentAnswer
from hearing.site.revising import AskedPiece, AskedWord
from hearing.store.folder import FolderStore
from hearing.stream.relay import Relay
from hearing.transcribe.models import ModelChoice
from hearing.transcribe.onefile import load_engine
from hearing.transcribe.whisper import TimedWord
from tests.contract.test_log import found_in
from tests.e2e.serving import ROOT, Serving
from tests.redacting import WORD_MS, held
from tests.site.desking import fields
from tests.speech import demo_speech
from tests.stream.made import record
from tests.stream.relaying import HURRY_S, KeptEar, meeting

SECONDS = 14
WRONG, OTHER = "Zyxwvuqa", "Qvjxkzwt"
"""Words that nobody says: one that was misheard, and one that is heard again."""

PAGE = "/staff/meetings/one/revision"


def passages(words: list[TimedWord]) -> list[list[TimedWord]]:
    """Cut what was said into passages where a sentence ends."""
    made: list[list[TimedWord]] = [[]]
    for word in words:
        made[-1].append(word)
        if word.text.endswith((".", "?")):
            made.append([])
    return [one for one in made if one]


async def hold(data: Path) -> list[str]:
    """Leave what a server leaves after a meeting of real speech, misheard in its first passage; return the passages."""
    pcm = demo_speech("en")[: SECONDS * 16_000]
    whole = [word for passage in engine_words(pcm) for word in passage]
    data.mkdir(mode=0o700)
    source = record(data.parent / "source.mkv", [np.asarray(pcm, np.float32)], 16_000)
    async with SqliteLog(data / "log.db") as log, FolderStore(data / "media") as store:
        keeper = await HouseKeeper(log, lambda: 7).start()
        one = meeting(source, "en")
        await keeper.create(one.created)
        await keeper.open("one")
        clock = asyncio.get_running_loop().time
        await Relay(one, log=log, store=store, ear=KeptEar(), monotonic_s=lambda: clock() - HURRY_S).run()
        said = passages(whole)
        for number, words in enumerate(said):
            texts = tuple(word.text for word in words)
            texts = (texts[0], WRONG, *texts[2:]) if number == 0 else texts
            name, times = f"en.{number}", tuple((word.t0, word.t1) for word in words)
            heard = WordsCommitted("en", name, 0, texts, times[-1][1] * 16)
            closed = SegmentClosed("en", name, times[0][0], times[-1][1], times)
            bodies = [encode(heard), encode(closed)]
            await log.append(public_stream("one"), bodies, subject=channel_subject("en"))
        await keeper.close("one")
        await log.append(public_stream("one"), [encode(Ended(SECONDS * 1000))], key="ended")
    return [" ".join(word.text for word in words) for words in said]


def engine_words(pcm: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> list[list[TimedWord]]:
    return [list(one.words) for one in load_engine(ModelChoice()).whole(pcm, "en", beam=revising.BEAM, words=True)]


def revise(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hearing", "revise", "one", "--data", str(data), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


def alike(a: str, b: str) -> float:
    """Tell how alike the words of two texts are, 0 to 1."""
    left, right = ([folded(word) for word in text.split()] for text in (a, b))
    return SequenceMatcher(None, left, right, False).ratio()


def test_a_misheard_word_is_heard_again_and_proposed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    said = asyncio.run(hold(data))
    assert len(said) >= 2
    done = revise(data, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["meeting"], told["model"]) == ("one", "base")
    assert told["channels"][0]["words"] >= 15
    assert told["open"] == told["channels"][0]["proposed"] >= 1
    assert "en: 0 of 1 min" in done.stderr
    assert str(data) not in done.stdout + done.stderr
    first = revising.proposals(Target(data), "one").proposals[0]
    assert (first.segment, first.version, first.model) == ("en.0", 0, "base")
    assert WRONG in first.before
    assert WRONG not in first.text
    assert alike(first.text, said[0]) > 0.7


@pytest.mark.slow
def test_beside_a_server_it_is_proposed_accepted_and_not_proposed_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    said = asyncio.run(hold(data))
    with Serving(data, "--no-worker") as server:
        done = revise(data)
        assert done.returncode == 0, done.stderr
        assert "proposals are open" in done.stdout
        token = server.hearing("invite", "staff").strip().partition("#")[2]
        with httpx.Client(base_url=server.url, timeout=60, follow_redirects=True) as staff:
            asked = staff.post("/staff/accept", data={"invite": token})
            staff.post("/staff/accept", data=fields(asked.text))
            assert WRONG in staff.get(PAGE).text
            before = server.get("/api/meetings/one/segments")["segments"]
            assert WRONG in before[0]["text"]
            seen = staff.post(PAGE, data={"act": "preview", "scope": "*"}).text
            accepted = staff.post(PAGE, data=fields(seen, "seen") | {"act": "accept"}).text
            assert 'id="outcome"' in accepted
            assert 'id="told"' not in accepted
            assert "second pass, model base" in staff.get("/m/one/en/0").text
        after = server.get("/api/meetings/one/segments")["segments"]
        assert after[0]["mark"] == "corrected"
        assert WRONG not in after[0]["text"]
        assert alike(after[0]["text"], said[0]) > 0.7
        assert WRONG in after[0]["machine"]
        assert [one["segment"] for one in after] == [one["segment"] for one in before]
        assert "en: " in (again := revise(data).stdout)
        assert " 0 new proposals" in again


def test_what_is_handed_in_to_a_server_is_kept_once_and_a_redaction_leaves_no_byte_of_it(tmp_path: Path) -> None:
    data, where = tmp_path / "data", Target(tmp_path / "data")
    asyncio.run(held(data))
    text = f"The judge said that {OTHER} was held for ninety days.".split()
    words = tuple(AskedWord(one, 4000 + n * WORD_MS, 4400 + n * WORD_MS) for n, one in enumerate(text))
    piece = AskedPiece("en", 3500, 8500, "large", words)
    with Serving(data, "--no-worker") as server:
        assert revising.hand_in(where, "one", piece) == 1
        assert revising.hand_in(where, "one", piece) == 0
        assert [one.segment for one in revising.proposals(where, "one").proposals] == ["en.1"]
        assert found_in(data, OTHER.encode())
        place = ("--channel", "en", "--words", "en.1.4", "--basis", "privacy", "--yes")
        server.hearing("redact", "one", *place)
        assert revising.proposals(where, "one").proposals == []
        assert found_in(data, OTHER.encode()) == []
        assert revising.hand_in(where, "one", piece) == 0
    assert found_in(data, OTHER.encode()) == []
    assert revising.proposals(where, "one").proposals == [], "and so it is where no server runs"
    assert revising.hand_in(where, "one", piece) == 0


def test_a_meeting_that_is_on_or_was_not_recorded_is_refused_in_words(tmp_path: Path) -> None:
    async def make(*, closed: bool) -> None:
        async with SqliteLog(tmp_path / "log.db") as log:
            keeper = await HouseKeeper(log, lambda: 7).start()
            if not closed:
                await keeper.create(meeting(tmp_path / "source.mkv", "en").created)
                await keeper.open("one")
                return
            await keeper.close("one")

    asyncio.run(make(closed=False))
    on = revise(tmp_path)
    assert (on.returncode, on.stderr.strip()) == (
        1,
        "hearing: This meeting is not closed. It is heard again once it is over.",
    )
    asyncio.run(make(closed=True))
    silent = revise(tmp_path)
    assert silent.returncode == 1
    assert "There is no recording of this meeting in this folder." in silent.stderr
    assert "no such channel" in revise(tmp_path, "--channel", "xx").stderr


def test_a_recording_is_cut_between_passages_and_never_in_one() -> None:
    spans = [(1000, 90_000), (90_200, 200_000), (199_500, 260_000), (260_100, 700_000), (701_000, 702_000)]
    pieces = revising.cuts(spans, 100_000)
    assert pieces == [(500, 90_100), (90_100, 260_050), (260_050, 700_500), (700_500, 702_500)]
    for t0, t1 in spans:
        assert sum(a <= t0 and t1 <= b for a, b in pieces) == 1
    assert revising.cuts([]) == []


def test_a_floor_is_heard_language_by_language() -> None:
    said = [("", 0), ("fr", 10), ("fr", 20), ("", 30), ("es", 40)]
    hidden = SegmentAnswer("en.9", "en", 25, 29, "", closed=True, hidden=True)
    segments = [SegmentAnswer("en.1", "en", t0, t0 + 5, "x", True, False, language=one) for one, t0 in said]
    assert revising.runs([*segments[:3], hidden, *segments[3:]]) == [
        ("", [(0, 5)]),
        ("fr", [(10, 15), (20, 25), (25, 29)]),
        ("", [(30, 35)]),
        ("es", [(40, 45)]),
    ]


def test_what_is_hidden_is_silence_to_the_model() -> None:
    pcm = np.ones(16_000 * 10, np.float32)
    made = revising.silenced(pcm, 20_000, [(19_000, 20_500), (24_000, 25_000), (60_000, 61_000)])
    loud = np.flatnonzero(made) / 16_000
    assert made[:16_000].max() == 0.0
    assert made[int(3.5 * 16_000) : int(5.5 * 16_000)].max() == 0.0
    assert len(loud) == 16_000 * 7
    assert pcm.min() == 1.0
