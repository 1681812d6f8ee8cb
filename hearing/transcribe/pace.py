"""How often drafts are made under load: ticks of 0.6 s, then 1 s, then 2 s, then no drafts. Pure.

Measured is how full the engine is: the share of the time that jobs fill, of all those that could run at once. Drafts
are told from the rest, for they alone grow rarer with longer ticks. A full engine is no reason to give up drafts: a
channel has one job at a time and its next draft waits; only audio that stays unheard is.
"""

import msgspec

FULL = 0.92
"""Share above which ticks stretch."""
EASY = 0.75
"""Share, at the faster pace, under which they shrink again."""
LATE_S = 3.0
"""So much audio that waits for one job shows that a channel falls behind."""
LOOK_S = 2.0
"""The pace is looked at so often."""
_SMOOTHING = 0.3
_FORGOTTEN = 0.9
"""What drafts cost is forgotten by this factor a look while none are made, so that they are tried again."""
_LOOKS = 2
"""Looks between two changes, at the least."""


class Step(msgspec.Struct, frozen=True):
    """One pace: the length of a tick, and whether drafts are made."""

    tick_ms: int
    drafts: bool = True


STEPS = (Step(600), Step(1000), Step(2000), Step(2000, drafts=False))


class Meter(msgspec.Struct):
    """What jobs took since `since_s`, in seconds of their places, and the most audio that waited for one."""

    since_s: float
    drafts_s: float = 0.0
    rest_s: float = 0.0
    late_s: float = 0.0

    def count(self, took_s: float, *, draft: bool, late_s: float) -> None:
        """Count one job; `late_s` is the audio that waited for it."""
        if draft:
            self.drafts_s += took_s
        else:
            self.rest_s += took_s
        self.late_s = max(self.late_s, late_s)


class Pace(msgspec.Struct, frozen=True):
    """The pace now. `drafts` is the share that ticks of 1 s would take, `rest` that of all else, both smoothed."""

    level: int = 0
    drafts: float | None = None
    rest: float = 0.0
    looks: int = 0

    @property
    def step(self) -> Step:
        return STEPS[self.level]

    def load(self, level: int) -> float:
        """Return how full the engine is, or would be at another pace."""
        step = STEPS[level]
        return self.rest + (1000 * (self.drafts or 0.0) / step.tick_ms if step.drafts else 0.0)


def observe(pace: Pace, meter: Meter, now_s: float, *, places: int) -> Pace:
    """Take what was measured into account. `places` jobs could run at once: a channel has one, and so has a thread.

    The pace moves one step at a time, and not again before it was looked at twice.
    """
    room_s = max(1e-3, now_s - meter.since_s) * max(1, places)
    known = pace if pace.drafts is not None else Pace(pace.level, 0.0, meter.rest_s / room_s)
    drafts = _FORGOTTEN * (known.drafts or 0.0)
    if pace.step.drafts:
        drafts = meter.drafts_s / room_s * pace.step.tick_ms / 1000
        drafts = drafts if pace.drafts is None else _smooth(pace.drafts, drafts)
    seen = Pace(pace.level, drafts, _smooth(known.rest, meter.rest_s / room_s), pace.looks + 1)
    level = _next(seen, meter.late_s) if seen.looks >= _LOOKS else seen.level
    return seen if level == seen.level else Pace(level, seen.drafts, seen.rest)


def fitting(draft_s: float, threads: int, tick_ms: int = STEPS[1].tick_ms) -> int:
    """Return how many channels fit at a pace where one draft takes so many seconds of one thread."""
    return int(FULL * threads * tick_ms / 1000 / draft_s)


def _next(pace: Pace, late_s: float) -> int:
    level, late = pace.level, late_s > LATE_S
    last = len(STEPS) - 1
    if late or (pace.load(level) > FULL and level < last - 1):
        return min(level + 1, last)
    faster = max(0, level - 1)
    return faster if pace.load(faster) < EASY else level


def _smooth(known: float, seen: float) -> float:
    return known + _SMOOTHING * (seen - known)
