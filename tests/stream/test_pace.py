"""A source is played as live: in order, and nothing before its time."""

import random
from collections.abc import Iterator
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from hearing.stream.opened import Item
from hearing.stream.pace import AHEAD_S, Due, as_live

NO_ITEM = cast(Item, None)


class FakeTime:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def now_s(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@given(st.lists(st.floats(0, 60), max_size=80), st.randoms())
def test_packets_come_in_order_at_their_time(times: list[float], shuffled: random.Random) -> None:
    stored = sorted(times, key=lambda due_s: due_s + shuffled.uniform(0, AHEAD_S / 2))
    fake = FakeTime()
    given_out = []
    for due in as_live(iter([Due(due_s, NO_ITEM, 0.0) for due_s in stored]), fake.now_s, fake.sleep):
        assert fake.now >= due.due_s - 1e-9
        given_out.append(due.due_s)
    assert given_out == sorted(times)


def test_a_source_is_not_read_far_ahead() -> None:
    fake = FakeTime()
    read = [0.0]

    def line() -> Iterator[Due]:
        for number in range(1000):
            read[0] = number / 50
            yield Due(read[0], NO_ITEM, 0.0)

    for _ in as_live(line(), fake.now_s, fake.sleep):
        assert read[0] <= fake.now + AHEAD_S + 0.1
