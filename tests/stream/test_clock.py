"""Media time goes one way, and frames stand where they belong."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hearing.stream import clock
from hearing.stream.clock import Placing

RATE = 48_000


def test_t_is_zero_when_the_clock_starts_and_follows_the_monotonic_clock() -> None:
    started = clock.start(1_000_000, 50.0)
    assert started.zero_utc_ms == 1_000_000
    assert [started.now_ms(at) for at in (50.0, 50.5, 61.25)] == [0, 500, 11_250]


def test_another_process_takes_the_clock_up_where_utc_says() -> None:
    resumed = clock.resume(1_000_000, 5_000, utc_ms=1_020_000, monotonic_s=3.0)
    assert (resumed.zero_utc_ms, resumed.now_ms(3.0), resumed.now_ms(4.0)) == (1_000_000, 20_000, 21_000)


def test_t_does_not_go_back_when_utc_was_set_back() -> None:
    assert clock.resume(1_000_000, 5_000, utc_ms=900_000, monotonic_s=3.0).now_ms(3.0) == 5_000


@given(st.lists(st.floats(-0.009, 0.009), min_size=1, max_size=50))
def test_jitter_leaves_no_seam(jitter: list[float]) -> None:
    placing = Placing(RATE, 0.0)
    places = [placing.place(10 + number * 1024 / RATE + noise, 1024) for number, noise in enumerate(jitter)]
    starts = [place[0] for place in places if place]
    assert [place[1] for place in places if place] == [True] + [False] * (len(jitter) - 1)
    assert [after - before for before, after in pairwise(starts)] == [1024] * (len(jitter) - 1)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 4096)), max_size=60))
def test_places_never_overlap_and_stay_close_to_the_timestamps(frames: list[tuple[float, int]]) -> None:
    placing, covered = Placing(RATE, 5.0), 0
    for t_s, length in frames:
        placed = placing.place(t_s, length)
        if placed:
            assert placed[0] >= covered
            assert abs(placed[0] - t_s * RATE) <= clock.MEND_S * RATE + 1
            covered = placed[0] + length


def test_a_hole_begins_a_new_stretch_and_what_was_covered_is_dropped() -> None:
    placing = Placing(RATE, 1.0)
    assert placing.place(0.5, 1024) is None
    assert placing.place(1.0, RATE) == (RATE, True)
    assert placing.place(3.0, RATE) == (3 * RATE, True)
    assert placing.place(2.0, RATE) is None
