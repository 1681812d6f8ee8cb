"""How often drafts are made under load: ticks of 0.6 s, then 1 s, then 2 s, then no drafts. Pure.

From measured service time: a tick may not cost more than the workers' threads can give.
"""

import msgspec

_FULL = 0.85
"""Load above which ticks stretch."""
_EASY = 0.6
"""Load, at the faster pace, under which they shrink again."""
_SMOOTHING = 0.2


class Step(msgspec.Struct, frozen=True):
    """One pace: the length of a tick, and whether drafts are made."""

    tick_ms: int
    drafts: bool = True


STEPS = (Step(600), Step(1000), Step(2000), Step(2000, drafts=False))


class Pace(msgspec.Struct, frozen=True):
    """The pace now. `service_s` is what a job takes, smoothed; None before the first."""

    level: int = 0
    service_s: float | None = None
    since_change: int = 0

    @property
    def step(self) -> Step:
        return STEPS[self.level]


def load(service_s: float, channels: int, tick_ms: int, threads: int) -> float:
    """Return the share of the threads' time that jobs take."""
    return service_s * channels * 1000 / (tick_ms * threads)


def observe(pace: Pace, service_s: float, *, channels: int, threads: int, behind: bool) -> Pace:
    """Take one job's seconds into account. `behind` says that jobs wait longer than a tick.

    The pace moves one step at a time, and not again before every channel has been served five times.
    """
    known = service_s if pace.service_s is None else pace.service_s
    smooth = known + _SMOOTHING * (service_s - known)
    level = _next(pace.level, smooth, channels, threads, behind) if pace.since_change >= 5 * channels else pace.level
    return Pace(level, smooth, 0 if level != pace.level else pace.since_change + 1)


def _next(level: int, service_s: float, channels: int, threads: int, behind: bool) -> int:
    if behind or load(service_s, channels, STEPS[level].tick_ms, threads) > _FULL:
        return min(level + 1, len(STEPS) - 1)
    faster = max(0, level - 1)
    return faster if load(service_s, channels, STEPS[faster].tick_ms, threads) < _EASY else level
