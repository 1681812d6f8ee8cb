"""What staff took out of the live, and what that covers. Pure.

A passage is a stretch of media time on all channels: a name said on the floor comes again from every interpreter, some
seconds later. Text is hidden by whole segments, and a segment once hidden stays hidden until the passage is shown
again: to hide too much is right, to hide too little is the defect.

What is being redacted is hidden too, on its own channels alone, until its words are erased and what they leave is said
anew; its sound until that is erased.
"""

from collections.abc import Iterable

import msgspec

from hearing import transcript
from hearing.events import (
    Cut,
    PassageHidden,
    PassageRedacted,
    PassageShown,
    PublicEvent,
    Redacted,
    RedactionEnded,
    SegmentClosed,
    SegmentCorrected,
    SegmentKept,
    WordsCommitted,
    WordsRedacted,
)
from hearing.transcript import Segment, Spoken, Transcript

AHEAD_MS = 12_000
"""An interpreter who translates from an interpreter has said it by then."""

JUST_MS = 15_000
"""What was just said: what was heard so long before, and the time it takes to find the key."""

MOST_LATE_MS = 300_000
"""So far back at the most: captions may be late, or the server's clock may have been set while the meeting was on."""

SOUND_MARGIN_MS = 500
"""How far a word's time may be from its sound."""

_UNTIMED_MS = 60_000
"""A word without time was said so long before its segment was heard through, at most: twice the engine's window."""

_OVERLAP_MS = 1000
"""Alignment may let a segment begin so long before the end of the one before it."""


class Passage(msgspec.Struct, frozen=True):
    """A hidden passage. `position` is that of the record which hid it."""

    id: str
    t0: int
    t1: int
    position: int = 0

    def covers(self, t0: float, t1: float) -> bool:
        """Tell whether something that lasts from t0 to t1 has a part in it."""
        return t0 < self.t1 and max(t1, t0 + 1) > self.t0


class Redaction(msgspec.Struct):
    """A redaction: `told` once its words are being erased and what they leave was said anew, `ended` when all is gone.

    `position` is that of the record which asked for it: from `told` on it hides no more, as a passage that is shown
    again. Mutable: `follow` changes it.
    """

    id: str
    cuts: tuple[Cut, ...]
    margin_ms: int = 0
    picture: bool = False
    position: int = 0
    told: bool = False
    ended: bool = False

    @property
    def passage(self) -> Passage:
        """All of it as one stretch of time."""
        return Passage(self.id, min(cut.t0 for cut in self.cuts), max(cut.t1 for cut in self.cuts))

    @property
    def segments(self) -> frozenset[str]:
        """The segments whose words go, as far as they are named."""
        return frozenset(words.segment for cut in self.cuts for words in cut.words)

    def covers(self, segment: Segment, t0: int, t1: int) -> bool:
        """Tell whether words of a segment go that was said from t0 to t1."""
        return any(takes(cut, segment, t0, t1) for cut in self.cuts)

    def reaches(self, channel: str | None, t0: float, t1: float) -> bool:
        """Tell whether sound of a channel from t0 to t1 goes; the picture, where no channel is named."""
        cuts = self.cuts if self.picture or channel else ()
        lost = [cut for cut in cuts if channel in (None, cut.channel)]
        return any(t0 < cut.t1 + self.margin_ms and t1 > cut.t0 - self.margin_ms for cut in lost)


class Hidden(msgspec.Struct):
    """The passages hidden now, and all redactions. Mutable: `follow` and `apply` change it.

    `turns` counts how often each was hidden or shown; `segments` maps a hidden segment to the passage that hides it.
    """

    passages: dict[str, Passage] = {}
    turns: dict[str, int] = {}
    segments: dict[str, str] = {}
    redactions: dict[str, Redaction] = {}

    def passage_of(self, segment: str) -> Passage:
        """Return what hides a segment."""
        by = self.segments[segment]
        return self.passages[by] if by in self.passages else self.redactions[by].passage

    def of(self, passage: str) -> tuple[str, ...]:
        """Return the segments that a passage hides, or that a redaction takes words out of."""
        named = self.redactions[passage].segments if passage in self.redactions else ()
        return tuple(dict.fromkeys([*(one for one, by in self.segments.items() if by == passage), *named]))

    def sounds_in(self, t0: float, t1: float, channel: str | None) -> bool:
        """Tell whether a channel's sound from t0 to t1 is hidden; the picture, where no channel is named.

        A picture that was redacted is gone for good; sound that was is silence.
        """
        if any(one.covers(t0 - SOUND_MARGIN_MS, t1 + SOUND_MARGIN_MS) for one in self.passages.values()):
            return True
        for one in self.redactions.values():
            margin_ms = 0 if one.ended else SOUND_MARGIN_MS
            if (channel is None or not one.ended) and one.reaches(channel, t0 - margin_ms, t1 + margin_ms):
                return True
        return False

    def edition(self, t0: float, t1: float, channel: str | None) -> tuple[str, ...]:
        """Name what was taken out of a channel's sound about this time: those bytes are not what they were.

        Widely: a frame that holds sound of another's time may lie in the segment before.
        """
        near = t0 - SOUND_MARGIN_MS, t1 + SOUND_MARGIN_MS
        return tuple(one.id for one in self.redactions.values() if one.reaches(channel, *near))


def follow(hidden: Hidden, event: PublicEvent | None, position: int = 0) -> None:
    """Fold one event in; those that hide and show nothing change nothing."""
    match event:
        case PassageHidden() if event.hidden not in hidden.passages:
            hidden.passages[event.hidden] = Passage(event.hidden, event.t0, event.t1, position)
        case PassageShown() if event.hidden in hidden.passages:
            del hidden.passages[event.hidden]
        case PassageRedacted() | WordsRedacted() | RedactionEnded():
            _redact(hidden, event, position)
            return
        case _:
            return
    hidden.turns[event.hidden] = hidden.turns.get(event.hidden, 0) + 1


def apply(said: Transcript, hidden: Hidden, event: PublicEvent | None, position: int = 0) -> None:
    """Fold one event of a public stream in as the public may read it: no word of a hidden passage is kept.

    To show a passage again, fold again without the record that hid it.
    """
    follow(hidden, event, position)
    transcript.apply(said, event)
    match event:
        case PassageHidden():
            for spoken in said.channels.values():
                _blank(spoken, spoken.segments, hidden)
        case PassageRedacted():
            for channel in {cut.channel for cut in event.cuts}:
                _blank(said.channel(channel), said.channel(channel).segments, hidden)
        case WordsCommitted() | SegmentClosed() | SegmentKept() | SegmentCorrected():
            spoken = said.channel(event.channel)
            segment = transcript.find(spoken, event.segment)
            kept = event.redaction if isinstance(event, SegmentKept) else ""
            if kept:
                hidden.segments.pop(event.segment, None)
            _blank(spoken, [segment] if segment else [], hidden, kept)
        case _:
            pass


def voids(hidden: Hidden, event: PublicEvent | None) -> tuple[int, ...]:
    """Return the records that count no more: those that were erased, or the one that hid what is shown again."""
    match event:
        case Redacted():
            return (event.position,)
        case WordsRedacted():
            asked = hidden.redactions.get(event.redaction)
            return (*event.positions, asked.position) if asked and not asked.told else event.positions
        case PassageShown() if event.hidden in hidden.passages:
            return (hidden.passages[event.hidden].position,)
        case _:
            return ()


def takes(cut: Cut, segment: Segment, t0: int, t1: int) -> bool:
    """Tell whether a cut takes words of a segment that was said from t0 to t1."""
    if cut.words:
        return any(words.segment == segment.id for words in cut.words)
    return cut.channel == segment.channel and t0 < cut.t1 and max(t1, t0 + 1) > cut.t0


def withholds_drafts(hidden: Hidden, spoken: Spoken, channel: str) -> bool:
    """Tell whether a draft of a channel may hold hidden words: it is text after the last word that has a time."""
    pending = [one for one in hidden.redactions.values() if not one.told]
    ends = [cut.t1 for one in pending for cut in one.cuts if cut.channel == channel]
    ends += [passage.t1 for passage in hidden.passages.values()]
    return any(t1 > _untimed_from(spoken, None, spoken.through_t) for t1 in ends)


def around(spoken: Spoken, segment: Segment, now_t: int, *, floor: bool) -> tuple[int, int]:
    """Return the passage to hide for what one segment says: on the floor before, where it is an interpreter's."""
    t0, t1 = bounds(spoken, segment)
    t1 = t1 if segment.closed else max(t1, now_t)
    return max(0, t0 - (0 if floor else AHEAD_MS)), t1 + AHEAD_MS


def just_said(now_t: int, through_t: int, *, floor: bool) -> tuple[int, int]:
    """Return the passage to hide for what was just said; a reader of captions reacts to what they have come to."""
    seen_t = max(min(now_t, through_t), now_t - MOST_LATE_MS)
    return max(0, seen_t - JUST_MS - (0 if floor else AHEAD_MS)), now_t + AHEAD_MS


def bounds(spoken: Spoken, segment: Segment) -> tuple[int, int]:
    """Return the media time in which the segment was said: until it has times, the most it can be."""
    if segment.t0 is not None and segment.t1 is not None:
        return segment.t0, segment.t1
    return _untimed_from(spoken, segment, segment.through_t), segment.through_t


def _redact(hidden: Hidden, event: PassageRedacted | WordsRedacted | RedactionEnded, position: int) -> None:
    known = hidden.redactions.get(event.redaction)
    match event:
        case PassageRedacted() if known is None:
            new = Redaction(event.redaction, event.cuts, event.margin_ms, event.picture, position)
            hidden.redactions[event.redaction] = new
        case WordsRedacted():
            known = hidden.redactions.setdefault(event.redaction, Redaction(event.redaction, event.cuts))
            known.told, known.cuts = True, event.cuts
        case RedactionEnded() if known:
            known.ended = True
        case _:
            pass


def _blank(spoken: Spoken, segments: Iterable[Segment], hidden: Hidden, kept: str = "") -> None:
    """Take the words out of those segments that are hidden; of what a redaction `kept`, this one hides nothing."""
    pending = [one for one in hidden.redactions.values() if not one.told and one.id != kept]
    for segment in segments:
        if not segment.hidden:
            t0, t1 = bounds(spoken, segment)
            by = next((one.id for one in hidden.passages.values() if one.covers(t0, t1)), "")
            by = by or next((one.id for one in pending if one.covers(segment, t0, t1)), "")
            if not by:
                continue
            segment.hidden, hidden.segments[segment.id] = True, by
        segment.blank()


def _untimed_from(spoken: Spoken, segment: Segment | None, through_t: int) -> int:
    """Return where words without times may begin: those of a segment, or those after all segments."""
    behind = reversed(spoken.segments)
    if segment is not None:
        next(one for one in behind if one is segment)
    timed = next((one.t1 for one in behind if one.t1 is not None), 0)
    return max(0, timed - _OVERLAP_MS, through_t - _UNTIMED_MS)
