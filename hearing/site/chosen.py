"""What staff have chosen to take out of the record, on every channel, and what that means word by word. Pure."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from hearing import likely, redaction, transcript
from hearing.errors import HearingError, NotFound
from hearing.events import Cut, SegmentCorrected
from hearing.house_events import Channel
from hearing.lang import join
from hearing.meeting import Meeting
from hearing.redaction import Account
from hearing.site import exporting, show
from hearing.site.found import mark
from hearing.site.i18n import Words
from hearing.transcript import Segment, Spoken

_AROUND = 1
_LEAD_MS = 3000

Going = Literal["words", "none", ""]
Asked = Callable[[str], str]
"""Gives a field of the form, or of the address; empty where there is none."""


class Side(msgspec.Struct, frozen=True):
    """One channel of the form: what was said there around the time, and which words are chosen.

    `going` is empty where nobody has decided yet; `found` tells that a word like the one chosen was said.
    """

    channel: Channel
    name: str
    segments: tuple[Segment, ...]
    first: str
    last: str
    going: Going
    found: bool = False


class Loss(msgspec.Struct, frozen=True):
    """What goes of a channel. `lines` hold, a segment each, pieces of text with whether they go.

    `corrections` are those of its segments: all of them go, for any may say what must go.
    """

    channel: Channel
    name: str
    lines: tuple[tuple[tuple[str, bool], ...], ...]
    count: int
    corrections: int
    start: str
    end: str
    seconds: str
    rough: bool
    listen_t: int


class Trace(msgspec.Struct, frozen=True):
    """Something that readers find in a segment's history: the text of an earlier version, or a reason."""

    kind: Literal["version", "reason"]
    text: str


def sides(words: Words, found: Meeting, account: Account, asked: Asked) -> list[Side]:
    """Read the choice of every channel: first the one that was asked for. Raises NotFound."""
    name = asked("segment")
    channel = found.channel(name.rpartition(".")[0])
    spoken = account.said.channel(channel.id)
    segment = transcript.find(spoken, name)
    if segment is None or not segment.words:
        raise NotFound("There is no such passage, or nothing of it is left. Open the list again.")
    at = spoken.segments.index(segment)
    around = tuple(one for one in spoken.segments[max(0, at - _AROUND) : at + _AROUND + 1] if one.words)
    begin, end = _ends(segment)
    first, last = asked("first") or begin, asked("last") or end
    cut = _cut(found, account, channel.id, first, last) or redaction.cut_words(found, account.said, channel.id, name)
    names = [word for one in cut.words for word in _words(spoken, one.segment)[one.first : one.last + 1]]
    corrected = [one for part in cut.words if (one := transcript.find(spoken, part.segment))]
    names += [word for one in corrected for word in one.says(cut.t0, cut.t1)]
    others = [one for one in found.created.channels if one.id != channel.id]
    chosen = [Side(channel, _name(words, channel), around, first, last, "words")]
    for other in others:
        near = likely.near(account.said.channel(other.id), cut, names, floor=other.kind == "floor")
        chosen.append(_other(other, _name(words, other), near, asked))
    return chosen


def going(chosen: Sequence[Side]) -> list[Side]:
    """Return the channels of which words go."""
    return [side for side in chosen if side.going == "words" and side.segments]


def cuts(found: Meeting, account: Account, chosen: Sequence[Side]) -> tuple[Cut, ...]:
    """Return what goes of each channel. Raises NotFound, Refused for words that are not there."""
    return tuple(
        redaction.cut_words(found, account.said, side.channel.id, f"{side.first}-{side.last}") for side in going(chosen)
    )


def loss(account: Account, cut: Cut, side: Side) -> Loss:
    """Show what a cut takes out."""
    spoken, zero = account.said.channel(cut.channel), account.said.media_zero_utc_ms
    segments = [found for one in cut.words if (found := transcript.find(spoken, one.segment))]
    return Loss(
        side.channel,
        side.name,
        tuple(_pieces(segment, cut, segment.spoken(side.channel.language)) for segment in segments),
        count(account, [cut]),
        corrections(account, [cut]),
        show.clock(zero, cut.t0),
        show.clock(zero, cut.t1),
        seconds(cut.t1 - cut.t0),
        cut.rough,
        max(0, cut.t0 - _LEAD_MS),
    )


def count(account: Account, wanted: Sequence[Cut]) -> int:
    """Count the words that go; one that is gone already does not count."""
    return sum(
        bool(word)
        for cut in wanted
        for one in cut.words
        for word in _words(account.said.channel(cut.channel), one.segment)[one.first : one.last + 1]
    )


def corrections(account: Account, wanted: Sequence[Cut]) -> int:
    """Count the corrections of the segments that words go from."""
    return len(_versions(account, wanted))


def seen(account: Account, wanted: Sequence[Cut]) -> str:
    """Name what was shown, so that nothing else is done."""
    shown = [cut.words for cut in wanted], [(one.segment, one.version) for one in _versions(account, wanted)]
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:16]


def traces(segment: Segment, language: str, query: str) -> list[Trace]:
    """Return where a search finds something in what a segment said before, or in why it was corrected."""
    texts = [join(segment.words, language), *(join([word.text for word in one], language) for one in segment.readings)]
    earlier = [Trace("version", text) for text in dict.fromkeys(texts[:-1]) if text != texts[-1]]
    reasons = [Trace("reason", one) for one in dict.fromkeys(version.reason for version in segment.versions)]
    return [one for one in [*earlier, *reasons] if mark(one.text, query) is not None]


def seconds(ms: int) -> str:
    """Write a length in seconds."""
    return f"{ms / 1000:.2f}".rstrip("0").rstrip(".")


def _other(channel: Channel, label: str, found: likely.Near, asked: Asked) -> Side:
    begin = _ends(found.segments[0])[0] if found.segments else ""
    first = asked(f"first-{channel.id}") or found.first or begin
    last = asked(f"last-{channel.id}") or found.last or begin
    suggested: Going = "words" if found.first else "none" if not found.segments else ""
    chosen = asked(f"go-{channel.id}")
    decided: Going = "words" if chosen == "words" else "none" if chosen == "none" else suggested
    return Side(channel, label, found.segments, first, last, decided, bool(found.first))


def _ends(segment: Segment) -> tuple[str, str]:
    """Name the first and the last word of a segment that are there."""
    there = [n for n, word in enumerate(segment.words) if word]
    return f"{segment.id}.{there[0]}", f"{segment.id}.{there[-1]}"


def _cut(found: Meeting, account: Account, channel: str, first: str, last: str) -> Cut | None:
    try:
        return redaction.cut_words(found, account.said, channel, f"{first}-{last}")
    except HearingError:  # chosen the wrong way round; the form says so
        return None


def _pieces(segment: Segment, cut: Cut, language: str) -> tuple[tuple[str, bool], ...]:
    """Cut a segment's text where words begin or cease to go."""
    pieces: list[tuple[str, bool]] = []
    run: list[str] = []
    left = redaction.left(segment, cut.words)
    for n, word in enumerate(segment.words):
        gone = not left[n] and bool(word)
        if run and pieces[-1][1] == gone:
            run.append(word)
            pieces[-1] = (join(run, language), gone)
        else:
            run = [word]
            pieces.append((join(run, language), gone))
    return tuple(pieces)


def _versions(account: Account, wanted: Sequence[Cut]) -> list[SegmentCorrected]:
    touched = dict.fromkeys((cut.channel, one.segment) for cut in wanted for one in cut.words)
    known = [transcript.find(account.said.channel(channel), segment) for channel, segment in touched]
    return [version for segment in known if segment for version in segment.versions]


def _words(spoken: Spoken, segment: str) -> list[str]:
    found = transcript.find(spoken, segment)
    return found.words if found else []


def _name(words: Words, channel: Channel) -> str:
    return exporting.language_of(words, channel)
