"""What the feed says to readers, as JSON: one struct per event. Times are ms of media time."""

import msgspec

from hearing.board.base import Board
from hearing.events import (
    SAMPLES_PER_MS,
    ClockStarted,
    Ended,
    GapMarked,
    PassageShown,
    PublicEvent,
    QuietMarked,
    Redacted,
    RedactionEnded,
    RunEnded,
    RunEndReason,
    RunStarted,
    SegmentClosed,
    SegmentCorrected,
    SegmentKept,
    TurnEvent,
    WordsCommitted,
)
from hearing.hidden import Passage
from hearing.lang import join
from hearing.meeting import Meeting
from hearing.site import geneva
from hearing.transcript import Mark, Segment, StreamState, Wordless, after_run
from hearing.turns import Turn, Turns


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """Event `words`: they became final. `mark` where they are not the machine's: a captioner typed them.

    `language` is what they were said in, on a floor of several.
    """

    segment: str
    first_word: int
    words: tuple[str, ...]
    through_t: int
    low: bool = False
    mark: Mark = "machine"
    language: str = ""


class Timed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Event `segment`: its words have times now."""

    segment: str
    t0: int
    t1: int
    text: str
    language: str = ""


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """Event `kept`: what a redaction left of a segment, `[…]` where words were taken out; empty: nothing."""

    segment: str
    t0: int
    t1: int
    text: str
    basis: str
    language: str = ""


class Corrected(msgspec.Struct, frozen=True, omit_defaults=True):
    """Event `corrected`: somebody answers for this text now, in place of the machine or of a version before."""

    segment: str
    t0: int
    t1: int
    text: str
    mark: Mark
    version: int
    language: str = ""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Event `state`: what the stream does now."""

    state: StreamState
    t: int
    run: int | None = None
    reason: RunEndReason | None = None
    media_zero_utc: str | None = None


class Gap(msgspec.Struct, frozen=True):
    """Event `gap`: words are missing here."""

    channel: str
    t0: int
    t1: int
    reason: str


class Quiet(msgspec.Struct, frozen=True):
    """Event `quiet`: the machine heard all of this, and no speech in it."""

    channel: str
    t0: int
    t1: int


class Gone(msgspec.Struct, frozen=True):
    """Event `redacted`: read what you hold again, a part of it was erased."""

    position: int


class Hidden(msgspec.Struct, frozen=True):
    """Event `hidden`: staff took this passage out of the live; drop what you hold of it, on every channel."""

    hidden: str
    t0: int
    t1: int
    segments: tuple[str, ...] = ()

    @classmethod
    def of(cls, passage: Passage, segments: tuple[str, ...]) -> "Hidden":
        return cls(passage.id, passage.t0, passage.t1, segments)


class Shown(msgspec.Struct, frozen=True):
    """Event `shown`: a hidden passage is shown again; read again what you hold."""

    hidden: str


class Erased(msgspec.Struct, frozen=True):
    """Event `erased`: what a redaction took out is gone for good; its sound is silence, and plays again."""

    hidden: str


class SpeakerTurn(msgspec.Struct, frozen=True, omit_defaults=True):
    """Event `turn`: whose turn it is from `t` on, on the floor; or the turn is no more. Of each turn the last holds."""

    turn: str
    t: int = 0
    name: str = ""
    title: str = ""
    side: str = ""
    removed: bool = False

    @classmethod
    def of(cls, turn: Turn) -> "SpeakerTurn":
        return cls(turn.id, turn.t, turn.name, turn.title, turn.side)


class Reset(msgspec.Struct, frozen=True):
    """Event `reset`: the cursor means nothing here any more; everything follows from the beginning."""

    epoch: int


class Draft(msgspec.Struct, frozen=True):
    """Event `draft`, as the board holds it: `after` words of the segment are final. Empty text takes it away."""

    segment: str = ""
    after: int = 0
    text: str = ""
    language: str = ""


class Captions(msgspec.Struct, frozen=True):
    """Event `captions`, as the board holds it: how a channel's captions are doing."""

    state: str = "paused"
    late_ms: int = 0


class ChannelDraft(msgspec.Struct, frozen=True, omit_defaults=True):
    """Event `draft`, as it is sent."""

    channel: str
    segment: str
    after: int
    text: str
    language: str = ""

    @classmethod
    def of(cls, channel: str, draft: Draft) -> "ChannelDraft":
        return cls(channel, draft.segment, draft.after, draft.text, draft.language)


class ChannelCaptions(msgspec.Struct, frozen=True):
    """Event `captions`, as it is sent."""

    channel: str
    state: str
    late_ms: int


Payload = Said | Timed | Kept | Corrected | State | Gap | Quiet | Gone | Hidden | Shown | Erased | SpeakerTurn

_draft = msgspec.json.Decoder(Draft)
_captions = msgspec.json.Decoder(Captions)
_encode = msgspec.json.Encoder().encode


def sse(name: str, payload: msgspec.Struct, event_id: str = "") -> bytes:
    """Write one server-sent event; JSON holds no line break, so the payload is one `data` line."""
    head = f"id: {event_id}\nevent: {name}\n" if event_id else f"event: {name}\n"
    return head.encode() + b"data: " + _encode(payload) + b"\n\n"


def payload(event: PublicEvent | None) -> tuple[str, Payload] | None:
    """Return the event's name and what it says to readers; None where it says nothing to them."""
    match event:
        case WordsCommitted():
            through_t = event.through_sample // SAMPLES_PER_MS
            mark: Mark = "typed" if event.by else "machine"
            return "words", Said(
                event.segment, event.first_word, event.words, through_t, event.low, mark, event.language
            )
        case GapMarked() | QuietMarked():
            return _wordless(event)
        case Redacted():
            return "redacted", Gone(event.position)
        case PassageShown():
            return "shown", Shown(event.hidden)
        case RedactionEnded():
            return "erased", Erased(event.redaction)
        case _:
            state = _state(event)
            return ("state", state) if state else None


def _wordless(event: Wordless) -> tuple[str, Gap | Quiet]:
    if isinstance(event, QuietMarked):
        return "quiet", Quiet(event.channel, event.t0, event.t1)
    return "gap", Gap(event.channel, event.t0, event.t1, event.reason)


def _state(event: PublicEvent | None) -> State | None:
    match event:
        case ClockStarted():
            return State("live", 0, media_zero_utc=geneva.iso(event.media_zero_utc_ms))
        case RunStarted():
            return State("live", event.t, run=event.run)
        case RunEnded():
            return State(after_run(event), event.t, run=event.run, reason=event.reason)
        case Ended():
            return State("closed", event.t)
        case _:
            return None


def timed(event: SegmentClosed, segment: Segment | None, language: str) -> Timed | None:
    """Return what a closed segment says; None where its words are gone."""
    if segment is None:
        return None
    said = join(segment.shown, segment.spoken(language))
    return Timed(event.segment, event.t0, event.t1, said, segment.language)


def kept(segment: Segment | None, language: str) -> Kept | None:
    """Return what a redacted segment says now; None where it is hidden besides, or not there."""
    if segment is None or not segment.basis:
        return None
    t0, t1 = segment.span
    return Kept(segment.id, t0, t1, join(segment.shown, segment.spoken(language)), segment.basis, segment.language)


def corrected(segment: Segment | None, language: str) -> Corrected | None:
    """Return what a corrected segment says now; None where that is gone, or where a redaction took the corrections."""
    if segment is None or not segment.versions:
        return None
    last = segment.versions[-1]
    said = join(segment.shown, segment.spoken(language))
    return Corrected(segment.id, *segment.span, said, last.mark, last.version, segment.language)


def channel_of(event: PublicEvent | None) -> str | None:
    """Return the channel an event is about, None where it is about the whole meeting."""
    about = WordsCommitted | SegmentClosed | SegmentKept | SegmentCorrected | GapMarked | QuietMarked
    return event.channel if isinstance(event, about) else None


def turn_of(event: TurnEvent, turns: Turns) -> SpeakerTurn:
    """Tell what became of a turn by now."""
    known = turns.get(event.turn)
    return SpeakerTurn.of(known) if known else SpeakerTurn(event.turn, removed=True)


def decode_draft(body: bytes | None) -> Draft:
    """Decode what the board holds; an empty draft where it holds nothing."""
    return _draft.decode(body) if body else Draft()


def decode_captions(body: bytes | None) -> Captions:
    """Decode what the board holds; paused where nobody says anything."""
    return _captions.decode(body) if body else Captions()


async def captions_now(board: Board, meeting: Meeting) -> dict[str, Captions | None]:
    """Return how each channel's captions are doing, None where nobody has said."""
    now: dict[str, Captions | None] = {}
    for channel in meeting.created.channels:
        body = await board.get(f"captions:{meeting.id}:{channel.id}")
        now[channel.id] = decode_captions(body) if body else None
    return now
