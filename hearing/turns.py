"""Whose turn it is to speak, as staff set it live: a fold, and which segment is whose. Pure.

A turn holds on the floor from its `t` until the next one begins. An interpreter says the same some seconds later, so
on all other channels every turn begins `LAG_MS` later. A segment is its whose in whose turn most of it lies.
"""

from bisect import bisect_right

import msgspec

from hearing.events import ChannelKind, Side, TurnBegan, TurnChanged, TurnEvent, TurnRemoved

LAG_MS = 3000
"""Interpreters of conferences are some seconds behind: 2 to 3 (Barik 1973), 3 to 6 (Lederer 1978)."""

REACTION_MS = 1500
"""So long it takes to see who speaks now, and to press a key."""

_FOREVER = 1 << 53


class Turn(msgspec.Struct, frozen=True):
    """One turn, on the floor from `t` on. An empty `name`: nobody who is known speaks."""

    id: str
    t: int
    name: str = ""
    title: str = ""
    side: Side = "other"


Turns = dict[str, Turn]
"""The turns of a meeting by id, in the order they were set: of two that begin at once the later one holds."""


class Heard(msgspec.Struct, frozen=True):
    """The turns in their order as one channel hears them: `starts` are media times on that channel."""

    turns: tuple[Turn, ...] = ()
    starts: tuple[int, ...] = ()

    def at(self, t: int) -> Turn | None:
        """Return the turn that holds at `t`; None before the first."""
        place = bisect_right(self.starts, t)
        return self.turns[place - 1] if place else None

    def most(self, t0: int, t1: int) -> Turn | None:
        """Return the turn in which most of t0 to t1 lies, the earlier of two that share it; None before the first."""
        first = bisect_right(self.starts, t0)
        last = max(first, bisect_right(self.starts, t1 - 1))
        best: Turn | None = None
        most = -1
        for place in range(first, last + 1):
            start = self.starts[place - 1] if place else -_FOREVER
            end = self.starts[place] if place < len(self.starts) else _FOREVER
            part = min(end, t1) - max(start, t0)
            if part > most:
                best, most = (self.turns[place - 1] if place else None), part
        return best


NOBODY = Heard()


def apply(turns: Turns, event: TurnEvent) -> None:
    """Fold one event in, in place. The same event twice changes nothing."""
    match event:
        case TurnBegan() if event.turn not in turns:
            turns[event.turn] = _turn(event)
        case TurnChanged():  # also of a turn whose first record was erased
            turns[event.turn] = _turn(event)
        case TurnRemoved():
            turns.pop(event.turn, None)
        case _:
            pass


def ordered(turns: Turns) -> list[Turn]:
    """Return the turns in the order in which they are held."""
    return sorted(turns.values(), key=lambda turn: turn.t)


def heard(turns: Turns, kind: ChannelKind) -> Heard:
    """Return the turns as a channel of this kind hears them."""
    lag_ms = 0 if kind == "floor" else LAG_MS
    held = ordered(turns)
    return Heard(tuple(held), tuple(turn.t + lag_ms for turn in held))


def touched(turns: Turns, event: TurnEvent) -> tuple[int, int]:
    """Return the media time, on any channel, in which somebody else may speak after the event: before it is folded."""
    known = turns.get(event.turn)
    times = [known.t] if known else []
    if isinstance(event, TurnBegan | TurnChanged):
        times.append(event.t)
    if not times:
        return 0, 0
    later = (turn.t for turn in turns.values() if turn.t > max(times) and turn.id != event.turn)
    return min(times), min(later, default=_FOREVER) + LAG_MS


def _turn(event: TurnBegan | TurnChanged) -> Turn:
    return Turn(event.turn, event.t, event.name, event.title, event.side)
