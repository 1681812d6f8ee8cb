"""What was received and is not due yet: filled by a thread for each connection, emptied by the one that plays."""

import heapq
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import msgspec

from hearing.stream.opened import Item
from hearing.stream.pace import Due
from hearing.stream.seams import Line
from hearing.stream.tap import AnyPacket

STALL_S = 3.0
"""Where nothing has come for so long after what was held is played, the source is lost: another run will tell a gap."""

_AHEAD_S = 20.0
_MOST_BYTES = 48 * 1024 * 1024
"""What is held, in time and in size; a connection that brings more has to wait."""

_LOOK_S = 0.25
_STEP_S = 0.04


class StalledError(Exception):
    """Nothing comes any more."""


class ClosedError(Exception):
    """What is received is not wanted any more."""


class Received(msgspec.Struct, frozen=True):
    """A packet with its timestamp in seconds; see seams.Line.place for `period` and `wrap_s`.

    It is shown `reorder_s` after it is decoded. `begin_s` is where what it is the first of stands in the source.
    """

    track: str
    packet: AnyPacket
    stamp_s: float
    length_s: float
    period: int = 0
    wrap_s: float = 0.0
    reorder_s: float = 0.0
    begin_s: float = 0.0


class Buffer:
    """Holds packets of several tracks, on a line that begins with the first one that comes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line = Line()
        self._held: list[tuple[float, int, Received, float]] = []
        self._bytes = 0
        self._number = 0
        self._came_s = time.monotonic()
        self._end_s = 0.0
        self._played_s = 0.0
        self._closed = False
        self._feeding = 0
        self._lost = False
        self.firsts: dict[str, tuple[float, float]] = {}
        """Where each track's first packet is shown: on the line, and in the source."""

    def feed(self) -> None:
        """Say that one more connection brings packets."""
        with self._changed:
            self._feeding += 1

    def over(self, *, lost: bool) -> None:
        """Say that a connection brings no more. Where it is `lost` the rest is turned away too: the run is over."""
        with self._changed:
            self._feeding -= 1
            self._lost = self._lost or lost
            self._closed = self._closed or lost
            self._changed.notify_all()

    def again(self, tracks: Iterable[str]) -> None:
        """Say that a connection begins again: its tracks stand where the others are. Raises ClosedError."""
        with self._changed:
            if self._closed:
                raise ClosedError
            for track in tracks:
                self._line.forget(track)

    def close(self) -> None:
        """Turn all that bring packets away."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def put(self, one: Received) -> None:
        """Add a packet; waits while enough is held. Raises ClosedError."""
        with self._changed:
            shift_s = self._line.place(one.track, one.stamp_s, one.length_s, period=one.period, wrap_s=one.wrap_s)
            at_s = one.stamp_s + shift_s
            while not self._closed and self._held and self._is_enough(at_s):
                self._changed.wait(_LOOK_S)
            if self._closed:
                raise ClosedError
            self.firsts.setdefault(one.track, (at_s + one.reorder_s, one.begin_s))
            self._end_s = max(self._end_s, at_s + one.length_s)
            self._bytes += one.packet.size
            self._number += 1
            self._came_s = time.monotonic()
            heapq.heappush(self._held, (at_s, self._number, one, shift_s))
            self._changed.notify_all()

    def await_first(self, tracks: frozenset[str], seconds: float) -> bool:
        """Wait until each of the tracks has a packet; tell whether all have."""
        with self._changed:
            return self._changed.wait_for(lambda: tracks <= self.firsts.keys(), seconds)

    def play(self, later_s: float, now_s: Callable[[], float], *, patient: bool = False) -> Iterator[Due]:
        """Yield each packet when it is due: where it stands, plus `later_s`. Raises StalledError.

        A live source is lost when what comes is too late, a patient look at another one only when nothing comes.
        """
        while True:
            with self._changed:
                found = self._next(later_s, now_s, patient)
            if found is None:
                return
            at_s, one, shift_s = found
            yield Due(at_s + later_s, Item(one.track, one.packet, 0.0), shift_s + later_s)

    def _next(self, later_s: float, now_s: Callable[[], float], patient: bool) -> tuple[float, Received, float] | None:
        """Wait for a packet to be due; None at the end."""
        while True:
            wait_s = self._held[0][0] + later_s - now_s() if self._held else _LOOK_S
            if self._held and wait_s <= 0:
                at_s, _, one, shift_s = heapq.heappop(self._held)
                self._bytes -= one.packet.size
                self._played_s = max(self._played_s, at_s)
                self._changed.notify_all()
                return at_s, one, shift_s
            if not self._held and (self._lost or not self._feeding):
                if self._lost:
                    raise StalledError
                return None
            if not self._held and self._is_late(now_s() - later_s, patient):
                raise StalledError
            self._changed.wait(min(_LOOK_S, max(wait_s, _STEP_S)))

    def _is_late(self, at_s: float, patient: bool) -> bool:
        late = at_s - self._end_s > STALL_S
        return late and (not patient or time.monotonic() - self._came_s > STALL_S)

    def _is_enough(self, at_s: float) -> bool:
        return at_s - self._played_s > _AHEAD_S or self._bytes > _MOST_BYTES
