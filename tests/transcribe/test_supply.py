"""The audio on its way to a worker: never more than it can hear, and a hole in it holds nothing up."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from hearing.events import RATE_HZ
from hearing.transcribe.lane import Lane
from hearing.transcribe.protocol import Gap
from hearing.transcribe.session import Said
from hearing.transcribe.supply import WINDOW, Supply

FRAME = 3200
TICK_MS = 1000


class Hearing:
    """Hears all it is given at once."""

    heard = settled = 0

    def hear(self, run: int, sample: int, pcm: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        self.heard = max(self.heard, sample + len(pcm))

    def step(self, *, draft: bool) -> list[Said]:
        self.settled = self.heard
        return []


async def nothing(_channel: str, _start: int, _end: int | None) -> AsyncIterator[tuple[int, int, bytes]]:
    return
    yield


async def turn(lane: Lane, supply: Supply) -> None:
    """Let the worker hear what has reached it, and say so."""
    for _ in range(5):
        await asyncio.sleep(0)
    while lane.wants:
        lane.hear(lane.take(), draft=True, last=False)
        lane.said(lane.reached)
        heard = lane.heard(TICK_MS)
        supply.progress(heard.sample, heard.settled)
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.mark.parametrize("hole_s", [0, 20, 31, 60, 600])
@pytest.mark.parametrize("first_frames", [50, 52, 54])
@pytest.mark.parametrize("silence", [True, False])
async def test_after_a_hole_of_any_length_hearing_goes_on(hole_s: int, first_frames: int, silence: bool) -> None:
    supply = Supply("en", nothing)
    supply.begin(0)
    lane = Lane(1, Hearing, 0.0)  # type: ignore[arg-type] # what a lane uses of a session

    async def feed() -> None:
        async for chunk in supply.audio(0):
            lane.add(chunk.run, chunk.sample, chunk.pcm, 0.0)

    async with asyncio.TaskGroup() as group:
        feeding = group.create_task(feed())
        at = 0
        for number in range(first_frames + 300):
            if number == first_frames:
                if silence:
                    supply.hear(0, at, b"")
                at += hole_s * RATE_HZ
            supply.hear(1, at, bytes(2 * FRAME))
            at += FRAME
            await turn(lane, supply)
        feeding.cancel()
    assert at - lane.heard(0).sample < 2 * RATE_HZ


async def test_a_worker_that_hears_nothing_is_sent_no_more_than_the_window() -> None:
    supply = Supply("en", nothing)
    supply.begin(0)
    for number in range(60 * 5):
        supply.hear(1, number * FRAME, bytes(2 * FRAME))
    sent: list[int] = []

    async def feed() -> None:
        async for chunk in supply.audio(0):
            sent.append(len(chunk.pcm) // 2)

    feeding = asyncio.ensure_future(feed())
    for _ in range(1000):
        await asyncio.sleep(0)
    feeding.cancel()
    assert WINDOW <= sum(sent) <= WINDOW + 2 * FRAME


@pytest.mark.parametrize(("frames", "begin_s"), [(3000, 0), (3001, 570.2)], ids=["ten minutes", "a frame more"])
async def test_a_worker_further_behind_than_ten_minutes_goes_on_half_a_minute_behind(
    frames: int, begin_s: float
) -> None:
    supply, begin = Supply("en", nothing), round(begin_s * RATE_HZ)
    supply.begin(0)
    for number in range(frames):
        supply.hear(1, number * FRAME, bytes(2 * FRAME))
    supply.finish()
    at = begin
    async for chunk in supply.audio(0):
        assert chunk.sample == at
        at = chunk.end
        supply.progress(at, at)
    assert at == frames * FRAME
    left_out, kept = Gap(1, 0, max(1, begin // 16), "not-recorded"), Gap(1, begin // 16, at // 16, "not-recorded")
    assert (supply.reason(left_out) == "overload") is (begin > 0)
    assert supply.reason(kept) == "not-recorded"
