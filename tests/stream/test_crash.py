"""A relay is killed -9 while it records: what was written stays, and the next one goes on."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

from hearing.events import Ended, RunEnded, RunStarted, decode_public, encode, public_stream
from hearing.log.sqlite import SqliteLog
from hearing.store.folder import FolderStore
from hearing.stream import cmaf, hls
from hearing.stream.recording import Recording
from hearing.stream.repair import repair
from tests.site.serving_media import serving
from tests.stream.made import SECONDS, decoded, make, onsets, shown_frames
from tests.stream.relaying import KeptEar, Place, house, meeting, placed, until

RENDITIONS = ("audio-en", "audio-fr", "video")
_BEEPS = [0.25 + 0.5 * number for number in range(12)]


@contextmanager
def relaying(folder: Path, source: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a relay; it is killed -9 on the way out."""
    process = subprocess.Popen([sys.executable, "-m", "tests.stream.relay_process", str(folder), str(source)])
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def children_of(pid: int) -> list[int]:
    listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in listing.stdout.split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def bytes_in(folder: Path, rendition: str) -> int:
    return sum(path.stat().st_size for path in (folder / "media/one" / rendition).glob("*.m4s"))


def written(folder: Path, rendition: str, least: int) -> Callable[[], bool]:
    return lambda: len(list((folder / "media/one" / rendition).glob("*.m4s"))) >= least


async def test_a_recording_survives_kills_and_goes_on_with_a_discontinuity(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", seconds=(SECONDS, SECONDS), picture="libx264", beeps=_BEEPS)
    killed_at: list[dict[str, int]] = []
    sources: list[int] = []
    for lap in range(3):
        with relaying(tmp_path, source) as process:
            await until(written(tmp_path, "video", 2 + 2 * lap), f"segments of lap {lap}")
            await asyncio.sleep(0.7 * lap)  # not always just after a segment
            sources += children_of(process.pid)
        killed_at.append({rendition: bytes_in(tmp_path, rendition) for rendition in RENDITIONS})
    async with FolderStore(tmp_path / "media") as store, SqliteLog(tmp_path / "log.db") as log:
        await repair(store, "one")
        events = [decode_public(record.body) for record in await log.read(public_stream("one"), 0)]
        assert [event.run for event in events if isinstance(event, RunStarted)] == [1, 2, 3]
        assert [event.reason for event in events if isinstance(event, RunEnded)] == ["restart", "restart"]
        recording = Recording(store, "one")
        for rendition in RENDITIONS:
            await _is_whole(recording, rendition)
            kept = sum(entry.size for entry in await recording.entries(rendition))
            assert kept == killed_at[-1][rendition]  # fragments are written whole: nothing had to be cut
        again = [(sample, pcm) async for _, sample, pcm in recording.pcm("en", 0)]
        phases = np.array(onsets(placed(again), 16_000)) % 0.5
        assert len(phases) > 6
        assert np.median(np.abs(phases - np.median(phases))) < 0.03
        await log.append(public_stream("one"), [encode(Ended(0))])
        here = Place(log, store, KeptEar(), tmp_path)
        async with serving(here, house(meeting(source, "en", "fr"))) as url:
            played = await asyncio.to_thread(_seconds_played, f"{url}/media/one/master.m3u8")
        recorded = sum(entry.duration_ms for entry in await recording.entries("audio-en")) / 1000
        assert played >= recorded - 0.2
    assert len(sources) == 3
    await until(lambda: not any(map(alive, sources)), "the children to leave")


def _seconds_played(url: str) -> float:
    """Play a playlist over its discontinuities with the media library; return how much sound came."""
    with av.open(url, timeout=10) as container:
        stream = container.streams.audio[0]
        return sum(frame.samples for frame in container.decode(stream)) / (stream.rate or 1)


async def _is_whole(recording: Recording, rendition: str) -> None:
    entries = await recording.entries(rendition)
    assert [entry.msn for entry in entries] == list(range(len(entries)))
    assert sorted({entry.run for entry in entries}) == [1, 2, 3]
    assert hls.media(entries, 0, over=False).count("#EXT-X-DISCONTINUITY\n") == 2
    assert len(re.findall("EXT-X-MAP", hls.media(entries, 0, over=True))) == 3
    for run in (1, 2, 3):
        content = await recording.init(rendition, run)
        for entry in (entry for entry in entries if entry.run == run):
            segment = await recording.segment(rendition, entry.msn)
            assert len(segment) == entry.size == cmaf.whole(segment)
            content += segment
        if rendition == "video":
            assert len(shown_frames(content)) > 20
        else:
            samples, _ = decoded(content)
            assert len(samples) > 0


async def test_a_torn_segment_is_cut_to_its_last_whole_part_and_a_torn_index_line_is_taken_back(tmp_path: Path) -> None:
    parts = [cmaf.fragment(number, number * 48_000, [cmaf.Sample(b"x" * 50, 48_000)]) for number in range(4)]
    init = make_init()
    async with FolderStore(tmp_path) as store:
        await store.replace("one/audio-en/init-1.mp4", init)
        await store.append("one/audio-en/0.m4s", parts[0] + parts[1])
        line = b'{"msn":0,"run":1,"t0":0.0,"duration_ms":2000.0,"size":%d}\n' % len(parts[0] + parts[1])
        await store.append("one/audio-en/index.jsonl", line + b'{"msn":1,"ru')
        await store.append("one/audio-en/1.m4s", parts[2] + parts[3][:-5])
        kept = await repair(store, "one")
        assert kept.next_msn == {"audio-en": 2}
        assert kept.end == 3000
        entries = await Recording(store, "one").entries("audio-en")
        assert [(entry.msn, entry.run, entry.t0, entry.duration_ms) for entry in entries] == [
            (0, 1, 0, 2000),
            (1, 1, 2000, 1000),
        ]
        assert await store.size("one/audio-en/1.m4s") == len(parts[2])
        assert (await repair(store, "one")) == kept


async def test_a_segment_without_one_whole_part_is_forgotten(tmp_path: Path) -> None:
    part = cmaf.fragment(1, 0, [cmaf.Sample(b"x" * 50, 48_000)])
    async with FolderStore(tmp_path) as store:
        await store.replace("one/audio-en/init-1.mp4", make_init())
        await store.append("one/audio-en/0.m4s", part[:-1])
        assert (await repair(store, "one")).next_msn == {"audio-en": 0}
        assert await store.size("one/audio-en/0.m4s") is None


def make_init() -> bytes:
    """Return an init segment of 48 kHz AAC."""
    from hearing.stream.sound import AacEncoder

    return AacEncoder(lambda at, frame: None).init
