"""A source is played as live: in order, and nothing before its time."""

import random
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from hearing.stream.address import Rules
from hearing.stream.frames import Open
from hearing.stream.lanes import PICTURE, sound_rendition
from hearing.stream.opened import Item, Opened, OpenedFile
from hearing.stream.pace import AHEAD_S, Due, as_live, timeline
from hearing.stream.tap import AnyPacket

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


def test_sound_is_due_when_it_was_said(tmp_path: Path) -> None:
    """Nobody live could send the quarter of a second that a packet holds before it is over."""
    source = tmp_path / "a.wav"
    with wave.open(str(source), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 16_000))
    wanted = Open(str(source), (("en", 0),), loop=True, rules=Rules())
    spoken_s = 0.0
    for due in timeline(OpenedFile(wanted), lambda: OpenedFile(wanted), 0.0):
        packet = due.item.packet
        if packet.pts is None or packet.time_base is None or packet.duration is None:
            continue
        begin_s = float(packet.pts * packet.time_base) + due.shift_s
        assert abs(begin_s - spoken_s) < 0.001
        spoken_s = begin_s + float(packet.duration * packet.time_base)
        assert abs(due.due_s - spoken_s) < 0.001
        if spoken_s > 2.5:
            break
    assert spoken_s > 2.5


def dues(*stored: tuple[str, int, int]) -> list[tuple[str, float]]:
    """Return (track, due_s) of packets stored so: (track, where it begins, its length)."""
    ms = Fraction(1, 1000)

    def play(_seek_s: float) -> Iterator[Item]:
        for track, begin, length in stored:
            packet = SimpleNamespace(pts=begin, dts=begin, duration=length, time_base=ms)
            yield Item(track, cast(AnyPacket, packet), 0.0)

    opened = cast(Opened, SimpleNamespace(play=play, duration_s=None))
    return [(due.item.track, round(due.due_s, 3)) for due in timeline(opened, None, 0.0)]


SOUND = sound_rendition("en")


def test_a_picture_is_due_when_it_begins() -> None:
    assert dues((PICTURE, 0, 40), (SOUND, 0, 64), (PICTURE, 40, 40)) == [
        (PICTURE, 0.0),
        (SOUND, 0.064),
        (PICTURE, 0.04),
    ]


def test_a_pause_after_a_packet_does_not_hold_it_back() -> None:
    """MP4 counts it as the packet's length."""
    assert dues((SOUND, 0, 64), (SOUND, 64, 5000), (SOUND, 5064, 64)) == [
        (SOUND, 0.064),
        (SOUND, 0.564),
        (SOUND, 5.128),
    ]


def test_packets_that_say_they_overlap_stay_in_their_order() -> None:
    times = [due_s for _, due_s in dues((SOUND, 0, 400), (SOUND, 20, 20), (SOUND, 40, 20))]
    assert times == sorted(times)
