"""Media time, pure: the meeting's one clock, and where frames stand in it."""

import msgspec

MEND_S = 0.020
"""Timestamps this far from where their track stands are rounding or jitter: the track goes on without a seam."""


class Clock(msgspec.Struct, frozen=True):
    """Media time of one meeting: zero as UTC, taken once, and as this machine's monotonic clock."""

    zero_utc_ms: int
    zero_s: float

    def now_ms(self, monotonic_s: float) -> int:
        """Return `t` at an instant of the monotonic clock."""
        return int((monotonic_s - self.zero_s) * 1000)


def start(utc_ms: int, monotonic_s: float) -> Clock:
    """Start the clock of a meeting: `t` is 0 now."""
    return Clock(utc_ms, monotonic_s)


def resume(zero_utc_ms: int, not_before_ms: int, utc_ms: int, monotonic_s: float) -> Clock:
    """Take the clock up again in another process.

    UTC says how long the meeting has run; `t` never falls below what was already played, even if UTC was set back.
    """
    t = max(utc_ms - zero_utc_ms, not_before_ms)
    return Clock(zero_utc_ms, monotonic_s - t / 1000)


class Placing:
    """Keeps the frames of one track in a gapless line at `rate` ticks a second, and notices real holes."""

    def __init__(self, rate: int, start_s: float) -> None:
        self._mend = round(MEND_S * rate)
        self._rate = rate
        self._start = round(start_s * rate)
        self._next: int | None = None

    def place(self, t_s: float, length: int) -> tuple[int, bool] | None:
        """Return where a frame of `length` ticks goes and whether a new stretch begins with it.

        None for a frame that was before the start or that was already covered.
        """
        wanted = round(t_s * self._rate)
        if wanted + length <= self._start:
            return None
        if self._next is None or wanted > self._next + self._mend:
            self._next = wanted + length
            return wanted, True
        if wanted < self._next - self._mend:
            return None
        at, self._next = self._next, self._next + length
        return at, False
