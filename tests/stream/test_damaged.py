"""A recording that is damaged keeps no sound that had to go: what does not say where it sounds goes whole."""

import asyncio
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hearing.errors import Unavailable
from hearing.store.folder import FolderStore
from hearing.stream import cmaf, index
from hearing.stream.erasure import StillThere, erase_picture, erase_sound
from hearing.stream.recording import Recording
from tests.stream.made import decoded, make
from tests.stream.relaying import meeting, place

SECONDS = 8.0
FOLDER = "one/audio-en"
SPAN = (2900.0, 3050.0)
HELD = 1
"""The segment that holds the span: 2 to 4 seconds."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of a tone that never pauses, and of a picture."""
    folder = tmp_path_factory.mktemp("recorded")
    beeps = [n / 10 for n in range(int(SECONDS * 10))]
    source = make(folder / "a.mkv", seconds=(SECONDS,), beeps=beeps, picture="libx264")

    async def record() -> None:
        async with place(folder / "media") as here:
            await here.relay(meeting(source, "en")).run()

    asyncio.run(record())
    return folder / "media"


@pytest.fixture
def media(recorded: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return Path(shutil.copytree(recorded, tmp_path / "media"))


def zeros(content: bytes) -> bytes:
    return bytes(len(content))


def noise(content: bytes) -> bytes:
    return random.Random(7).randbytes(len(content))


def cut(content: bytes) -> bytes:
    return content[: len(content) - 700]


def first_fragment(content: bytes) -> bytes:
    return content[: cmaf.fragments(content)[0].end]


def longer(content: bytes) -> bytes:
    return content + content[-500:]


def box(content: bytes, kind: bytes, at: int, value: int) -> bytes:
    """Return the content with another number of four bytes in the last box of a kind."""
    place = content.rfind(kind) + 4 + at
    return content[:place] + value.to_bytes(4) + content[place + 4 :]


def moved_data(content: bytes) -> bytes:
    return box(content, b"trun", 8, 4000)


def shrunk_frame(content: bytes) -> bytes:
    return box(content, b"trun", 12, 1)


def fewer_frames(content: bytes) -> bytes:
    return box(content, b"trun", 4, 2)


def no_sizes(content: bytes) -> bytes:
    return box(content, b"trun", 0, 0x01000001)


def another_time(content: bytes) -> bytes:
    return box(content, b"tfdt", 8, 9_000_000)


def another_box(content: bytes) -> bytes:
    return content.replace(b"mdat", b"free")


DAMAGES = (
    zeros,
    noise,
    cut,
    first_fragment,
    longer,
    moved_data,
    shrunk_frame,
    fewer_frames,
    no_sizes,
    another_time,
    another_box,
)


def left_of(now: bytes, was: bytes) -> int:
    """Return how many pieces of 24 bytes of the frames of a segment stand in other bytes."""
    places = [place for found in cmaf.fragments(was) for place in found.samples]
    pieces = {was[at : at + 24] for start, end in places for at in range(start, end - 24, 24)}
    return sum(piece in now for piece in pieces)


def kept(media: Path, msn: int = HELD) -> bytes:
    return (media / f"{FOLDER}/{msn}.m4s").read_bytes()


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_segment_becomes_silence_of_its_own_length(
    damage: Callable[[bytes], bytes], media: Path
) -> None:
    was, before = kept(media), kept(media, 0)
    (media / f"{FOLDER}/{HELD}.m4s").write_bytes(damage(was))
    async with FolderStore(media) as store:
        assert await erase_sound(store, "one", "en", *SPAN) == 1
        now = kept(media)
        assert (len(now), left_of(now, was)) == (len(was), 0)
        assert await erase_sound(store, "one", "en", *SPAN) == 0, "a repeat finds nothing more"
    init = (media / f"{FOLDER}/init-1.mp4").read_bytes()
    sound, hz = decoded(init + before + now + kept(media, 2))
    assert np.abs(sound[int(0.5 * hz) : int(1.9 * hz)]).max() > 0.05
    assert not sound[int(2.1 * hz) : int(3.9 * hz)].any()
    assert np.abs(sound[int(4.2 * hz) : int(5.9 * hz)]).max() > 0.05


@pytest.mark.parametrize("damage", [b"", b"\0" * 900, None])
async def test_what_no_init_segment_explains_goes_whole(damage: bytes | None, media: Path) -> None:
    init = media / f"{FOLDER}/init-1.mp4"
    if damage is None:
        init.unlink()
    else:
        init.write_bytes(damage)
    async with FolderStore(media) as store:
        assert await erase_sound(store, "one", "en", *SPAN) == 1
    assert not (media / f"{FOLDER}/{HELD}.m4s").exists()
    assert (media / f"{FOLDER}/0.m4s").exists()


@pytest.mark.parametrize("known", [0, 1, 3])
async def test_sound_that_the_index_lost_is_found_by_its_own_times(known: int, media: Path) -> None:
    was = [kept(media, msn) for msn in range(4)]
    lines = (media / f"{FOLDER}/{index.INDEX}").read_bytes().splitlines(keepends=True)
    del lines[HELD]
    (media / f"{FOLDER}/{index.INDEX}").write_bytes(b"".join(lines[:known]))
    async with FolderStore(media) as store:
        assert await erase_sound(store, "one", "en", *SPAN) == 1
        assert len(await Recording(store, "one").entries("audio-en")) == min(known, len(lines))
    (hz,) = {decoded((media / f"{FOLDER}/init-1.mp4").read_bytes() + kept(media, msn))[1] for msn in (0, 1)}
    sound, _ = decoded(b"".join((media / f"{FOLDER}/{name}").read_bytes() for name in ("init-1.mp4", "0.m4s", "1.m4s")))
    assert not sound[int(2.9 * hz) : int(3.05 * hz)].any()
    assert np.abs(sound[int(3.3 * hz) : int(3.8 * hz)]).max() > 0.05, "the rest of it stays"
    assert [kept(media, msn) == was[msn] for msn in (0, 2, 3)] == [True] * 3


async def test_a_damaged_segment_that_no_index_knows_goes_whole(media: Path) -> None:
    (media / f"{FOLDER}/{index.INDEX}").write_bytes(b"")
    (media / f"{FOLDER}/{HELD}.m4s").write_bytes(cut(kept(media)))
    async with FolderStore(media) as store:
        await erase_sound(store, "one", "en", *SPAN)
    assert [(media / f"{FOLDER}/{msn}.m4s").exists() for msn in range(4)] == [True, False, True, True]


async def test_a_picture_that_the_index_lost_goes_too(media: Path) -> None:
    (media / f"one/video/{index.INDEX}").write_bytes(b"")
    async with FolderStore(media) as store:
        assert await erase_picture(store, "one", *SPAN) > 0
    assert not (media / f"one/video/{HELD}.m4s").exists()


async def test_what_the_disk_refuses_is_named_and_the_rest_goes(media: Path) -> None:
    was = kept(media)
    (media / f"{FOLDER}/{HELD}.m4s").unlink()
    (media / f"{FOLDER}/{HELD}.m4s").mkdir()
    async with FolderStore(media) as store:
        with pytest.raises(StillThere) as raised:
            await erase_sound(store, "one", "en", 2900, 4500)
        still = raised.value
        assert isinstance(still, Unavailable)
        assert (still.channel, still.t0) == ("en", 2900)
        assert 3900 < still.t1 < 4100
        assert "en from 2.9 s" in str(still)
        init = (media / f"{FOLDER}/init-1.mp4").read_bytes()
        sound, hz = decoded(init + kept(media, 2))
        assert not sound[: int(0.4 * hz)].any(), "the segment after it is done"
        (media / f"{FOLDER}/{HELD}.m4s").rmdir()
        (media / f"{FOLDER}/{HELD}.m4s").write_bytes(was)
        assert await erase_sound(store, "one", "en", 2900, 4500) == 1


async def test_a_folder_that_cannot_be_read_is_sound_that_is_still_there(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_prefix: str) -> list[str]:
        raise Unavailable("The disk refuses.")

    async with FolderStore(media) as store:
        monkeypatch.setattr(store, "names", refused)
        with pytest.raises(StillThere) as sound:
            await erase_sound(store, "one", "en", *SPAN)
        with pytest.raises(StillThere) as picture:
            await erase_picture(store, "one", *SPAN)
    told = [(one.value.channel, one.value.t0, one.value.t1) for one in (sound, picture)]
    assert told == [("en", *SPAN), ("", *SPAN)]
