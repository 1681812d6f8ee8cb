"""What was recorded can be heard again, from any sample, as it was heard the first time."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from hearing.errors import NotFound, Refused
from hearing.stream.recording import Recording
from hearing.stream.tap import decode_file
from tests.stream.made import BEEPS, SECONDS, make, onsets
from tests.stream.relaying import Place, meeting, place, placed

LONG_S = 80.0
SUBSAMPLE = 0.02
"""RMS of what a third of a sample makes of the beeps: 48 kHz frames do not begin on 16 kHz samples."""


@pytest.fixture
async def recorded(tmp_path: Path) -> AsyncIterator[Place]:
    """A recording longer than what is decoded at a time."""
    async with place(tmp_path / "media") as here:
        beeps = [0.5 + 1.5 * number for number in range(52)]
        source = make(tmp_path / "a.mp4", seconds=(LONG_S, 10.0), picture="libx264", beeps=beeps)
        await here.relay(meeting(source, "en", "fr")).run()
        yield here


async def test_sound_heard_again_is_what_the_ear_heard(recorded: Place) -> None:
    again = [(sample, pcm) async for _, sample, pcm in Recording(recorded.store, "one").pcm("en", 0)]
    ends = [sample + len(pcm) // 2 for sample, pcm in again]
    assert [sample for sample, _ in again][1:] == ends[:-1]  # gapless
    first, second = recorded.ear.sound("en"), placed(again)
    size = int((LONG_S - 1) * 16_000)
    assert np.allclose(onsets(first, 16_000), onsets(second, 16_000), atol=0.002)
    assert np.sqrt(np.mean((first[:size] - second[:size]) ** 2)) < SUBSAMPLE


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 1.0), (12.3456, 13.5), (29.9, 61.1), (79.0, None), (90.0, None)])
async def test_any_stretch_can_be_heard_again(start_s: float, end_s: float | None, recorded: Place) -> None:
    start, end = int(start_s * 16_000), None if end_s is None else int(end_s * 16_000)
    again = [(sample, pcm) async for _, sample, pcm in Recording(recorded.store, "one").pcm("en", start, end)]
    whole = recorded.ear.sound("en")
    stop = len(whole) if end is None else end
    assert sum(len(pcm) // 2 for _, pcm in again) == pytest.approx(max(0, stop - start), abs=500)
    if again:
        assert again[0][0] == start
        part = placed([(sample - start, pcm) for sample, pcm in again])[: len(whole) - start]
        assert np.sqrt(np.mean((part - whole[start : start + len(part)]) ** 2)) < SUBSAMPLE


async def test_tracks_say_what_was_recorded(recorded: Place) -> None:
    tracks = await Recording(recorded.store, "one").tracks()
    assert [(one.track.name, one.track.channel, one.codec, one.plays) for one in tracks] == [
        ("audio-en", "en", "mp4a.40.2", True),
        ("audio-fr", "fr", "mp4a.40.2", True),
        ("video", "", tracks[2].codec, True),
    ]
    assert tracks[2].codec.startswith("avc1.")
    assert all(0 < one.mean_bps <= one.peak_bps for one in tracks)


async def test_nothing_is_said_of_a_meeting_that_was_never_recorded(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        recording = Recording(here.store, "one")
        assert await recording.tracks() == []
        assert await recording.entries("audio-en") == []
        assert [frame async for frame in recording.pcm("en", 0)] == []


async def test_a_segment_not_yet_indexed_can_be_heard_again(recorded: Place) -> None:
    path = recorded.folder / "one/audio-fr/index.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    again = [(sample, pcm) async for _, sample, pcm in Recording(recorded.store, "one").pcm("fr", 0)]
    assert len(placed(again)) >= 10 * 16_000


@pytest.mark.parametrize(
    ("name", "codec", "rate", "layout"),
    [("a.mp4", "aac", 48_000, "5.1"), ("a.flac", "flac", 96_000, "mono"), ("a.mp3", "libmp3lame", 44_100, "stereo")],
)
def test_a_file_is_decoded_for_the_command_line(name: str, codec: str, rate: int, layout: str, tmp_path: Path) -> None:
    samples = decode_file(make(tmp_path / name, codec, rate=rate, layout=layout))
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(SECONDS * 16_000, abs=1000)
    assert np.allclose(onsets(samples, 16_000), BEEPS, atol=0.005)


def test_a_file_that_cannot_be_decoded_says_why(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no sound")
    with pytest.raises(NotFound, match="no file"):
        decode_file(tmp_path / "nowhere.mp4")
    with pytest.raises(NotFound, match="1 audio tracks"):
        decode_file(make(tmp_path / "a.mp4"), track=1)
    with pytest.raises(Refused):
        decode_file(tmp_path / "text.mp4")
