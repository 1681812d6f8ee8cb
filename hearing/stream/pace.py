"""Play a source as live: one line of packets across loops, each given out when it is due."""

import heapq
from collections.abc import Callable, Iterator

import msgspec

from hearing.stream.lanes import PICTURE, seconds
from hearing.stream.opened import Item, Opened

AHEAD_S = 1.0
"""How far a source is read ahead, so that tracks stored apart come out side by side. Bounds what is held, in time."""

_AHEAD_PACKETS = 4096
"""Bounds what is held, in packets."""

_SHORTEST_S = 0.1
"""A source shorter than this is not played again and again."""

_JUMP_S, _BACKSTEP_S = 10.0, 1.0
"""Timestamps that leap so far, forward or back, were set anew: what follows is joined to what was before."""

_LONGEST_S = 0.5
"""So long a packet of sound is taken to be at most: MP4 counts the pause after a packet as its length."""

_STEP_S = 0.04
"""Packets are given out in steps of this: fewer wake-ups, and well below the 200 ms of a PCM frame."""


class Due(msgspec.Struct, frozen=True):
    """A packet to work on at `due_s` of media time; its timestamps plus `shift_s` are media time."""

    due_s: float
    item: Item
    shift_s: float


def timeline(opened: Opened, reopen: Callable[[], Opened] | None, start_s: float) -> Iterator[Due]:
    """Yield a source's packets from the place it has at `start_s`: its own beginning is media time 0.

    Sound is due when it was said: FLAC holds a quarter of a second in a packet, and nobody live could send it before.
    With `reopen` it begins again at its end, the timestamps going on where they stopped. So they do after a leap.
    """
    span_s = opened.duration_s or 0.0
    seek_s = (start_s % span_s if span_s else 0.0) if reopen else start_s
    shift_s = start_s - seek_s
    while True:
        end_s = begin_s = shift_s + seek_s
        last: dict[str, float] = {}
        said: dict[str, float] = {}
        for item in opened.play(seek_s):
            at_s = _at_s(item, shift_s, end_s)
            if at_s > end_s + _JUMP_S or at_s < last.get(item.track, at_s) - _BACKSTEP_S:
                shift_s += end_s - at_s
                at_s = _at_s(item, shift_s, end_s)
            last[item.track] = at_s
            end_s = max(end_s, at_s + _length_s(item))
            length_s = 0.0 if item.track == PICTURE else min(_length_s(item), _LONGEST_S)
            said[item.track] = max(said.get(item.track, 0.0), at_s + length_s)
            yield Due(said[item.track], item, shift_s - item.zero_s)
        if reopen is None or (end_s - begin_s < _SHORTEST_S and not seek_s):
            return
        opened, seek_s, shift_s = reopen(), 0.0, end_s


def as_live(line: Iterator[Due], now_s: Callable[[], float], sleep: Callable[[float], None]) -> Iterator[Due]:
    """Yield packets in the order they are due, none before its time."""
    ahead: list[tuple[float, int, Due]] = []
    for number, due in enumerate(line):
        heapq.heappush(ahead, (due.due_s, number, due))
        while due.due_s - ahead[0][0] > AHEAD_S or len(ahead) > _AHEAD_PACKETS:
            yield _await(ahead, now_s, sleep)
    while ahead:
        yield _await(ahead, now_s, sleep)


def _await(ahead: list[tuple[float, int, Due]], now_s: Callable[[], float], sleep: Callable[[float], None]) -> Due:
    due_s, _, due = heapq.heappop(ahead)
    wait_s = due_s - now_s()
    if wait_s > 0:
        sleep(max(wait_s, _STEP_S))
    return due


def _at_s(item: Item, shift_s: float, last_s: float) -> float:
    """Return where a packet begins in media time; at `last_s` where it does not say."""
    packet = item.packet
    stamp = packet.dts if packet.dts is not None else packet.pts
    if stamp is None or packet.time_base is None:
        return last_s
    return float(stamp * packet.time_base) + shift_s - item.zero_s


def _length_s(item: Item) -> float:
    packet = item.packet
    if seconds(packet) is None or not packet.duration:
        return 0.0
    return float(packet.duration * packet.time_base)
