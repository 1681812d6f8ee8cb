"""A relay keeps its source playing, and says in the log how that goes."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hearing.events import ClockStarted, RunEnded, RunStarted, encode, public_stream
from hearing.stream import relay as relay_module
from hearing.stream.recording import Recording
from tests.stream.made import BEEPS, decoded, make, onsets
from tests.stream.relaying import Place, meeting, place, placed, until


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    async with place(tmp_path / "media") as made:
        yield made


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    yield
    assert children() == []


def children() -> list[int]:
    """Return the pids of this process's source children."""
    listing = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    ).stdout
    return [int(line.split()[0]) for line in listing.splitlines() if "hearing.stream.source" in line]


async def test_a_file_plays_once_and_every_beep_is_in_its_place(here: Place, tmp_path: Path) -> None:
    one = meeting(make(tmp_path / "a.mkv", "flac", seconds=(6.0, 6.0)), "en", "fr")
    await here.relay(one).run()
    started, run, ended = await here.events()
    assert isinstance(started, ClockStarted)
    assert run == RunStarted(1, 0)
    assert isinstance(ended, RunEnded)
    assert (ended.run, ended.reason) == (1, "ended")
    recording = Recording(here.store, "one")
    for channel in ("en", "fr"):
        assert np.allclose(onsets(here.ear.sound(channel), 16_000), BEEPS, atol=0.005)
        content = await recording.init(f"audio-{channel}", 1)
        for entry in await recording.entries(f"audio-{channel}"):
            content += await recording.segment(f"audio-{channel}", entry.msn)
        assert np.allclose(onsets(*decoded(content)), BEEPS, atol=0.005)
        again = [(sample, pcm) async for _, sample, pcm in recording.pcm(channel, 0)]
        assert np.allclose(onsets(placed(again), 16_000), BEEPS, atol=0.005)
    assert {channel for channel, _ in here.ear.silences} == {"en", "fr"}


async def test_a_source_plays_no_faster_than_life(here: Place, tmp_path: Path) -> None:
    one = meeting(make(tmp_path / "a.mp4", seconds=(2.0,)))
    loop = asyncio.get_running_loop()
    before = loop.time()
    await here.relay(one, hurry=False).run()
    assert loop.time() - before > 1.9


async def test_frames_for_the_ear_are_gapless_and_of_200_ms(here: Place, tmp_path: Path) -> None:
    await here.relay(meeting(make(tmp_path / "a.opus", "libopus"))).run()
    sizes = [len(pcm) for _, _, _, pcm in here.ear.heard]
    assert set(sizes[:-1]) == {6400}
    samples = [sample for _, _, sample, _ in here.ear.heard]
    assert samples == [number * 3200 for number in range(len(samples))]


async def test_a_missing_source_is_a_state_said_once_and_taken_up_when_it_is_there(here: Place, tmp_path: Path) -> None:
    path = tmp_path / "later.mp4"
    async with asyncio.TaskGroup() as group:
        work = group.create_task(here.relay(meeting(path)).run())
        async with asyncio.timeout(60):
            await here.log.wait(public_stream("one"), 0)
            await asyncio.sleep(1.5)  # time to try again, and to say nothing
        assert await here.events() == [RunEnded(0, 0, "missing")]
        make(tmp_path / "made.mp4", seconds=(1.0,)).rename(path)
        async with asyncio.timeout(60):
            await work
    assert [type(event) for event in await here.events()] == [RunEnded, ClockStarted, RunStarted, RunEnded]


@pytest.mark.parametrize(("kind", "reason"), [("text", "unreadable"), ("picture", "no-audio"), ("url", "unreadable")])
async def test_a_source_that_cannot_be_played_says_why(kind: str, reason: str, here: Place, tmp_path: Path) -> None:
    source: Path | str = tmp_path / "a.mp4"
    if kind == "text":
        (tmp_path / "a.mp4").write_text("no film")
    elif kind == "picture":
        make(tmp_path / "a.mp4", seconds=(), picture="libx264")
    else:
        source = "https://example.org/live.m3u8"
    work = asyncio.ensure_future(here.relay(meeting(source)).run())
    try:
        async with asyncio.timeout(60):
            await here.log.wait(public_stream("one"), 0)
        assert await here.events() == [RunEnded(0, 0, reason)]  # type: ignore[arg-type]  # a parameter
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def test_a_killed_source_comes_back_as_a_new_run_with_a_gap(here: Place, tmp_path: Path) -> None:
    one = meeting(make(tmp_path / "a.mp4", seconds=(8.0,), beeps=[0.5 * n for n in range(16)]))
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(here.relay(one, hurry=False).run())
        await until(lambda: len(here.ear.heard) >= 10, "two seconds of sound")
        os.kill(children()[0], signal.SIGKILL)
    events = await here.events()
    assert [type(event) for event in events] == [ClockStarted, RunStarted, RunEnded, RunStarted, RunEnded]
    killed, again = events[2], events[3]
    assert isinstance(killed, RunEnded)
    assert isinstance(again, RunStarted)
    assert killed.reason == "killed"
    assert killed.t < again.t < killed.t + 5000
    assert here.ear.silences[0][1] <= again.t * 16
    begins = again.t / 1000  # in the middle of a beep, perhaps: then that one sounds from there on
    heard = [at for at in onsets(here.ear.sound("en"), 16_000) if not begins <= at < begins + 0.1]
    assert len(heard) >= 8
    assert np.allclose(np.array(heard) * 2 % 1 % 0.98, 0, atol=0.06)
    entries = await Recording(here.store, "one").entries("audio-en")
    assert [entry.msn for entry in entries] == list(range(len(entries)))
    assert {entry.run for entry in entries} == {1, 2}
    assert all(after.t0 >= before.end - 0.1 for before, after in pairwise(entries))


async def test_a_file_that_breaks_off_is_lost_and_not_over(here: Place, tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", seconds=(8.0,))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    work = asyncio.ensure_future(here.relay(meeting(path), hurry=False).run())
    try:
        await until(lambda: bool(here.ear.silences), "the file to break off")
        async with asyncio.timeout(60):
            await here.log.wait(public_stream("one"), 2)
        broken = (await here.events())[2]
        assert isinstance(broken, RunEnded)
        assert (broken.run, broken.reason) == (1, "lost")
        path.write_bytes(whole)  # its copying has gone on meanwhile
        async with asyncio.timeout(60):
            await work
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
    last = (await here.events())[-1]
    assert isinstance(last, RunEnded)
    assert last.reason == "ended"
    assert last.t >= 7900


async def test_a_looped_file_that_was_replaced_by_another_kind_begins_a_new_run(here: Place, tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", seconds=(2.0,))
    other = make(tmp_path / "b.mkv", "flac", seconds=(2.0, 2.0), picture="libx264", rate=44_100)
    work = asyncio.ensure_future(here.relay(meeting(path, loop=True), hurry=False).run())
    try:
        await until(lambda: len(here.ear.heard) >= 2, "sound")
        other.replace(path)
        await until(lambda: any(run == 2 for _, run, _, _ in here.ear.heard), "the other file")
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
    assert [event.reason for event in await here.events() if isinstance(event, RunEnded)] == ["lost"]


async def test_closing_a_meeting_reaps_its_source_and_keeps_what_was_recorded(here: Place, tmp_path: Path) -> None:
    work = asyncio.ensure_future(here.relay(meeting(make(tmp_path / "a.mp4")), hurry=False).run())
    await until(lambda: len(here.ear.heard) >= 8, "sound")
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert children() == []
    entries = await Recording(here.store, "one").entries("audio-en")
    assert entries[-1].end > 900


async def test_a_run_left_open_is_ended_by_the_next_relay_and_t_goes_on(here: Place, tmp_path: Path) -> None:
    stream = public_stream("one")
    zero_ms = 1_000_000_000_000
    await here.log.append(stream, [encode(ClockStarted(zero_ms)), encode(RunStarted(1, 0))])
    relay = here.relay(meeting(make(tmp_path / "a.mp4"), loop=True))
    relay._utc_ms = lambda: zero_ms + 3_600_000
    work = asyncio.ensure_future(relay.run())
    await until(lambda: len(here.ear.heard) >= 3, "sound")
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    events = await here.events()
    assert events[2] == RunEnded(1, 0, "restart")
    assert isinstance(events[3], RunStarted)
    assert events[3].run == 2
    assert 3_600_000 <= events[3].t < 3_610_000


async def test_a_source_that_ended_is_not_played_again_after_a_restart(here: Place, tmp_path: Path) -> None:
    one = meeting(make(tmp_path / "a.mp4", seconds=(1.0,)))
    await here.relay(one).run()
    before = await here.events()
    await here.relay(one).run()
    assert await here.events() == before


async def test_a_source_that_hangs_while_it_opens_is_given_up(
    here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "_OPEN_S", 0.0)
    work = asyncio.ensure_future(here.relay(meeting(make(tmp_path / "a.mp4"))).run())
    async with asyncio.timeout(60):
        await here.log.wait(public_stream("one"), 0)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    assert await here.events() == [RunEnded(0, 0, "unreadable")]
