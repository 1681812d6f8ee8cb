"""Whose turn it is: the fold, and which segment is whose."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from hearing import transcript, turns
from hearing.events import ChannelKind, Ended, PublicEvent, TurnBegan, TurnChanged, TurnEvent, TurnRemoved
from hearing.transcript import Transcript
from hearing.turns import LAG_MS, Turn, Turns, apply, heard, touched

times = st.integers(0, 60_000)
ids = st.sampled_from("abcde")
events = st.one_of(
    st.builds(TurnBegan, ids, times, st.sampled_from(["", "Rossi", "Diallo"])),
    st.builds(TurnChanged, ids, times, st.sampled_from(["", "Rossi", "Diallo"])),
    st.builds(TurnRemoved, ids),
)
streams = st.lists(events, max_size=12)
spans = st.tuples(times, st.integers(0, 20_000)).map(lambda one: (one[0], one[0] + one[1]))


def folded(stream: list[TurnEvent]) -> Turns:
    held: Turns = {}
    for event in stream:
        apply(held, event)
    return held


def counted(held: Turns, t0: int, t1: int, lag_ms: int) -> Turn | None:
    """Count, millisecond by millisecond, in whose turn most of it lies."""
    shares: dict[str, int] = {}
    for t in range(t0, max(t1, t0 + 1)):
        holding = [turn for turn in held.values() if turn.t + lag_ms <= t]
        latest = max((turn.t for turn in holding), default=None)
        who = next((turn.id for turn in reversed(holding) if turn.t == latest), "")
        shares[who] = shares.get(who, 0) + 1
    best = max(shares, key=lambda one: shares[one])  # the first of those that share it, as they were met in time
    return held.get(best)


@given(streams, times, st.integers(0, 400))
def test_a_segment_is_its_whose_in_whose_turn_most_of_it_lies(stream: list[TurnEvent], t0: int, length: int) -> None:
    near = [event if isinstance(event, TurnRemoved) else _near(event, t0) for event in stream]
    held = folded(near)
    assert heard(held, "floor").most(t0, t0 + length) == counted(held, t0, t0 + length, 0)
    assert heard(held, "interpretation").most(t0, t0 + length) == counted(held, t0, t0 + length, LAG_MS)


def _near(event: TurnBegan | TurnChanged, t0: int) -> TurnEvent:
    """Put a turn where it can matter to what begins at t0."""
    return type(event)(event.turn, max(0, t0 + event.t % 800 - 200), event.name)


@given(streams)
def test_the_same_event_twice_changes_nothing(stream: list[TurnEvent]) -> None:
    once, twice = folded(stream), folded([event for event in stream for _ in range(2)])
    assert (once, list(once)) == (twice, list(twice))


@given(streams, events, spans)
def test_who_speaks_changes_only_where_the_event_says_that_it_may(
    stream: list[TurnEvent], event: TurnEvent, span: tuple[int, int]
) -> None:
    before = folded(stream)
    t0, t1 = touched(before, event)
    after = folded([*stream, event])
    for kind in get_args(ChannelKind):
        was, now = heard(before, kind).most(*span), heard(after, kind).most(*span)
        if was != now:
            assert span[0] <= t1
            assert span[1] >= t0


@given(streams, spans)
def test_an_interpreter_is_heard_as_the_floor_was_some_seconds_before(
    stream: list[TurnEvent], span: tuple[int, int]
) -> None:
    held = folded(stream)
    later = (span[0] + LAG_MS, span[1] + LAG_MS)
    assert heard(held, "interpretation").most(*later) == heard(held, "floor").most(*span)


def test_of_two_turns_that_begin_at_once_the_one_that_was_set_later_holds() -> None:
    held = folded([TurnBegan("a", 1000, "Rossi"), TurnBegan("b", 1000, "Diallo")])
    assert heard(held, "floor").at(1000) == Turn("b", 1000, "Diallo")
    apply(held, TurnRemoved("b"))
    assert heard(held, "floor").at(1000) == Turn("a", 1000, "Rossi")


def test_nobody_speaks_before_the_first_turn_and_after_one_without_a_name() -> None:
    held = folded([TurnBegan("a", 1000, "Rossi"), TurnBegan("b", 5000)])
    floor = heard(held, "floor")
    assert floor.most(0, 900) is None
    assert floor.most(0, 1100) is None
    assert floor.most(5000, 9000) == Turn("b", 5000)


def test_lists_of_meetings_hold_no_name() -> None:
    said = Transcript()
    stream: list[PublicEvent] = [TurnBegan("a", 0, "Rossi"), Ended(9000)]
    for event in stream:
        transcript.apply(said, event)
    assert [turn.name for turn in turns.ordered(said.turns)] == ["Rossi"]
    assert transcript.without_text(said).turns == {}
    assert said.turns
