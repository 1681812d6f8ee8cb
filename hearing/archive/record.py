"""The record of a meeting: its public stream, folded to a release that can be cited and exported. Pure.

While the meeting is on, the release is a provisional one, `r0`. Closing the meeting makes `r1`; whatever changes the
record afterwards makes the next. The same stream gives the same release, also once words of it are erased.
"""

import heapq
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

import msgspec

from hearing import events, house_events, transcript, turns
from hearing.errors import NotFound
from hearing.events import Basis, ChannelKind, Ended, GapReason, PublicEvent, Side
from hearing.lang import join
from hearing.log.base import Record
from hearing.meeting import Meeting
from hearing.realign import Said
from hearing.transcript import Mark, Spoken, Transcript
from hearing.turns import NOBODY, Heard

_SPACE = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029 ]+")
# Controls (Cc), half surrogates, what is no character in XML 1.0, and what reorders the text around it (UAX 9).
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_CARRIES_OUT = (events.SegmentKept, events.WordsRedacted, events.RedactionEnded)
_BESIDE = (events.SegmentCorrected, events.Redacted, events.QuestionEvent, events.NoticeEvent, *_CARRIES_OUT)


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """A word. `n` is its ordinal in its segment, for good; its times are known once alignment has given them.

    `taken`: it was taken out of the record, and has no text.
    """

    n: int
    text: str
    t0: int | None = None
    t1: int | None = None
    taken: bool = False


class Segment(msgspec.Struct, frozen=True):
    """One segment. Without times of its own yet (`timed`), t0 and t1 bound where it was heard.

    A `hidden` one is a tombstone: its words were taken away, its id and its place stay. `basis` says why words of it,
    or all, were taken out of the record; empty: none were. An empty `speaker`: nobody knows who spoke; `title` and
    `side` are the speaker's. `mark` says who answers for the text. `version` counts corrections, 0 being what the
    machine heard or a captioner typed; of a corrected one `machine` is that text. `language` is what it was said in;
    empty: the channel's.
    """

    id: str
    n: int
    t0: int
    t1: int
    timed: bool
    words: tuple[Word, ...] = ()
    text: str = ""
    hidden: bool = False
    mark: Mark = "machine"
    speaker: str = ""
    block: str = ""
    basis: Basis | Literal[""] = ""
    title: str = ""
    side: Side | None = None
    version: int = 0
    machine: str = ""
    language: str = ""

    def spoken(self, language: str) -> str:
        """Return what it was said in; `language` is its channel's."""
        return self.language or language


class Gap(msgspec.Struct, frozen=True):
    """Speech that has no words. `reason` says why."""

    t0: int
    t1: int
    reason: GapReason


class Quiet(msgspec.Struct, frozen=True):
    """The machine heard all of it, and no speech in it: a pause, or music."""

    t0: int
    t1: int


Entry = Segment | Gap | Quiet


class Channel(msgspec.Struct, frozen=True):
    """What is recorded of one channel, in order."""

    id: str
    language: str
    kind: ChannelKind
    entries: tuple[Entry, ...]
    languages: tuple[str, ...] = ()

    @property
    def segments(self) -> list[Segment]:
        """The segments, tombstones among them."""
        return [entry for entry in self.entries if isinstance(entry, Segment)]


class Release(msgspec.Struct, frozen=True):
    """A meeting's record, as it can be cited. Media time begins at `media_zero_utc_ms` and lasts until `end_t`."""

    id: str
    provisional: bool
    meeting: str
    dialogue: str
    title: str
    body: str
    media_zero_utc_ms: int | None
    end_t: int
    channels: tuple[Channel, ...]

    def channel(self, channel_id: str) -> Channel:
        """Return one channel. Raises NotFound."""
        for channel in self.channels:
            if channel.id == channel_id:
                return channel
        raise NotFound("This release has no such channel.")


class Numbered(msgspec.Struct, frozen=True):
    """The number of the release, and up to which one numbers were given in a history that is lost."""

    number: int = 0
    lost: int = 0


def renumbered(known: Numbered, record: Record, event: PublicEvent | None = None) -> Numbered:
    """Fold the next record of a stream in; `event` is what it says, where that was read before."""
    words_erased = record.erased and record.subject.startswith(events.CHANNELS)
    return renumber(known, event or events.decode_public(record.body), words_erased=words_erased)


def renumber(known: Numbered, event: PublicEvent | None, *, words_erased: bool = False) -> Numbered:
    """Fold a release's number: 0 while the meeting is on, one once it is closed, one more for each change since.

    `words_erased` tells of a record without an event that it held words: it counts as it did when it had them.
    """
    number, lost = known.number, known.lost
    match event:
        case Ended():
            return Numbered(max(number, lost + 1), lost)
        case events.ReleasesGiven():
            lost = max(lost, event.through)
            return Numbered(max(number, lost + 1) if number else 0, lost)
        case None:
            return Numbered(number + 1, lost) if number and words_erased else known
        case _:
            return known if number == 0 or isinstance(event, _BESIDE) else Numbered(number + 1, lost)


def release(meeting: Meeting, said: Transcript, number: int, channels: Collection[str] = ()) -> Release:
    """Make the release of what was said: of the channels that are named, or of all."""
    created = meeting.created
    return Release(
        f"r{number}",
        number == 0,
        meeting.id,
        created.dialogue,
        clean(created.title),
        clean(created.body),
        said.media_zero_utc_ms,
        max([said.state_t, *(spoken.through_t for spoken in said.channels.values())]),
        tuple(
            Channel(one.id, one.language, one.kind, _entries(said, one), one.languages)
            for one in created.channels
            if not channels or one.id in channels
        ),
    )


def _entries(said: Transcript, channel: house_events.Channel) -> tuple[Entry, ...]:
    heard = turns.heard(said.turns, channel.kind)
    return entries(said.channel(channel.id), channel.id, channel.language, heard=heard)


def entries(spoken: Spoken, channel: str, language: str, first: int = 0, *, heard: Heard = NOBODY) -> tuple[Entry, ...]:
    """Return a channel's segments from `first` on, its gaps, and where it was quiet.

    A tombstone stands for each segment that was erased whole.
    """
    known = [segment(one, language, heard) for one in spoken.segments]
    gaps = sorted({Gap(gap.t0, gap.t1, gap.reason) for gap in spoken.gaps}, key=lambda gap: (gap.t0, gap.t1))
    quiets = sorted({Quiet(quiet.t0, quiet.t1) for quiet in spoken.still}, key=lambda quiet: quiet.t0)
    return tuple(heapq.merge(_with_erased(known, channel, first), gaps, quiets, key=lambda entry: entry.t0))


def segment(said: transcript.Segment, language: str, heard: Heard = NOBODY, *, through: int | None = None) -> Segment:
    """Return a segment as it is recorded; with `through`, as it was at that version.

    One without words is a tombstone.
    """
    t0, t1 = said.span
    language = said.spoken(language)
    turn = heard.most(t0, t1) if said.words else None
    count = len([one for one in said.versions if through is None or one.version <= through])
    words = tuple(_word(one) for one in (said.readings[count - 1] if count else said.heard))
    return Segment(
        said.id,
        said.ordinal,
        t0,
        t1,
        said.closed,
        words,
        _text(words, language),
        hidden=not said.words,
        mark=said.versions[count - 1].mark if count else said.first_mark,
        basis=said.basis,
        speaker=clean(turn.name) if turn else "",
        title=clean(turn.title) if turn else "",
        side=turn.side if turn and turn.name else None,
        version=said.versions[count - 1].version if count else 0,
        machine=_text([_word(one) for one in said.heard], language) if count else "",
        language=said.language,
    )


def _text(words: Iterable[Word], language: str) -> str:
    return tidy(join((word.text for word in words if word.text or word.taken), language))


def _word(said: Said) -> Word:
    return Word(said.n, clean(said.text), said.t0, said.t1, not said.text)


def around(
    spoken: Spoken, channel: str, language: str, n: int, reach: int, *, heard: Heard = NOBODY
) -> tuple[Entry, ...]:
    """Return segment n with `reach` segments before and after it, and what is between them. Raises NotFound."""
    known = spoken.segments
    if not known or not 0 <= n <= known[-1].ordinal:
        raise NotFound("There is no such passage in this meeting, or it is not final yet.")
    at = bisect_left(known, n, key=lambda one: one.ordinal)
    near = Spoken(known[max(0, at - reach) : at + reach + 1])
    start, end = near.segments[0].after_t, near.segments[-1].through_t
    near.gaps = [gap for gap in spoken.gaps if gap.t1 > start and gap.t0 < end]
    near.quiets = [quiet for quiet in spoken.still if quiet.t1 > start and quiet.t0 < end]
    return entries(near, channel, language, min(n, near.segments[0].ordinal), heard=heard)


def shown(channel: Channel) -> Iterator[Entry]:
    """Yield what a reader is shown: of tombstones that follow each other the first, and nothing empty."""
    before: Entry | None = None
    for entry in channel.entries:
        again = isinstance(before, Segment) and before.hidden
        if not isinstance(entry, Segment) or (entry.hidden and not again) or entry.text:
            yield entry
        before = entry


def path(meeting: str, segment_id: str) -> str:
    """Return a segment's permanent address on its server."""
    channel, _, n = segment_id.rpartition(".")
    return f"/m/{meeting}/{channel}/{n}"


def clean(text: str) -> str:
    """Return the text as any file can hold it: no control character, and none that reorders what follows it."""
    return text if text.isprintable() else _SPACE.sub(" ", _DROPPED.sub("", text))


def tidy(text: str) -> str:
    """Return the text with single spaces."""
    return _SPACE.sub(" ", text).strip()


def _with_erased(known: list[Segment], channel: str, first: int) -> Iterator[Segment]:
    """Ordinals grow by one from `first`, so a number that is missing was erased."""
    expected, t = first, 0
    for one in known:
        yield from (_erased(channel, n, t) for n in range(expected, one.n))
        yield one
        expected, t = one.n + 1, one.t1


def _erased(channel: str, n: int, t: int) -> Segment:
    return Segment(transcript.segment_id(channel, n), n, t, t, timed=True, hidden=True)
