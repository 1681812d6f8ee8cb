"""What the API answers, as JSON: meetings, segments, and what went wrong. Times are ms of media time."""

import msgspec

from hearing.lang import join
from hearing.meeting import Meeting, Phase
from hearing.site.geneva import iso
from hearing.site.wire import SpeakerTurn
from hearing.transcript import Mark, Segment, StreamState, Transcript
from hearing.turns import NOBODY, Heard


class ChannelAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A channel, as the API tells it. `languages`: any of these may be spoken; each segment says which is."""

    id: str
    language: str
    kind: str
    languages: tuple[str, ...] = ()


class BlockAnswer(msgspec.Struct, frozen=True):
    """A block of the agenda, as the API tells it; 0 minutes: not said."""

    id: str
    title: str
    minutes: int


class MeetingAnswer(msgspec.Struct, frozen=True):
    """A meeting, as the API tells it. Times of day are ISO 8601 in UTC; `block` is what it deals with now.

    `rehearses`: only staff are told of it.
    """

    id: str
    dialogue: str
    title: str
    body: str
    profile: str
    phase: Phase
    state: StreamState
    channels: tuple[ChannelAnswer, ...]
    starts: str | None
    opened: str | None
    closed: str | None
    media_zero_utc: str | None
    agenda: tuple[BlockAnswer, ...] = ()
    block: str = ""
    rehearses: str | msgspec.UnsetType = msgspec.UNSET


class MeetingsAnswer(msgspec.Struct, frozen=True):
    meetings: list[MeetingAnswer]


class SegmentAnswer(msgspec.Struct, frozen=True):
    """A segment, as the API tells it; without times yet, `t0` and `t1` bound where it was heard. Hidden: no text.

    `basis` says why words were taken out of the record, where any were: `[…]` stands for them. `speaker` is empty
    where nobody knows. `mark` says who answers for the text. `version` counts corrections; of a corrected one `machine`
    is what the machine heard, or a captioner typed. `language` is what it was said in, on a floor of several.
    """

    segment: str
    channel: str
    t0: int
    t1: int
    text: str
    closed: bool
    hidden: bool
    basis: str = ""
    speaker: str = ""
    mark: Mark = "machine"
    version: int = 0
    machine: str = ""
    language: str = ""


class SegmentsAnswer(msgspec.Struct, frozen=True):
    """What was said, and whose turn it was on the floor; the feed goes on at `cursor`."""

    segments: list[SegmentAnswer]
    cursor: str
    turns: list[SpeakerTurn] = []


class Fault(msgspec.Struct, frozen=True):
    """What went wrong: a stable code, and what to do in words."""

    code: str
    text: str


def meeting_answer(meeting: Meeting, transcript: Transcript) -> MeetingAnswer:
    """Tell about a meeting. Where its source comes from is nobody's business."""
    created = meeting.created
    return MeetingAnswer(
        created.meeting,
        created.dialogue,
        created.title,
        created.body,
        created.profile,
        meeting.phase,
        "closed" if meeting.phase == "closed" else transcript.state,
        tuple(ChannelAnswer(one.id, one.language, one.kind, one.languages) for one in created.channels),
        iso(created.starts_ms),
        iso(meeting.opened_ms),
        iso(meeting.closed_ms),
        iso(transcript.media_zero_utc_ms),
        tuple(BlockAnswer(block.id, block.title, block.minutes) for block in created.agenda),
        meeting.block,
        created.rehearses or msgspec.UNSET,
    )


def segment_answer(segment: Segment, language: str, heard: Heard = NOBODY) -> SegmentAnswer:
    """Tell about a segment."""
    t0, t1 = segment.span
    turn = None if segment.hidden else heard.most(t0, t1)
    language = segment.spoken(language)
    return SegmentAnswer(
        segment.id,
        segment.channel,
        t0,
        t1,
        join(segment.shown, language),
        segment.closed,
        segment.hidden,
        segment.basis,
        turn.name if turn else "",
        segment.mark,
        segment.versions[-1].version if segment.versions else 0,
        join(segment.words, language) if segment.versions else "",
        "" if segment.hidden else segment.language,
    )
