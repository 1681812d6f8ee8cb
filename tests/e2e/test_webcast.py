"""A webcast by its address through the whole house: checked, relayed, transcribed, cut off and taken up again."""

import json
import logging
import time
import urllib.error
import urllib.request
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from hearing.stream.tap import decode_file
from tests.e2e.serving import ROOT, Reader, Serving, until
from tests.stream.made import record
from tests.stream.webcast import film, on_air, program

logger = logging.getLogger(__name__)

AWAY_S = 10.0
KEY = "s3cr3t-stream-key"


def spoken(folder: Path, seconds: float) -> Path:
    """Make a film of the packaged dialogue: a picture, and its English and its French."""
    sounds = [
        decode_file(ROOT / "hearing" / "demo_media" / f"{name}.opus")[: int(seconds * 16_000)] for name in ("en", "fr")
    ]
    return record(folder / "dialogue.mkv", sounds, 16_000, picture="libx264", key_every=50)


def settings(folder: Path) -> Path:
    """Write settings that let a source come from this machine."""
    file = folder / "hearing.toml"
    file.write_text('source_schemes = ["http"]\nsource_private_hosts = ["127.0.0.1"]\n')
    return file


def stretches(server: Serving, rendition: str) -> list[list[tuple[float, float]]]:
    """Return the segments of a rendition, as (begin, seconds) of its clock, a list for each run."""
    try:
        with urllib.request.urlopen(f"{server.url}/media/cast/{rendition}/index.m3u8", timeout=60) as answer:  # noqa: S310
            lines = answer.read().decode().splitlines()
    except urllib.error.HTTPError:  # nothing of it yet
        return []
    found: list[list[tuple[float, float]]] = [[]]
    at = 0.0
    for line in lines:
        if line == "#EXT-X-DISCONTINUITY":
            found.append([])
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            at = datetime.fromisoformat(line.partition(":")[2]).timestamp()
        elif line.startswith("#EXTINF:"):
            length = float(line[8:].partition(",")[0])
            found[-1].append((at, length))
            at += length
    return [stretch for stretch in found if stretch]


def test_a_webcast_is_checked_and_relayed_and_its_secret_is_nowhere(tmp_path: Path) -> None:
    cast = program(film(tmp_path / "a.mkv", seconds=40.0), tmp_path / "hls")
    with (
        on_air(cast, ahead_s=9.0) as air,
        Serving(tmp_path / "data", "--no-worker", "--config", str(settings(tmp_path))) as server,
    ):
        url = f"http://viewer:{KEY}@127.0.0.1:{air.port}/master.m3u8?token={KEY}"
        create = ("--id", "cast", "--title", "Cast", "--source", url, "--channels", "en,fr", "--floor", "en")
        said = [server.hearing("meeting", "create", *create)]
        said.append(server.hearing("meeting", "check", "cast"))
        assert "Track 1 is en; the source calls it en" in said[-1]
        assert "Track 2 is fr; the source calls it fr" in said[-1]
        said.append(server.hearing("meeting", "create", "--id", "next", "--from", "cast", "--title", "Next"))
        server.hearing("meeting", "open", "cast")
        until(lambda: server.get("/api/meetings/cast")["state"] == "live", 20, "the webcast to be live")
        until(lambda: any(stretches(server, "audio-fr")), 20, "a segment of the second channel")
        said.append(json.dumps([server.get("/api/meetings"), server.get("/api/meetings/cast")]))
        server.hearing("meeting", "close", "cast")
        said.append(server.errors.read_text())
        assert not [text for text in said if KEY in text]
        assert f"127.0.0.1:{air.port}" not in said[-1]


@pytest.mark.slow
@pytest.mark.model
def test_an_origin_that_is_away_for_ten_seconds_costs_ten_seconds(tmp_path: Path) -> None:
    cast = program(spoken(tmp_path, 110.0), tmp_path / "hls", segment_s=2.0)
    with (
        on_air(cast, ahead_s=9.0) as air,
        Serving(tmp_path / "data", "--config", str(settings(tmp_path))) as server,
        Reader(server.url, "cast") as reader,
    ):
        create = ("--id", "cast", "--title", "Cast", "--source", air.url, "--channels", "en,fr", "--floor", "en")
        server.hearing("meeting", "create", *create)
        until(lambda: "worker-enough" in server.hearing("meeting", "check", "cast", "--json"), 90, "the speech model")
        air.cut()
        air.start(ahead_s=9.0)
        server.hearing("meeting", "open", "cast")
        until(lambda: heard(reader) == {"en", "fr"}, 60, "words of both channels")
        before = {channel: len(heard_words(reader, channel)) for channel in ("en", "fr")}
        air.cut()
        time.sleep(AWAY_S)
        air.heal()
        back_s = time.monotonic()
        until(lambda: reader.state == "live" and len(stretches(server, "audio-fr")) == 2, 30, "the second run")
        resumed_s = time.monotonic() - back_s
        until(lambda: all(len(heard_words(reader, one)) > before[one] + 5 for one in before), 60, "words after it")
        runs = {name: stretches(server, name) for name in ("audio-en", "audio-fr", "video")}
        words = {channel: len(heard_words(reader, channel)) for channel in before}
        assert reader.fault == ""
    gaps = {name: round(two[0][0] - sum(one[-1]), 3) for name, (one, two) in runs.items()}
    logger.info("%s", json.dumps({"viewer_resumes_s": round(resumed_s, 2), "gap_s": gaps, "words": words}))
    for one in runs.values():
        places = [place for stretch in one for place in stretch]
        assert all(sum(before) <= after[0] + 0.05 for before, after in pairwise(places)), "t only grows"
    assert all(AWAY_S - 6 < gap < AWAY_S + 6 for gap in gaps.values())


def heard(reader: Reader) -> set[str]:
    """Return the channels of which there are words."""
    return {segment.partition(".")[0] for segment, words in reader.words.items() if words}


def heard_words(reader: Reader, channel: str) -> list[str]:
    """Return the words of a channel."""
    return [word for name, words in reader.words.items() if name.partition(".")[0] == channel for word in words]
