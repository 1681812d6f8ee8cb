"""The second passes of every meeting: what was heard again is kept beside the record, until staff decide."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Protocol

from hearing import revision
from hearing.access import Capability, require
from hearing.errors import Conflict, NotFound, Refused
from hearing.events import Cut, public_stream
from hearing.hidden import SOUND_MARGIN_MS, Hidden
from hearing.log.base import Log
from hearing.meeting import Meeting
from hearing.revision import Piece, Proposal, Span, Standing
from hearing.revision_events import (
    RevisionDeclined,
    RevisionProposed,
    decode_revision,
    encode_revision,
    revision_stream,
)
from hearing.transcript import Transcript

logger = logging.getLogger(__name__)

_TRIES = 50


class Fold(Protocol):
    """A meeting's public stream, folded as the public may read it."""

    transcript: Transcript
    hidden: Hidden


class Revisions:
    """Proposals to the record of every meeting; none changes it. `now_ms` gives UTC milliseconds."""

    def __init__(self, log: Log, now_ms: Callable[[], int]) -> None:
        self._log = log
        self._now_ms = now_ms

    async def take(self, meeting: Meeting, piece: Piece, read: Callable[[int], Awaitable[Fold]]) -> int:
        """Keep what a piece proposes, and return how many proposals that are; the same piece again adds nothing.

        `read` returns the fold once it is as far as a position. Raises Refused where the meeting is not closed,
        NotFound for a channel it does not have, Conflict where others write without end.
        """
        check(meeting)
        language = meeting.channel(piece.channel).language
        for _ in range(_TRIES):
            fold = await read(await self._log.head(public_stream(meeting.id)))
            standing = await self.standing(meeting.id)
            segments, unheard = list(fold.transcript.channel(piece.channel).segments), _unheard(fold, piece.channel)
            events = await asyncio.to_thread(
                lambda: revision.decide(
                    standing,  # noqa: B023 - it is awaited here
                    segments,  # noqa: B023
                    piece,
                    language,
                    unheard=unheard,  # noqa: B023
                    at_ms=self._now_ms(),
                )
            )
            if not events:
                return 0
            bodies = [encode_revision(event) for event in events]
            try:
                last = await self._log.append(revision_stream(meeting.id), bodies, expect=standing.position)
            except Conflict:
                continue
            made = {last - n: one for n, one in enumerate(reversed(events)) if isinstance(one, RevisionProposed)}
            logger.info("revision_heard meeting=%s channel=%s proposals=%d", meeting.id, piece.channel, len(made))
            return len(made) - await self._take_back(meeting, made, read)
        raise Conflict("Somebody else hears this meeting again at the same time. Send it again.")

    async def standing(self, meeting: str) -> Standing:
        """Return what the second passes of a meeting came to."""
        standing = Standing()
        while records := await self._log.read(revision_stream(meeting), standing.position):
            for record in records:
                revision.follow(standing, decode_revision(record.body), record.position)
        return standing

    async def open(self, meeting: Meeting, fold: Fold) -> list[Proposal]:
        """Return the proposals that can be accepted, channel by channel."""
        standing = await self.standing(meeting.id)
        channels = [fold.transcript.channel(channel.id).segments for channel in meeting.created.channels]
        return [one for segments in channels for one in revision.open_proposals(standing, segments)]

    async def decline(self, who: Capability | None, meeting: Meeting, wanted: Iterable[int]) -> int:
        """Remember that staff declined these proposals; return how many of them were not before."""
        actor = require(who, "passage.correct", meeting.created.dialogue).actor
        for _ in range(_TRIES):
            standing = await self.standing(meeting.id)
            new = [at for at in dict.fromkeys(wanted) if at in standing.proposed and at not in standing.declined]
            if not new:
                return 0
            events = [RevisionDeclined(at, actor, self._now_ms()) for at in new]
            try:
                await self._log.append(
                    revision_stream(meeting.id), [encode_revision(one) for one in events], expect=standing.position
                )
            except Conflict:
                continue
            logger.info("revision_declined meeting=%s proposals=%d", meeting.id, len(new))
            return len(new)
        raise Conflict("Somebody else decides at the same time. Send it again.")

    async def _take_back(
        self, meeting: Meeting, made: dict[int, RevisionProposed], read: Callable[[int], Awaitable[Fold]]
    ) -> int:
        """Erase what was hidden or taken out while it was being proposed; what is later, its redaction erases."""
        fold = await read(await self._log.head(public_stream(meeting.id)))
        gone = [
            at
            for at, one in made.items()
            for segment in fold.transcript.channel(one.channel).segments
            if segment.id == one.segment and (segment.hidden or segment.basis)
        ]
        for at in gone:
            await self._log.erase(revision_stream(meeting.id), at)
        return len(gone)


def check(meeting: Meeting) -> None:
    """Raise NotFound for a rehearsal, Refused for a meeting that is not over."""
    if meeting.created.rehearses:
        raise NotFound("A rehearsal is nobody's record: nothing in it is heard again.")
    if meeting.phase != "closed":
        raise Refused("This meeting is not closed. It is heard again once it is over.")


async def forget(log: Log, meeting: str, cuts: Collection[Cut]) -> int:
    """Erase every proposal for a passage that cuts take words from; return how many. A repeat is harmless."""
    stream, position, erased = revision_stream(meeting), 0, 0
    while records := await log.read(stream, position):
        for record in records:
            position = record.position
            event = decode_revision(record.body)
            if isinstance(event, RevisionProposed) and any(_takes(cut, event) for cut in cuts):
                await log.erase(stream, position)
                erased += 1
    return erased


def _takes(cut: Cut, one: RevisionProposed) -> bool:
    if any(words.segment == one.segment for words in cut.words):
        return True
    reach = revision.REACH_MS
    return cut.channel == one.channel and one.t0 - reach < cut.t1 and one.t1 + reach > cut.t0


def _unheard(fold: Fold, channel: str) -> Sequence[Span]:
    """Return the stretches of a channel of which no word counts; a word's time may be off from its sound."""
    spans = [(one.t0, one.t1) for one in fold.hidden.passages.values()]
    for redaction in fold.hidden.redactions.values():
        spans += [(cut.t0, cut.t1) for cut in redaction.cuts if cut.channel == channel]
    return [(t0 - SOUND_MARGIN_MS, t1 + SOUND_MARGIN_MS) for t0, t1 in spans]
