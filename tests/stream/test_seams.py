"""Tracks stay side by side on one line of time, however their timestamps wrap and leap."""

from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from hearing.stream.seams import Line

STEP_S = 0.5
AHEAD = 8
"""So many packets one track may be ahead of another."""

WRAP_S = 2**33 / 90_000

Epoch = tuple[float, int]


@st.composite
def broadcasts(draw: st.DrawFn) -> tuple[list[Epoch], int, list[int]]:
    """Give epochs, as (first timestamp, packets); how many tracks there are; and in which order they go on."""
    epochs = draw(st.lists(st.tuples(st.integers(0, int(WRAP_S) - 1), st.integers(2, 40)), min_size=1, max_size=5))
    tracks = draw(st.integers(1, 4))
    order = draw(st.lists(st.integers(0, tracks - 1), max_size=400))
    return [(float(first), count) for first, count in epochs], tracks, order


def leaps(before_s: float, after_s: float) -> bool:
    """Tell whether a step is one that nobody takes for a hole, on the circle that timestamps are."""
    step = (after_s - before_s) % WRAP_S
    return 15 < step < WRAP_S - 5


@given(broadcasts(), st.booleans())
def test_every_packet_stands_where_it_belongs(cast: tuple[list[Epoch], int, list[int]], marked: bool) -> None:
    epochs, tracks, order = cast
    for (first, count), (second, _) in pairwise(epochs):
        assume(leaps(first + count * STEP_S, second))
    line = Line()
    packets = [
        (first + number * STEP_S, number_of)
        for number_of, (first, count) in enumerate(epochs)
        for number in range(count)
    ]
    sent = [0] * tracks
    for track in [*range(tracks), *order, *[*range(tracks)] * len(packets)]:
        if sent[track] == len(packets) or sent[track] > min(sent) + AHEAD:
            continue
        stamp_s, period = packets[sent[track]]
        stamp_s %= WRAP_S
        shift_s = line.place(str(track), stamp_s, STEP_S, period=period if marked else 0, wrap_s=WRAP_S)
        assert abs(stamp_s + shift_s - sent[track] * STEP_S) < 0.001
        sent[track] += 1


def test_a_hole_stays_a_hole_and_a_small_step_back_is_no_leap() -> None:
    line = Line()
    assert line.place("a", 100.0, 1.0) + 100.0 == 0.0
    assert line.place("a", 106.0, 1.0) + 106.0 == 6.0
    assert line.place("a", 106.5, 1.0) + 106.5 == 6.5


def test_a_track_that_was_away_while_others_went_on_comes_back_where_they_are() -> None:
    line = Line()
    for second in range(40):
        line.place("floor", 100.0 + second, 1.0)
        if second < 5:
            line.place("fr", 100.0 + second, 1.0)
    assert line.place("fr", 138.0, 1.0) + 138.0 == 38.0
    line.forget("fr")
    assert line.place("fr", 136.0, 1.0) + 136.0 == 36.0, "what comes once more is placed where it was"


def test_32_bits_of_milliseconds_wrap_too() -> None:
    line, turn_s = Line(), 2**32 / 1000
    places = [line.place("a", stamp, 1.0, wrap_s=turn_s) + stamp for stamp in (turn_s - 2, turn_s - 1, 0.0, 1.0)]
    assert [round(place, 6) for place in places] == [0, 1, 2, 3]
