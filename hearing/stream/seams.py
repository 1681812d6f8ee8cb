"""Many tracks on one line of time, pure: where timestamps wrap, leap or begin anew, the line goes on without a seam."""

import msgspec

_JUMP_S, _BACKSTEP_S = 10.0, 1.0
"""Timestamps that leap so far, forward or back, were set anew. Less is a hole, or packets that came out of order."""


class _Seam(msgspec.Struct, frozen=True):
    period: int
    shift_s: float


class Line:
    """Places packets. It begins at 0 with the first one that comes, whatever its timestamp.

    Tracks leap one after the other: where one has leapt, another that leaps too is placed by the first one's new
    timestamps, so that they stay side by side.
    """

    def __init__(self) -> None:
        self._seams: list[_Seam] = []
        self._at: dict[str, int] = {}
        self._ends: dict[str, float] = {}
        self._stamps: dict[str, float] = {}
        self._reference: float | None = None

    def place(self, track: str, stamp_s: float, length_s: float, *, period: int = 0, wrap_s: float = 0.0) -> float:
        """Return what is to be added to a packet's timestamps; a packet's place is its timestamp plus that.

        `period` changes where the source says that timestamps begin anew; `wrap_s` is after how long they start again
        at 0 by themselves.
        """
        turns_s = self._turns(track, stamp_s, wrap_s)
        stamp_s += turns_s
        self._stamps[track] = self._reference = stamp_s
        shift_s = self._shift(track, stamp_s, period)
        self._ends[track] = max(self._ends.get(track, stamp_s + shift_s), stamp_s + shift_s + length_s)
        return shift_s + turns_s

    def forget(self, track: str) -> None:
        """Let a track begin again: it is placed by where the others are."""
        self._at.pop(track, None)
        self._ends.pop(track, None)
        self._stamps.pop(track, None)

    def _turns(self, track: str, stamp_s: float, wrap_s: float) -> float:
        """Return the whole turns that bring a timestamp nearest to the one before."""
        before = self._stamps.get(track, self._reference)
        return round((before - stamp_s) / wrap_s) * wrap_s if wrap_s and before is not None else 0.0

    def _shift(self, track: str, stamp_s: float, period: int) -> float:
        for number in range(self._first(track, stamp_s, period), len(self._seams)):
            seam = self._seams[number]
            if seam.period == period and self._fits(track, stamp_s + seam.shift_s):
                self._at[track] = number
                return seam.shift_s
        end_s = self._ends.get(track, max(self._ends.values(), default=0.0))
        self._seams.append(_Seam(period, end_s - stamp_s))
        self._at[track] = len(self._seams) - 1
        return end_s - stamp_s

    def _first(self, track: str, stamp_s: float, period: int) -> int:
        """Return from which seam on a track fits; one that has just come stands nearest to where the others are."""
        if track in self._at:
            return self._at[track]
        now_s = max(self._ends.values(), default=0.0)
        mine = [number for number, seam in enumerate(self._seams) if seam.period == period]
        return min(mine, key=lambda one: abs(stamp_s + self._seams[one].shift_s - now_s), default=len(self._seams))

    def _fits(self, track: str, at_s: float) -> bool:
        """Tell whether a place goes on where the track stood; others that went on meanwhile make a hole of a leap."""
        end_s = self._ends.get(track)
        return end_s is None or end_s - _BACKSTEP_S <= at_s <= max(self._ends.values()) + _JUMP_S
