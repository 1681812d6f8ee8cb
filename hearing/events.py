"""Every fact the public streams can hold: one frozen struct each, in the past tense, and their union.

Those of `house` and of the desks are in `house_events` and `desk_events`.

Released events never change: add an optional field or a new event. A reader skips a tag it does not know.
Times named `t` are integer milliseconds of media time, since the meeting's clock started. Samples are counted at
16 kHz from the same zero, so `sample == t * 16`.
"""

from typing import Literal, get_args

import msgspec

from hearing.access import Role

RATE_HZ = 16_000
SAMPLES_PER_MS = RATE_HZ // 1000

ChannelKind = Literal["floor", "interpretation"]
RunEndReason = Literal["ended", "lost", "killed", "missing", "no-audio", "unreadable", "restart"]
HumanMark = Literal["corrected", "verified"]
"""Who answers for a text that is not the machine's: who mended it, or who compared it with the floor."""

CAPTIONER: Literal["captioner"] = "captioner"
By = Literal["", "captioner"]
"""Whose words they are: the machine's, or typed by a captioner."""

GapReason = Literal["worker-lost", "unheard", "not-recorded", "overload"]
Basis = Literal["person-at-risk", "privacy", "confidential", "court-order", "error"]
"""Why words were taken out of the record."""
Side = Literal["delegation", "committee", "secretariat", "other"]


class Event(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """A fact."""


# --- stream `public:{meeting}`: what the world may see --------------------------------------------------------------


class ClockStarted(Event, frozen=True, tag="clock.started"):
    """The first sample plays at this UTC instant, milliseconds since the Unix epoch. Once per meeting."""

    media_zero_utc_ms: int


class RunStarted(Event, frozen=True, tag="run.started"):
    """An unbroken connection to the source began to play at `t`."""

    run: int
    t: int


class RunEnded(Event, frozen=True, tag="run.ended"):
    """The connection to the source is gone; nothing plays after `t` until another run starts.

    A `run` of 0 never started: the source could not be opened. `text` is for staff and names no secret.
    """

    run: int
    t: int
    reason: RunEndReason


class WordsCommitted(Event, frozen=True, tag="words.committed"):
    """Words became final. `first_word` is the ordinal of words[0] in its segment; heard through `through_sample`.

    A segment's id is `{channel}.{ordinal}`; ordinals start at 0 and grow by one. `low` marks words the engine was
    unsure of. `by` says that somebody typed them; `entry` names the line they came in, so that it counts once.
    `language` is what was spoken, on a floor of several languages; empty: the channel's.
    """

    channel: str
    segment: str
    first_word: int
    words: tuple[str, ...]
    through_sample: int
    low: bool = False
    by: By = ""
    entry: str = ""
    language: str = ""


class SegmentClosed(Event, frozen=True, tag="segment.closed"):
    """Alignment has given times: `word_times` holds (start, end) in ms of media time, one pair per word."""

    channel: str
    segment: str
    t0: int
    t1: int
    word_times: tuple[tuple[int, int], ...]


class GapMarked(Event, frozen=True, tag="gap.marked"):
    """Speech between t0 and t1 has no words, and never will without a second hearing."""

    channel: str
    t0: int
    t1: int
    reason: GapReason


class QuietMarked(Event, frozen=True, tag="quiet.marked"):
    """The machine heard all from t0 to t1 and found no speech in it: a pause, or music.

    It stands before the words or the gap that follow, or at the channel's end.
    """

    channel: str
    t0: int
    t1: int


class Ended(Event, frozen=True, tag="ended"):
    """The meeting was closed; nothing but corrections follows."""

    t: int


class Redacted(Event, frozen=True, tag="redacted"):
    """The record at `position` was erased: windows, pages, indexes and caches drop it."""

    position: int


class PassageHidden(Event, frozen=True, tag="passage.hidden"):
    """Staff took what was said from t0 to t1 out of the live, on all channels. It stays in the record."""

    hidden: str
    t0: int
    t1: int


class PassageShown(Event, frozen=True, tag="passage.shown"):
    """It is shown again."""

    hidden: str


class WordRange(msgspec.Struct, frozen=True):
    """Words of one segment, by their ordinals; `last` is one of them."""

    segment: str
    first: int
    last: int


class Cut(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes of one channel: these words, and the sound from t0 to t1. Without words: those said in that time.

    `rough`: some of the words have no times yet, so that t0 and t1 are the most that it can be.
    """

    channel: str
    t0: int
    t1: int
    words: tuple[WordRange, ...] = ()
    rough: bool = False


class PassageRedacted(Event, frozen=True, tag="passage.redacted"):
    """Staff take words and sound out of the record, for good. From here on nobody is shown them.

    The sound goes with `margin_ms` more on both sides; with `picture`, so does the picture of that time.
    """

    redaction: str
    basis: Basis
    cuts: tuple[Cut, ...]
    at_ms: int
    picture: bool = False
    margin_ms: int = 150


class SegmentKept(Event, frozen=True, tag="segment.kept"):
    """What a redaction leaves of a segment: a word that was taken out is empty, and keeps its ordinal and its time.

    `entries` are the lines that it was typed in, without what would tell their text: none counts a second time.
    """

    redaction: str
    basis: Basis
    channel: str
    segment: str
    words: tuple[str, ...]
    through_sample: int
    t0: int | None = None
    t1: int | None = None
    word_times: tuple[tuple[int, int], ...] = ()
    by: By = ""
    language: str = ""
    entries: tuple[str, ...] = ()


class WordsRedacted(Event, frozen=True, tag="words.redacted"):
    """The records at these positions hold words of a redaction and are being erased: drop them.

    What they leave was said anew before. `cuts` are the redaction's, as they are now that every word has its time.
    """

    redaction: str
    positions: tuple[int, ...]
    cuts: tuple[Cut, ...]


class RedactionEnded(Event, frozen=True, tag="redaction.ended"):
    """Its words, sound and picture are erased."""

    redaction: str
    at_ms: int


class TurnBegan(Event, frozen=True, tag="turn.began"):
    """This person speaks on the floor from `t` until the next turn; an empty `name`: nobody who is known.

    In the stream under the subject `turn:{turn}`, as what mends it.
    """

    turn: str
    t: int
    name: str = ""
    title: str = ""
    side: Side = "other"


class TurnChanged(Event, frozen=True, tag="turn.changed"):
    """Staff mended the turn: it is so from now on, and was never otherwise."""

    turn: str
    t: int
    name: str = ""
    title: str = ""
    side: Side = "other"


class TurnRemoved(Event, frozen=True, tag="turn.removed"):
    """There was no such turn: who spoke before goes on."""

    turn: str


class SegmentCorrected(Event, frozen=True, tag="segment.corrected"):
    """Somebody answers for the text of a segment that has its times: from here on it is read as `words`.

    Versions count from 1; 0 is the machine's text, which stays. `ids` holds an ordinal for each word: one that stayed
    keeps its own, a new one gets one that no word of the segment ever had. A word that was taken out of the record
    stays empty. `role` is all that is public of who did it.
    """

    channel: str
    segment: str
    version: int
    words: tuple[str, ...]
    ids: tuple[int, ...]
    mark: HumanMark
    role: Role
    at_ms: int
    reason: str = ""


class Made(msgspec.Struct, frozen=True):
    """A version of a segment. `spare` is the first ordinal that no word of it ever had."""

    segment: str
    version: int
    spare: int


class RecordCorrected(Event, frozen=True, tag="record.corrected"):
    """The corrections right before this record were made together: one change of the record, one release.

    It holds no text. A redaction takes corrections away and leaves this, so that no version, no ordinal and no
    release is ever given twice.
    """

    made: tuple[Made, ...]
    at_ms: int


class ReleasesGiven(Event, frozen=True, tag="releases.given"):
    """Releases up to `through` were given in a history that a restore did not bring back: none is given again.

    The record as it stands is the next one, and those between it and the one it was named nothing that is here.
    """

    through: int


class Wording(msgspec.Struct, frozen=True):
    """A text in one language."""

    language: str
    text: str


class QuestionPublished(Event, frozen=True, tag="question.published"):
    """Staff published what a participant sent. `question` is an id of its own; no time and no order tell who sent it.

    `theme` in place of `text` where its sender wants no more to be seen.
    """

    question: str
    kind: Literal["question", "information"]
    language: str
    text: str = ""
    theme: str = ""
    name: str = ""


class QuestionTurned(Event, frozen=True, tag="question.turned"):
    """It waits, comes next, or is being answered now.

    `nth` counts the turns of this question from 1, over all meetings' streams: the highest holds. 0: an older release.
    """

    question: str
    turn: Literal["queued", "next", "now"]
    nth: int = 0


class QuestionAnswered(Event, frozen=True, tag="question.answered"):
    """It was spoken to in these segments of this meeting, or in writing: `text`."""

    question: str
    meeting: str = ""
    segments: tuple[str, ...] = ()
    text: str = ""


class QuestionRemoved(Event, frozen=True, tag="question.removed"):
    """It is public no more; a Redacted record stands beside it, and its text is erased."""

    question: str


class NoticePublished(Event, frozen=True, tag="notice.published"):
    """The desk tells everybody something, or, as a call, asks for information."""

    notice: str
    texts: tuple[Wording, ...]
    call: bool = False
    block: str = ""


class NoticeRemoved(Event, frozen=True, tag="notice.removed"):
    """The notice was taken away."""

    notice: str


class CallEnded(Event, frozen=True, tag="call.ended"):
    """Answers to the call are not awaited any more; it stays readable."""

    notice: str


TurnEvent = TurnBegan | TurnChanged | TurnRemoved
QuestionEvent = QuestionPublished | QuestionTurned | QuestionAnswered | QuestionRemoved
NoticeEvent = NoticePublished | NoticeRemoved | CallEnded
CorrectionEvent = SegmentCorrected | RecordCorrected
RedactionEvent = PassageRedacted | SegmentKept | WordsRedacted | RedactionEnded
PublicEvent = (
    ClockStarted
    | RunStarted
    | RunEnded
    | WordsCommitted
    | SegmentClosed
    | GapMarked
    | QuietMarked
    | Ended
    | Redacted
    | PassageHidden
    | PassageShown
    | PassageRedacted
    | SegmentKept
    | WordsRedacted
    | RedactionEnded
    | TurnBegan
    | TurnChanged
    | TurnRemoved
    | SegmentCorrected
    | RecordCorrected
    | ReleasesGiven
    | QuestionPublished
    | QuestionTurned
    | QuestionAnswered
    | QuestionRemoved
    | NoticePublished
    | NoticeRemoved
    | CallEnded
)


class Tag(msgspec.Struct):
    """What every record says of itself."""

    type: str


_encoder = msgspec.json.Encoder()
encode = _encoder.encode
_public: msgspec.json.Decoder[PublicEvent] = msgspec.json.Decoder(PublicEvent)
_tag = msgspec.json.Decoder(Tag)
_PUBLIC_TAGS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(PublicEvent))


def public_stream(meeting: str) -> str:
    """Name the stream of what the world may see of a meeting."""
    return f"public:{meeting}"


REDACTIONS = "redactions"
"""The subject under which a meeting's redactions begin and end, in its public stream."""


CHANNELS = "channel:"
"""What the subjects begin with that hold the words of a channel and their times, and nothing else."""


def channel_subject(channel: str) -> str:
    """Name the subject under which a channel's words are appended, in its meeting's public stream."""
    return f"{CHANNELS}{channel}"


def turn_subject(turn: str) -> str:
    """Name the subject whose last position is the version of a speaker's turn, in its meeting's public stream."""
    return f"turn:{turn}"


def decode_public(body: bytes) -> PublicEvent | None:
    """Decode a record of a public stream; None for an erased record or an event of a later release."""
    if not body or _tag.decode(body).type not in _PUBLIC_TAGS:
        return None
    return _public.decode(body)
