"""Correct what was said: the public record says in whose role, the desk alone who it was."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from hearing import correcting
from hearing.access import Action, Capability, require
from hearing.correcting import Decided, Wanted
from hearing.desk_events import CorrectionMade, correction_subject
from hearing.errors import Conflict, NotFound
from hearing.events import RecordCorrected, encode, public_stream
from hearing.log.base import Log
from hearing.meeting import Meeting
from hearing.qa.desks import Desks
from hearing.transcript import Transcript

logger = logging.getLogger(__name__)

_TRIES = 50
"""A meeting that is on grows by some ten records a second: few appends meet another, and none does so for long."""


class Fold(Protocol):
    """A meeting's public stream, folded as the public may read it."""

    position: int
    transcript: Transcript


class Corrections:
    """Corrections to the record of every meeting. `now_ms` is the clock of the desk.

    They are appended only where not a record came since the text was read: a correction never meets a passage that is
    being hidden or redacted, and of two editors the second is told.
    """

    def __init__(self, log: Log, desks: Desks, now_ms: Callable[[], int]) -> None:
        self._log = log
        self._desks = desks
        self._now_ms = now_ms

    async def make(
        self,
        who: Capability | None,
        meeting: Meeting,
        wanted: Sequence[Wanted],
        read: Callable[[int], Awaitable[Fold]],
        *,
        action: Action = "passage.correct",
    ) -> tuple[Decided, int]:
        """Correct segments, each that is still in the version that was seen; return that, and the stream's position.

        `read` returns the fold once it is as far as a position; `action` is what lets them: a captioner corrects what
        was typed on their channel, which the caller makes sure of. Raises Unauthorized, Forbidden, and Conflict where
        the stream never came to rest.
        """
        dialogue = meeting.created.dialogue
        actor = require(who, action, dialogue).actor
        if meeting.created.rehearses:
            raise NotFound("A rehearsal is nobody's record: nothing in it is corrected.")
        stream = public_stream(meeting.id)
        for _ in range(_TRIES):
            fold = await read(await self._log.head(stream))
            at_ms, position = self._now_ms(), fold.position
            decided = correcting.decide(fold.transcript, meeting, wanted, role=actor.role, at_ms=at_ms)
            if not decided.events:
                return decided, position
            bodies = [encode(event) for event in (*decided.events, RecordCorrected(decided.made, at_ms))]
            try:
                position = await self._log.append(stream, bodies, expect=position)
            except Conflict:
                continue
            logger.info("corrected meeting=%s segments=%d", meeting.id, len(decided.events))
            made = tuple((one.segment, one.version) for one in decided.made)
            desk = (await self._desks.of(dialogue)).desk
            await desk.record([CorrectionMade(meeting.id, made, actor, at_ms)], correction_subject(meeting.id))
            return decided, position
        raise Conflict("Too much is being said at once. Send it again.")
