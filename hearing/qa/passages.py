"""Hide a passage from the live and show it again: the public record first, then who did it, which stays at the desk."""

import logging
import re
from collections.abc import Callable, Mapping

import msgspec

from hearing import hidden
from hearing.access import Capability, require
from hearing.desk_events import PassageActed, passage_subject
from hearing.errors import NotFound, Refused
from hearing.events import PassageHidden, PassageShown, decode_public, encode, public_stream
from hearing.hidden import Hidden
from hearing.log.base import Log
from hearing.qa.desks import Desks
from hearing.qa.rooms import Rooms

logger = logging.getLogger(__name__)

MOST_MS = 3_600_000
"""One passage is no longer than this: more is a meeting that should be closed."""

_TAG = b'"passage.'
_ID = re.compile(r"[0-9a-f]{16}")


class _Known(msgspec.Struct):
    """What one public stream says of passages, up to `position` of `epoch`."""

    epoch: int = 0
    position: int = 0
    hidden: Hidden = msgspec.field(default_factory=Hidden)


class Passages:
    """The hidden passages of every meeting. `now_ms` is the clock of the desk.

    The n-th turn of a passage has a key of its own, so that a repeat is one, and what was shown can be hidden again.
    """

    def __init__(self, log: Log, rooms: Rooms, desks: Desks, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self._log = log
        self._rooms = rooms
        self._desks = desks
        self._known: dict[str, _Known] = {}

    async def hide(self, who: Capability | None, dialogue: str, meeting: str, passage: PassageHidden) -> int:
        """Hide at once; return how far the public stream was by then.

        Raises Refused for a passage that cannot be, NotFound for a meeting that is not there.
        """
        actor = require(who, "passage.hide", dialogue).actor
        if not _ID.fullmatch(passage.hidden) or not 0 <= passage.t0 < passage.t1 <= passage.t0 + MOST_MS:
            raise Refused("This is not a passage that can be hidden. Open the page again.")
        known = (await self._read(dialogue, meeting)).hidden
        turn = known.turns.get(passage.hidden, 0)
        if passage.hidden not in known.passages:
            turn += 1
            await self._log.append(public_stream(meeting), [encode(passage)], key=_key(passage.hidden, turn))
            logger.info("passage_hidden meeting=%s", meeting)
        await self._note(dialogue, PassageActed(passage.hidden, "hide", actor, self.now_ms(), meeting), turn)
        return (await self._read(dialogue, meeting)).position

    async def show(self, who: Capability | None, dialogue: str, meeting: str, passage: str) -> int:
        """Show it again; return how far the public stream was by then. Raises NotFound for what was never hidden."""
        actor = require(who, "passage.hide", dialogue).actor
        known = (await self._read(dialogue, meeting)).hidden
        turn = known.turns.get(passage, 0)
        if not turn:
            raise NotFound("There is no such hidden passage.")
        if passage in known.passages:
            turn += 1
            await self._log.append(public_stream(meeting), [encode(PassageShown(passage))], key=_key(passage, turn))
        await self._note(dialogue, PassageActed(passage, "show", actor, self.now_ms(), meeting), turn)
        return (await self._read(dialogue, meeting)).position

    async def redacted(self, who: Capability | None, dialogue: str, meeting: str, redaction: str) -> None:
        """Note who asked for a redaction, which the public stream holds already; a repeat is noted once."""
        actor = require(who, "passage.redact", dialogue).actor
        await self._note(dialogue, PassageActed(redaction, "redact", actor, self.now_ms(), meeting), 0)

    async def acts(self, who: Capability | None, dialogue: str) -> Mapping[str, PassageActed]:
        """Return who hid or showed which passage last."""
        require(who, "passage.hide", dialogue)
        return (await self._desks.of(dialogue)).desk.state.passages

    async def _read(self, dialogue: str, meeting: str) -> _Known:
        if meeting not in [one.id for one in (await self._rooms.refresh()).meetings(dialogue)]:
            raise NotFound("This dialogue has no such meeting.")
        stream = public_stream(meeting)
        known = self._known.setdefault(meeting, _Known())
        epoch = await self._log.epoch(stream)
        if epoch != known.epoch:
            known = self._known[meeting] = _Known(epoch)
        while records := await self._log.read(stream, known.position, 4096):
            for record in records:
                if record.position > known.position:
                    known.position = record.position
                    event = decode_public(record.body) if _TAG in record.body else None
                    hidden.follow(known.hidden, event, record.position)
        return known

    async def _note(self, dialogue: str, event: PassageActed, turn: int) -> None:
        desk = (await self._desks.of(dialogue)).desk
        await desk.record([event], passage_subject(event.hidden), key=_key(event.hidden, turn))


def _key(passage: str, turn: int) -> str:
    return f"passage {passage} {turn}"
