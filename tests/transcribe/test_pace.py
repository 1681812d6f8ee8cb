"""The pace, on simulated threads: it uses what the machine has, degrades in the stated order, and comes back."""

import heapq
import itertools
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.transcribe.lane import Lane, soonest
from hearing.transcribe.pace import FULL, LATE_S, LOOK_S, STEPS, Meter, Pace, fitting, observe
from hearing.transcribe.session import Session

FRAME_S = 0.2
FRAME = bytes(2 * 3200)
UTTERANCE = 20
"""Frames from one end of an utterance to the next."""


class Costs(msgspec.Struct, frozen=True):
    """Seconds of one thread: a draft, the end of an utterance, and listening to 200 ms."""

    draft_s: float = 0.3
    end_s: float = 0.3
    voice_s: float = 0.006


class Ran(msgspec.Struct):
    """What happened: the level and the most audio that waited, at each look; and when each draft ended."""

    levels: list[int] = []
    late_s: list[float] = []
    drafts: list[float] = []


def no_session() -> Session:
    raise AssertionError("nothing is heard here")


def carry(
    channels: int,
    threads: int,
    seconds: float,
    *,
    costs: Costs | None = None,
    slow: Callable[[float], float] = lambda _: 1.0,
    backlog_s: float = 0.0,
) -> Ran:
    """Carry channels that speak without pause, as a Carrier does, on threads that `slow` makes slower."""
    costs, ran, pace, meter = costs or Costs(), Ran(), Pace(), Meter(0.0)
    lanes = [Lane(handle, no_session, 0.0) for handle in range(channels)]
    events = [
        (max(0.0, k * FRAME_S - backlog_s), k, lane.handle) for k in range(int(seconds / FRAME_S)) for lane in lanes
    ]
    ends: list[tuple[float, int, bool, float, float]] = []
    heapq.heapify(events)
    free, now_s = threads, 0.0
    while events and now_s < seconds:
        if ends and ends[0][0] <= events[0][0]:
            now_s, handle, drafted, took_s, late_s = heapq.heappop(ends)
            lane, free = lanes[handle], free + 1
            lane.busy, lane.due_s = False, now_s
            meter.count(took_s, draft=drafted, late_s=late_s)
            ran.drafts += [now_s] if drafted else []
            if now_s - meter.since_s >= LOOK_S:
                pace = observe(pace, meter, now_s, places=min(threads, channels))
                ran.levels.append(pace.level)
                ran.late_s.append(meter.late_s)
                meter = Meter(now_s)
        else:
            now_s, k, handle = heapq.heappop(events)
            lanes[handle].add(1, k * 3200, FRAME, now_s)
        for lane in soonest(lanes, free):
            late_s, frames, lane.busy, free = lane.waiting_s, lane.take(), True, free - 1
            draft = lane.draft_due(pace.step.tick_ms) and pace.step.drafts and not lane.waiting_s
            ended = sum((sample // 3200 + 7 * lane.handle) % UTTERANCE == 0 for _, sample, _ in frames)
            took_s = len(frames) * costs.voice_s + ended * costs.end_s + draft * costs.draft_s
            took_s *= slow(now_s)
            heapq.heappush(ends, (now_s + took_s, lane.handle, draft, took_s, late_s))
    return ran


def later(levels: Sequence[int]) -> Sequence[int]:
    """Return the levels after the first 20 s."""
    return levels[int(20 / LOOK_S) :]


def test_three_channels_on_two_cores_hold_ticks_of_a_second() -> None:
    ran = carry(3, 2, 300)
    assert max(ran.levels) <= 1
    assert max(ran.late_s) < LATE_S / 2


def test_a_busy_neighbour_stretches_ticks_but_leaves_drafts() -> None:
    ran = carry(3, 2, 300, slow=lambda _: 2.2)
    assert set(later(ran.levels)) == {2}
    assert max(ran.late_s) < LATE_S


def test_an_engine_that_is_full_at_the_slowest_pace_still_drafts_while_nothing_falls_behind() -> None:
    ran = carry(6, 2, 300, slow=lambda _: 1.5)
    assert set(later(ran.levels)) == {2}
    assert max(ran.late_s) < LATE_S
    assert len(ran.drafts) > 300 * 6 / 5


def test_drafts_go_where_audio_stays_unheard_without_them_too() -> None:
    ran = carry(12, 2, 300, costs=Costs(draft_s=0.8, end_s=0.6))
    assert set(ran.levels[int(100 / LOOK_S) :]) == {3}
    assert ran.drafts[-1] < 100


def test_the_pace_comes_back_when_the_neighbour_has_gone() -> None:
    ran = carry(3, 2, 200, slow=lambda now_s: 6.0 if now_s < 80 else 1.0)
    at = [int(second / LOOK_S) for second in (70, 115)]
    assert ran.levels[at[0]] >= 2
    assert max(ran.levels[at[1] :]) <= 1


def test_a_backlog_is_caught_up_with_and_forgotten() -> None:
    ran = carry(3, 2, 200, backlog_s=30.0)
    assert max(ran.levels[int(60 / LOOK_S) :]) <= 1
    assert ran.late_s[-1] < 1.0


def test_one_channel_on_many_threads_has_but_one_place() -> None:
    assert set(later(carry(1, 8, 100, costs=Costs(draft_s=0.7)).levels)) == {1}


@pytest.mark.parametrize(("draft_s", "level"), [(0.1, 0), (0.25, 1), (0.45, 2)])
def test_ticks_stretch_in_the_stated_order(draft_s: float, level: int) -> None:
    ran = carry(3, 1, 200, costs=Costs(draft_s=draft_s, end_s=0.1))
    assert set(later(ran.levels)) == {level}


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
