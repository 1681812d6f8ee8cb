"""Set whose turn it is to speak, and mend it: the public record first, then who did it, which stays at the desk."""

import re
from collections.abc import Callable
from typing import Literal

import msgspec

from hearing import turns
from hearing.access import Capability, require
from hearing.desk_events import TurnActed, acted_subject
from hearing.errors import Conflict, NotFound, Refused
from hearing.events import (
    PublicEvent,
    Redacted,
    Side,
    TurnBegan,
    TurnChanged,
    TurnEvent,
    TurnRemoved,
    decode_public,
    encode,
    public_stream,
    turn_subject,
)
from hearing.log.base import Log, Record
from hearing.names import MOST_LETTERS
from hearing.qa.desks import Desks
from hearing.turns import Turn, Turns

MOST = 5000
"""So many turns a meeting has at the most."""

_TAGS = (b'"turn.', b'"redacted"')
_ID = re.compile(r"[0-9a-f]{16}")
_LATEST_MS = 7 * 24 * 3_600_000


class Known(msgspec.Struct):
    """What a public stream says of turns, up to `position` of `epoch`. `versions` has those that were removed too."""

    epoch: int = 0
    position: int = 0
    turns: Turns = {}
    versions: dict[str, int] = {}
    records: set[int] = set()

    def follow(self, record: Record) -> bool:
        """Fold the next record in; False where an older one was erased since, so that all must be read again."""
        self.position = record.position
        event: PublicEvent | None = None
        if any(tag in record.body for tag in _TAGS):
            event = decode_public(record.body)
        if isinstance(event, Redacted):
            return event.position not in self.records
        if isinstance(event, TurnEvent):
            self.records.add(record.position)
            self.versions[event.turn] = record.position
            turns.apply(self.turns, event)
        return True


class Speaking:
    """The turns of every meeting. `now_ms` is the clock of the desk."""

    def __init__(self, log: Log, desks: Desks, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._log = log
        self._desks = desks
        self._known: dict[str, Known] = {}

    async def known(self, who: Capability | None, dialogue: str, meeting: str) -> Known:
        """Return the turns there are, with their versions. Read it without awaiting in between."""
        require(who, "turn.set", dialogue)
        return await self._read(dialogue, meeting)

    async def begin(self, who: Capability | None, dialogue: str, meeting: str, turn: Turn) -> int:
        """Set a turn; return how far the public stream was by then. What is so already is nothing new.

        Raises Refused for a turn that cannot be.
        """
        require(who, "turn.set", dialogue)
        _check(turn)
        known = await self._read(dialogue, meeting)
        if turn.id in known.versions or _same(turns.heard(known.turns, "floor").at(turn.t), turn):
            return known.position
        if len(known.turns) >= MOST:
            raise Refused(f"A meeting has {MOST} turns at the most.")
        try:
            return await self._record(who, dialogue, meeting, TurnBegan(*_fields(turn)), 0)
        except Conflict:
            known = await self._read(dialogue, meeting)
            if turn.id in known.versions:  # the same was sent twice at once
                return known.position
            raise

    async def change(self, who: Capability | None, dialogue: str, meeting: str, turn: Turn, version: int) -> int:
        """Mend a turn, seen in this version. Raises Conflict where it was changed since, NotFound, Refused."""
        require(who, "turn.set", dialogue)
        _check(turn)
        known = await self._read(dialogue, meeting)
        self._seen(known, turn.id, version)
        if known.turns.get(turn.id) == turn:
            return known.position
        return await self._record(who, dialogue, meeting, TurnChanged(*_fields(turn)), version)

    async def remove(self, who: Capability | None, dialogue: str, meeting: str, turn: str, version: int) -> int:
        """Take a turn away that was seen in this version. Raises Conflict, NotFound."""
        require(who, "turn.set", dialogue)
        known = await self._read(dialogue, meeting)
        self._seen(known, turn, version)
        return await self._record(who, dialogue, meeting, TurnRemoved(turn), version)

    def _seen(self, known: Known, turn: str, version: int) -> None:
        if turn not in known.versions:
            raise NotFound("There is no such turn in this meeting.")
        if known.versions[turn] != version or turn not in known.turns:
            raise _stale()

    async def _record(self, who: Capability | None, dialogue: str, meeting: str, event: TurnEvent, version: int) -> int:
        actor = require(who, "turn.set", dialogue).actor
        try:
            position = await self._log.append(
                public_stream(meeting), [encode(event)], subject=turn_subject(event.turn), expect=version
            )
        except Conflict:
            raise _stale() from None
        act = TurnActed(event.turn, _act(event), actor, self._now_ms(), meeting)
        desk = (await self._desks.of(dialogue)).desk
        await desk.record([act], acted_subject(event.turn), key=f"turn {meeting} {position}")
        return (await self._read(dialogue, meeting)).position

    async def _read(self, dialogue: str, meeting: str) -> Known:
        await self._desks.having(dialogue, meeting)
        stream = public_stream(meeting)
        known = self._known.setdefault(meeting, Known())
        epoch = await self._log.epoch(stream)
        if epoch != known.epoch:
            known = self._known[meeting] = Known(epoch)
        while records := await self._log.read(stream, known.position, 4096):
            fresh = [record for record in records if record.position > known.position]
            if not all(map(known.follow, fresh)):
                known = self._known[meeting] = Known(epoch)
        return known


def _act(event: TurnEvent) -> Literal["begin", "change", "remove"]:
    match event:
        case TurnBegan():
            return "begin"
        case TurnChanged():
            return "change"
        case TurnRemoved():
            return "remove"


def _fields(turn: Turn) -> tuple[str, int, str, str, Side]:
    return turn.id, turn.t, turn.name, turn.title, turn.side


def _same(holding: Turn | None, turn: Turn) -> bool:
    """Tell whether this person speaks already; nobody speaks before the first turn."""
    before = (holding.name, holding.title, holding.side) if holding else ("", "", turn.side)
    return before == (turn.name, turn.title, turn.side)


def _check(turn: Turn) -> None:
    if not _ID.fullmatch(turn.id) or not 0 <= turn.t <= _LATEST_MS:
        raise Refused("This is not a turn that can be set. Open the page again.")
    if max(len(turn.name), len(turn.title)) > MOST_LETTERS:
        raise Refused(f"A name has {MOST_LETTERS} letters at the most, and so has a title.")


def _stale() -> Conflict:
    return Conflict("Somebody else changed this turn in the meantime. Look at it again and decide again.")
