"""Silence in the place of coded sound: exact where it is asked for, and not a bit of anything else changes."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearing.store.folder import FolderStore
from hearing.stream import cmaf, silent
from hearing.stream.cmaf import AudioConfig
from hearing.stream.erasure import erase_picture, erase_sound
from hearing.stream.index import segment_name
from hearing.stream.recording import Recording
from tests.stream.made import Floats, decoded, make
from tests.stream.relaying import meeting, place

SECONDS = 8.0


def heard(frames: list[bytes], config: AudioConfig) -> list[Floats]:
    """Decode bare frames."""
    stream = b"".join(cmaf.adts_header(config, len(frame)) + frame for frame in frames)
    with av.open(io.BytesIO(stream), "r", format="aac") as container:
        return [frame.to_ndarray().astype(np.float32) for frame in container.decode(container.streams.audio[0])]


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 6), st.integers(1, 1500))
def test_a_silent_frame_of_any_length_decodes_to_nothing(channels: int, size: int) -> None:
    config = AudioConfig(2, 3, channels)
    frame = silent.silent_frame(config, size)
    assert len(frame) == size
    if not any(frame):
        assert size < 32, "only what is too short to hold sound is zeros"
        return
    made = heard([frame] * 6, config)
    assert len(made) >= 5
    assert all(part.shape == (channels, 1024) and not part.any() for part in made)


@pytest.mark.parametrize("channels", [7, 11, 12, 14])
def test_more_channels_than_libav_is_asked_for_here_have_a_frame_too(channels: int) -> None:
    assert any(silent.silent_frame(AudioConfig(2, 3, channels), 400))


def test_sound_that_nobody_knows_the_coding_of_is_zeros() -> None:
    assert silent.silent_frame(None, 9) == bytes(9)
    assert silent.silent_frame(AudioConfig(2, 3, 0), 9) == bytes(9)


CODINGS = (("aac", 48_000, "mono"), ("aac", 44_100, "stereo"), ("aac", 32_000, "5.1"), ("libopus", 48_000, "mono"))


@pytest.mark.parametrize(("codec", "rate", "layout"), CODINGS)
async def test_a_stretch_of_a_recording_is_silent_and_every_other_frame_is_as_it_was(
    codec: str, rate: int, layout: str, tmp_path: Path
) -> None:
    beeps = [n / 10 for n in range(int(SECONDS * 10))]
    source = make(tmp_path / "a.mkv", codec, rate=rate, layout=layout, seconds=(SECONDS,), beeps=beeps)
    async with place(tmp_path / "media") as here:
        await here.relay(meeting(source, "en")).run()
        before = await whole(here.store)
        for t0, t1 in ((2900, 3050), (3990, 4010), (0, 40), (7800, 9000)):
            await erase_sound(here.store, "one", "en", t0, t1)
        after = await whole(here.store)
        (was, hz), (now, _) = decoded(b"".join(before)), decoded(b"".join(after))
        for t0, t1 in ((2900, 3050), (3990, 4010), (0, 40), (7800, 7900)):
            span = slice(int(t0 * hz / 1000), int(t1 * hz / 1000))
            assert np.abs(was[span]).max() > 0.05
            assert not now[span].any()
        assert [len(part) for part in before] == [len(part) for part in after]
        changed = [changed_frames(one, other) for one, other in zip(before[1:], after[1:], strict=True)]
        assert 4 <= sum(len(frames) for frames in changed) < 60
        for t in (1000, 2000, 3500, 4500, 5000, 6000, 7000):
            span = slice(int(t * hz / 1000), int((t + 200) * hz / 1000))
            assert np.abs(was[span] - now[span]).max() < 0.01
        assert not [name for name in await here.store.names("one/") if name.endswith("~")]


async def whole(store: object) -> list[bytes]:
    """Return the init segment and the segments."""
    assert isinstance(store, FolderStore)
    recording = Recording(store, "one")
    entries = await recording.entries("audio-en")
    parts = [await store.read(segment_name("one", "audio-en", entry.msn)) for entry in entries]
    return [await recording.init("audio-en", 1), *parts]


def changed_frames(one: bytes, other: bytes) -> list[int]:
    """Return which frames differ; nothing outside of frames may."""
    places = [place for fragment in cmaf.fragments(one) for place in fragment.samples]
    differ = [n for n, (start, end) in enumerate(places) if one[start:end] != other[start:end]]
    patched = bytearray(one)
    for n in differ:
        start, end = places[n]
        patched[start:end] = other[start:end]
    assert bytes(patched) == other
    return differ


async def test_a_picture_goes_by_whole_segments_and_a_repeat_finds_nothing_more(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", seconds=(SECONDS,), picture="libx264")
    async with place(tmp_path / "media") as here:
        await here.relay(meeting(source, "en")).run()
        before = await here.store.names("one/video/")
        assert await erase_picture(here.store, "one", 2500, 4100) == 2
        gone = set(before) - set(await here.store.names("one/video/"))
        assert gone == {"one/video/1.m4s", "one/video/2.m4s"}
        assert await erase_picture(here.store, "one", 2500, 4100) == 2
        assert await erase_sound(here.store, "one", "en", 2500, 2600) > 0
        assert await erase_sound(here.store, "one", "en", 2500, 2600) == 0
        (here.folder / "one/audio-en/1.m4s").unlink()
        assert await erase_sound(here.store, "one", "en", 2500, 2600) == 0
