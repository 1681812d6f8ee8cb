"""The pace of a carrier on a simulated clock: it uses what there is, degrades in the stated order, and comes back."""

import asyncio
import itertools
import math
import selectors
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.transcribe.carry import Carrier
from hearing.transcribe.engine import Engine, Pcm
from hearing.transcribe.hands import Hands
from hearing.transcribe.pace import FULL, LATE_S, LOOK_S, STEPS, Meter, Pace, fitting, observe
from hearing.transcribe.protocol import Assign, encode, pack_pcm
from hearing.transcribe.session import Said, Session, plain
from tests.transcribe.fakes import FakeEngine

FRAME_S = 0.2
FRAME = bytes(2 * 3200)
UTTERANCE = 20
"""Frames from one end of an utterance to the next."""
SETTLED_S = 25
"""The pace has found its level by then."""


class Costs(msgspec.Struct, frozen=True):
    """Seconds of one thread: a draft, the end of an utterance, and listening to 200 ms."""

    draft_s: float = 0.3
    end_s: float = 0.3
    voice_s: float = 0.006


class Job(msgspec.Struct, frozen=True):
    """A job: when it ended, the level of the pace then, how much audio waited for it, and whether it drafted."""

    ended_s: float
    level: int
    late_s: float
    draft: bool


class Clock(selectors.SelectSelector):
    """Waits for nothing: the time that a loop would have waited has passed at once."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now_s += timeout or 0.0
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """A loop on a clock of its own."""

    def __init__(self) -> None:
        self._clock = Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now_s


class Talk:
    """A session that hears nothing, and sums up what that would take."""

    heard = settled = 0

    def __init__(self, handle: int, costs: Costs) -> None:
        self._handle, self._costs = handle, costs
        self.took_s = 0.0

    def hear(self, _run: int, sample: int, pcm: Pcm) -> None:
        self.heard = sample + len(pcm)
        ended = (sample // 3200 + 7 * self._handle) % UTTERANCE == 0
        self.took_s += self._costs.voice_s + ended * self._costs.end_s

    def step(self, *, draft: bool) -> list[Said]:
        self.took_s += draft * self._costs.draft_s
        return []


class Threads(Executor):
    """Does each job at once, and says so when it would have been done. `took` returns what jobs took since the last."""

    def __init__(self, took: Callable[[], float]) -> None:
        self._took = took

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as its base
        job, said = Future[Any](), fn(*args, **kwargs)
        asyncio.get_running_loop().call_later(self._took(), job.set_result, said)
        return job


class Watched(Hands):
    """Hands that note every job."""

    def __init__(self, threads: int, channels: int, took: Callable[[], float]) -> None:
        super().__init__(threads, channels)
        self._pool = Threads(took)  # type: ignore[assignment] # what hands use of a pool
        self.jobs: list[Job] = []

    def count(self, took_s: float, *, draft: bool, late_s: float) -> bool:
        changed = super().count(took_s, draft=draft, late_s=late_s)
        self.jobs.append(Job(asyncio.get_running_loop().time(), self.pace.level, late_s, draft))
        return changed


def carry(
    channels: int,
    threads: int,
    seconds: float,
    *,
    costs: Costs | None = None,
    slow: Callable[[float], float] = lambda _: 1.0,
    backlog_s: float = 0.0,
) -> list[Job]:
    """Carry channels that speak without pause on threads that `slow` makes slower; return the jobs."""
    talks: list[Talk] = []

    def make(assign: Assign, _engine: Engine) -> Session:
        talks.append(Talk(assign.handle, costs or Costs()))
        return talks[-1]  # type: ignore[return-value] # what a lane uses of a session

    def took() -> float:
        took_s = sum(talk.took_s for talk in talks)
        for talk in talks:
            talk.took_s = 0.0
        return took_s * slow(asyncio.get_running_loop().time())

    async def quiet(_frame: str) -> None:
        return

    async def run() -> list[Job]:
        hands = Watched(threads, channels, took)
        carrier = Carrier(FakeEngine(), send=quiet, hands=hands, make=make)
        running = asyncio.create_task(carrier.run())
        for handle in range(channels):
            await carrier.take(encode(plain(handle, "en")).decode())
        for number in range(int(seconds / FRAME_S)):
            await asyncio.sleep(number * FRAME_S - backlog_s - asyncio.get_running_loop().time())
            for handle in range(channels):
                await carrier.take(pack_pcm(handle, 1, number * 3200, FRAME))
        running.cancel()
        await asyncio.wait([running])
        return hands.jobs

    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(run())


def levels(jobs: Sequence[Job], begin_s: float = 0, end_s: float = math.inf) -> set[int]:
    """Return the levels of the pace between two moments."""
    return {job.level for job in jobs if begin_s <= job.ended_s < end_s}


def late_s(jobs: Sequence[Job]) -> float:
    """Return the most audio that waited for a job."""
    return max(job.late_s for job in jobs)


def drafts(jobs: Sequence[Job]) -> list[float]:
    """Return when drafts ended."""
    return [job.ended_s for job in jobs if job.draft]


def test_three_channels_on_two_cores_hold_ticks_of_a_second() -> None:
    jobs = carry(3, 2, 300)
    assert max(levels(jobs)) <= 1
    assert late_s(jobs) < LATE_S / 2


def test_a_busy_neighbour_stretches_ticks_but_leaves_drafts() -> None:
    jobs = carry(3, 2, 300, slow=lambda _: 2.2)
    assert levels(jobs, SETTLED_S) == {2}
    assert late_s(jobs) < LATE_S


def test_an_engine_that_is_full_at_the_slowest_pace_still_drafts_while_nothing_falls_behind() -> None:
    jobs = carry(6, 2, 300, slow=lambda _: 1.5)
    assert levels(jobs, SETTLED_S) == {2}
    assert late_s(jobs) < LATE_S
    assert len(drafts(jobs)) > 300 * 6 / 5


def test_drafts_go_where_audio_stays_unheard_without_them_too() -> None:
    jobs = carry(12, 2, 300, costs=Costs(draft_s=0.8, end_s=0.6))
    assert levels(jobs, 100) == {3}
    assert drafts(jobs)[-1] < 100


def test_the_pace_comes_back_when_the_neighbour_has_gone() -> None:
    jobs = carry(3, 2, 200, slow=lambda now_s: 6.0 if now_s < 80 else 1.0)
    assert min(levels(jobs, 68, 72)) >= 2
    assert max(levels(jobs, 115)) <= 1


def test_a_backlog_is_caught_up_with_and_forgotten() -> None:
    jobs = carry(3, 2, 200, backlog_s=30.0)
    assert late_s(jobs) > LATE_S
    assert max(levels(jobs, 60)) <= 1
    assert late_s([job for job in jobs if job.ended_s > 160]) < 1.0


def test_one_channel_on_many_threads_has_but_one_place() -> None:
    assert levels(carry(1, 8, 100, costs=Costs(draft_s=0.7)), SETTLED_S) == {1}


@pytest.mark.parametrize(("draft_s", "level"), [(0.1, 0), (0.25, 1), (0.45, 2)])
def test_ticks_stretch_in_the_stated_order(draft_s: float, level: int) -> None:
    assert levels(carry(3, 1, 200, costs=Costs(draft_s=draft_s, end_s=0.1)), SETTLED_S) == {level}


JOBS = st.lists(st.tuples(st.floats(0, 30), st.booleans(), st.floats(0, 60)), max_size=8)


@given(st.lists(JOBS, max_size=60), st.integers(1, 70))
def test_the_pace_moves_one_step_at_a_time_and_not_at_every_look(
    looks: list[list[tuple[float, bool, float]]], places: int
) -> None:
    pace, changes, now_s = Pace(), [], 0.0
    for jobs in looks:
        meter, now_s = Meter(now_s), now_s + LOOK_S
        for took_s, draft, late_s in jobs:
            meter.count(took_s, draft=draft, late_s=late_s)
        after = observe(pace, meter, now_s, places=places)
        assert 0 <= after.level < len(STEPS)
        assert after.level - pace.level in (-1, 0, 1)
        changes.append(after.level != pace.level)
        pace = after
    assert not any(one and other for one, other in itertools.pairwise(changes))


@given(st.floats(0.01, 2), st.integers(1, 32))
def test_as_many_channels_fit_as_leave_the_engine_some_room(draft_s: float, threads: int) -> None:
    fit = fitting(draft_s, threads, 1000)
    assert fit * draft_s <= FULL * threads < (fit + 1) * draft_s + 1e-9
