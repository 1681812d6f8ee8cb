"""A slow or full disk costs the recording, never the sound, and is said aloud."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from hearing.errors import Unavailable
from hearing.store.folder import FolderStore
from hearing.stream import cmaf, recorder
from hearing.stream.frames import Init, Part
from hearing.stream.recorder import Recorder
from hearing.stream.recording import Recording
from hearing.stream.repair import repair
from tests.stream.made import make
from tests.stream.relaying import KeptEar, Place, meeting, place
from tests.stream.test_crash import make_init


class FullStore(FolderStore):
    """A folder on a disk that has no room between two appends."""

    def __init__(self, path: Path, no_room: Sequence[int]) -> None:
        super().__init__(path)
        self._no_room = set(no_room)
        self._appends = 0

    async def append(self, name: str, chunk: bytes) -> int:
        self._appends += 1
        if self._appends in self._no_room:
            await super().append(name, chunk[: len(chunk) // 2])
            raise Unavailable("The disk is full.")
        return await super().append(name, chunk)


class StuckStore(FolderStore):
    """A folder whose disk does not answer until told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.answers = asyncio.Event()

    async def append(self, name: str, chunk: bytes) -> int:
        await self.answers.wait()
        return await super().append(name, chunk)


def part(number: int, size: int = 50) -> Part:
    """Make one half of a two-second segment."""
    content = cmaf.fragment(number + 1, number * 48_000, [cmaf.Sample(b"x" * size, 48_000)])
    return Part("audio-en", number * 1000, 1000, 1, size, number % 2 == 0, number % 2 == 1, content)


async def record(store: FolderStore, parts: Sequence[Part], next_msn: dict[str, int] | None = None) -> None:
    async with asyncio.TaskGroup() as group:
        writing = Recorder(store, "one", 1, {} if next_msn is None else next_msn, group)
        writing.put(Init("audio-en", "mp4a.40.2", make_init()))
        for one in parts:
            writing.put(one)
            await asyncio.sleep(0)
        await writing.finish()


async def test_segments_are_numbered_on_from_what_there_is(tmp_path: Path) -> None:
    async with FolderStore(tmp_path) as store:
        next_msn = {"audio-en": 7}
        await record(store, [part(number) for number in range(5)], next_msn)
        entries = await Recording(store, "one").entries("audio-en")
        assert [(entry.msn, entry.t0, entry.duration_ms) for entry in entries] == [
            (7, 0, 2000),
            (8, 2000, 2000),
            (9, 4000, 1000),
        ]
        assert next_msn == {"audio-en": 10}


@pytest.mark.parametrize("no_room", [[1], [2], [3], [4], [5], [1, 2, 3], [6], [3, 4, 5, 6, 7]])
async def test_a_disk_that_was_full_leaves_a_hole_and_a_recording_that_is_whole(
    no_room: list[int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with FullStore(tmp_path, no_room) as store:
        await record(store, [part(number) for number in range(14)])
        entries = await Recording(store, "one").entries("audio-en")
        assert [entry.msn for entry in entries] == list(range(len(entries)))
        assert 2 <= len(entries) < 7
        for entry in entries:
            content = await store.read(f"one/audio-en/{entry.msn}.m4s")
            assert len(content) == entry.size == cmaf.whole(content)
            assert cmaf.fragments(content)[0].decode_time == entry.t0 * 48
        kept = await repair(store, "one")
        assert kept.next_msn["audio-en"] == len(entries)
    said = [record_.message.split()[0] for record_ in caplog.records]
    assert said[:2] == ["recording_stopped", "recording_resumed"]


async def test_a_disk_that_is_behind_loses_whole_segments_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "QUEUE_BYTES", 2000)
    caplog.set_level(logging.INFO)
    async with StuckStore(tmp_path) as store, asyncio.timeout(60):
        async with asyncio.TaskGroup() as group:
            writing = Recorder(store, "one", 1, {}, group)
            writing.put(Init("audio-en", "mp4a.40.2", make_init()))
            for number in range(40):
                writing.put(part(number))
            store.answers.set()
            number = 40
            while "recording_caught_up" not in caplog.text or number % 2:
                writing.put(part(number))
                number += 1
                await asyncio.sleep(0.01)
            await writing.finish()
        entries = await Recording(store, "one").entries("audio-en")
    assert entries[-1].end == number * 1000
    assert 2 <= len(entries) < 20
    assert all(entry.duration_ms <= 2000 for entry in entries)
    assert "recording_behind" in caplog.text


async def test_the_ear_hears_everything_while_the_disk_is_full(tmp_path: Path) -> None:
    one = meeting(make(tmp_path / "a.mp4"))
    async with place(tmp_path / "unused") as usual, FullStore(tmp_path / "media", range(1000)) as store:
        here = Place(usual.log, store, KeptEar(), tmp_path)
        async with asyncio.timeout(60):
            await here.relay(one).run()
        assert len(here.ear.sound("en")) >= 6 * 16_000
        assert await Recording(store, "one").entries("audio-en") == []
