"""What the pages show, worked out from the folds: pure, and free of markup but for search marks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from markupsafe import Markup, escape
from msgspec.structs import replace

from hearing import turns
from hearing.events import QuietMarked
from hearing.house_events import Channel
from hearing.lang import join
from hearing.meeting import Meeting
from hearing.site import found, geneva
from hearing.transcript import Mark, Segment, Spoken, Transcript, Wordless
from hearing.turns import Heard, Turn

Mode = Literal["text", "audio", "video"]
MODES: tuple[Mode, ...] = ("text", "audio", "video")
TAIL = 50
_TEXT_MB = 1.0
_HOUR_S = 3600
_MOMENT_DIGITS = 9


class Track(msgspec.Struct, frozen=True):
    """One recorded rendition, as far as a reader must know it before choosing. `bandwidth`: bits a second."""

    kind: Literal["audio", "video"]
    channel: str | None
    bandwidth: int


class Line(msgspec.Struct, frozen=True):
    """A segment as it stands in a transcript, or a gap or a `quiet` stretch in it: then it has no text.

    `count` is of words.

    A `hidden` one is a tombstone: it has no text and no words; `basis` says why, where they were taken out for good.
    `begins`: somebody else spoke before. `language` is what it was said in, on a floor of several; `turned`: another
    language was spoken before.
    """

    id: str
    text: Markup
    t: int
    through_t: int
    count: int
    clock: str
    media_time: str
    hidden: bool = False
    basis: str = ""
    mark: Mark = "machine"
    turn: Turn | None = None
    begins: bool = False
    language: str = ""
    turned: bool = False
    quiet: bool = False

    @property
    def speaker(self) -> tuple[str, str]:
        """How who says it is called, and their title; empty where nobody knows."""
        return (self.turn.name, self.turn.title) if self.turn else ("", "")


class ModeChoice(msgspec.Struct, frozen=True):
    """A way to follow, and what it costs in an hour."""

    mode: Mode
    megabytes: str


class Choice(msgspec.Struct, frozen=True):
    """What the reader chose, as far as it exists here. `from_t` is where the recording is to play from."""

    channel: Channel
    hear: Channel
    mode: Mode
    query: str
    everything: bool
    from_t: int | None = None


class Text(msgspec.Struct, frozen=True):
    """The lines to show, how many stand before them, and how many were found (None: nothing was searched)."""

    lines: list[Line]
    earlier: int
    found: int | None


def choose(meeting: Meeting, query: Mapping[str, str], modes: Sequence[ModeChoice], preferred: str) -> Choice:
    """Read the reader's choice from the address. Raises NotFound for a channel that is not there."""
    asked = query.get("channel")
    channel = meeting.channel(asked) if asked else _preferred(meeting, preferred)
    hear = query.get("hear")
    offered = {choice.mode for choice in modes}
    mode: Mode = next((mode for mode in MODES if mode == query.get("mode") and mode in offered), "text")
    words = " ".join(query.get("q", "").split())[: found.MAX_QUERY]
    everything = meeting.phase == "closed" or "all" in query
    return Choice(channel, meeting.channel(hear) if hear else channel, mode, words, everything, _moment(query.get("t")))


def modes(tracks: Iterable[Track], hear: str) -> list[ModeChoice]:
    """Return the ways to follow that exist, with what they cost: known before any byte of them is fetched."""
    known = list(tracks)
    sound = [track for track in known if track.kind == "audio"]
    picture = [track for track in known if track.kind == "video"]
    offered = [ModeChoice("text", _megabytes(_TEXT_MB))]
    if sound:
        heard = next((track.bandwidth for track in sound if track.channel == hear), sound[0].bandwidth)
        offered.append(ModeChoice("audio", _megabytes(_per_hour(heard))))
        if picture:
            seen = max(track.bandwidth for track in picture)
            offered.append(ModeChoice("video", _megabytes(_per_hour(heard + seen))))
    return offered


def text(transcript: Transcript, choice: Choice) -> Text:
    """Return what was said on the channel: all of it, what matches a search, or the newest."""
    spoken = transcript.channel(choice.channel.id)
    language = choice.channel.language
    zero = transcript.media_zero_utc_ms
    heard = turns.heard(transcript.turns, choice.channel.kind)
    if choice.query:
        marked = [(segment, found.mark(_said(segment, language), choice.query)) for segment in spoken.segments]
        lines = [_line(segment, said, zero, heard) for segment, said in marked if said is not None]
        return Text(_with_speakers(lines), 0, len(lines))
    start = 0 if choice.everything else max(0, len(spoken.segments) - TAIL)
    shown = spoken.segments[start:]
    lines = [_line(segment, escape(_said(segment, language)), zero, heard) for segment in shown]
    since = shown[0].after_t if start else 0
    return Text(_with_gaps(_with_speakers(lines), spoken, since, zero), start, None)


def duration_ms(transcript: Transcript) -> int:
    """Return how long the meeting was, in media time."""
    ends = [spoken.through_t for spoken in transcript.channels.values()]
    return max([transcript.state_t, *ends])


def clock(zero_ms: int | None, t: int) -> str:
    """Return Geneva time at `t`, the media time itself where the clock has not started."""
    return media_time(t) if zero_ms is None else f"{geneva.at(zero_ms + t):%H:%M:%S}"


def media_time(t: int) -> str:
    """Write media time as h:mm:ss."""
    seconds = max(0, t) // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _moment(given: str | None) -> int | None:
    """Read a media time; None for what is none."""
    return int(given) if given and len(given) <= _MOMENT_DIGITS and given.isascii() and given.isdigit() else None


def _preferred(meeting: Meeting, language: str) -> Channel:
    channels = meeting.created.channels
    spoken = [one for one in channels if one.language.split("-")[0] == language]
    return min(spoken, key=lambda one: len(one.languages) > 1, default=channels[0])


def _said(segment: Segment, language: str) -> str:
    return join(segment.shown, segment.spoken(language))


def _line(segment: Segment, said: Markup, zero: int | None, heard: Heard) -> Line:
    t, through_t = segment.span
    turn = None if segment.hidden else heard.most(t, through_t)
    words = len(segment.words)
    times = (t, through_t, words, clock(zero, t), media_time(t))
    language = "" if segment.hidden else segment.language
    return Line(segment.id, said, *times, segment.hidden, segment.basis, segment.mark, turn, language=language)


def _with_speakers(lines: list[Line]) -> list[Line]:
    """Mark the lines before which somebody else spoke, or another language was spoken."""
    before, language = ("", ""), ""
    marked: list[Line] = []
    for line in lines:
        begins = not line.hidden and line.speaker != before
        before = line.speaker if begins else before
        turned = line.language not in {"", language}
        language = line.language or language
        marked.append(replace(line, begins=begins, turned=turned) if begins or turned else line)
    return marked


def _with_gaps(lines: list[Line], spoken: Spoken, since: int, zero: int | None) -> list[Line]:
    wordless = [_wordless(one, zero) for one in spoken.wordless if one.t1 > since]
    return sorted([*lines, *wordless], key=lambda line: line.t) if wordless else lines


def _wordless(one: Wordless, zero: int | None) -> Line:
    is_quiet = isinstance(one, QuietMarked)
    name = f"{'quiet' if is_quiet else 'gap'}-{one.t0}"
    return Line(name, Markup(), one.t0, one.t1, 0, clock(zero, one.t0), media_time(one.t0), quiet=is_quiet)


def _per_hour(bandwidth: int) -> float:
    return bandwidth / 8 * _HOUR_S / 1_000_000


def _megabytes(exact: float) -> str:
    """Round as a reader would: nobody's link is known to the megabyte."""
    step = 1 if exact < 20 else 5 if exact < 100 else 10
    return str(max(1, round(exact / step) * step))
