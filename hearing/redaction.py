"""What a redaction takes out of what was said, and what it leaves. Pure.

The words of a cut are named by segment and ordinal, or by the time in which they were said. Which words and which
seconds go for good is settled only when all of them have their times: until then whole segments are hidden.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import get_args

import msgspec

from hearing import hidden, transcript
from hearing.errors import NotFound, Refused
from hearing.events import (
    SAMPLES_PER_MS,
    Basis,
    Cut,
    PassageRedacted,
    PublicEvent,
    RedactionEnded,
    SegmentKept,
    WordRange,
    WordsCommitted,
    WordsRedacted,
    decode_public,
)
from hearing.log.base import Record
from hearing.meeting import Meeting
from hearing.transcript import Segment, Spoken, Transcript

LEAST_MARGIN_MS = 150
"""A coded frame and its neighbours hold sound of each other, and a word's time is not exact."""

MOST_MARGIN_MS = 5_000
MOST_CUTS = 64
_ID = re.compile(r"[0-9a-f]{16}")
MOST_MS = 3_600_000
_PLACE = re.compile(r"(?P<segment>[a-z0-9-]{1,32}\.(?:0|[1-9][0-9]{0,8}))(?:\.(?P<word>0|[1-9][0-9]{0,3}))?")


class Wanted(msgspec.Struct, frozen=True):
    """What staff want to have taken out. `redaction` is an id, 16 hexadecimal digits: the same again is one."""

    redaction: str
    basis: Basis
    cuts: tuple[Cut, ...]
    picture: bool = False
    margin_ms: int = LEAST_MARGIN_MS


class Account(msgspec.Struct):
    """One public stream as a redaction reads it: whole, hidden or not. Mutable: `follow` changes it.

    `holders` are the positions of the records that say what was said in a segment, `kept` of those that say what a
    redaction leaves; `entries` are the lines that a segment was typed in. What the redaction `without` says anew is not
    folded in: it is worked out a second time.
    `stuck` is what the disk would not let go when it was last tried; a channel without a name is the picture.
    """

    without: str = ""
    epoch: int = 0
    said: Transcript = msgspec.field(default_factory=Transcript)
    position: int = 0
    asked: dict[str, PassageRedacted] = {}
    kept: dict[str, list[int]] = {}
    cuts: dict[str, tuple[Cut, ...]] = {}
    told: dict[str, list[int]] = {}
    ended: dict[str, int] = {}
    holders: dict[str, list[int]] = {}
    entries: dict[str, tuple[str, ...]] = {}
    stuck: dict[str, tuple[Cut, ...]] = {}

    @property
    def pending(self) -> list[str]:
        """The redactions that are not carried out yet."""
        return [one for one in self.asked if one not in self.ended]

    def missed(self, redaction: str) -> list[int]:
        """Return the records that came while a redaction was being told, and hold words that it takes out."""
        segments = {words.segment for cut in self.cuts[redaction] for words in cut.words}
        ends = max(self.kept.get(redaction, [0]))
        return [at for at in self.held(redaction, segments) if at < ends and at not in set(self.told[redaction])]

    def held(self, redaction: str, segments: Iterable[str]) -> list[int]:
        """Return the records that hold words of these segments, but for those that say what this redaction leaves."""
        found = {at for one in segments for at in self.holders.get(one, [])}
        return sorted(found - set(self.kept.get(redaction, [])))


class Plan(msgspec.Struct, frozen=True):
    """What goes, and what is said anew of the segments it goes from."""

    cuts: tuple[Cut, ...]
    kept: tuple[SegmentKept, ...]

    @property
    def segments(self) -> frozenset[str]:
        """The segments whose words are to be erased."""
        return frozenset(one.segment for one in self.kept)


def follow(account: Account, record: Record) -> None:
    """Fold the next record in."""
    event = decode_public(record.body)
    account.position = record.position
    if not (isinstance(event, SegmentKept) and event.redaction == account.without):
        transcript.apply(account.said, event)
    match event:
        case PassageRedacted():
            account.asked.setdefault(event.redaction, event)
        case WordsRedacted():
            account.cuts.setdefault(event.redaction, event.cuts)
            account.told.setdefault(event.redaction, []).extend(event.positions)
        case RedactionEnded():
            account.ended.setdefault(event.redaction, event.at_ms)
        case _:
            _hold(account, event)


def check(wanted: Wanted) -> None:
    """Raise Refused for what cannot be asked."""
    if not _ID.fullmatch(wanted.redaction):
        raise Refused("A redaction has an id of 16 hexadecimal digits. Open the page again.")
    if wanted.basis not in get_args(Basis):
        raise Refused(f"Say why: one of {', '.join(get_args(Basis))}.")
    if not 1 <= len(wanted.cuts) <= MOST_CUTS or any(cut.t1 - cut.t0 > MOST_MS for cut in wanted.cuts):
        raise Refused(f"A redaction takes 1 to {MOST_CUTS} passages out, each an hour long at the most.")
    if not LEAST_MARGIN_MS <= wanted.margin_ms <= MOST_MARGIN_MS:
        raise Refused(f"The margin of the sound is {LEAST_MARGIN_MS} to {MOST_MARGIN_MS} ms.")


def cut_words(meeting: Meeting, said: Transcript, channel: str, given: str) -> Cut:
    """Read words such as `en.5.3-en.5.4`, `en.5.3` or `en.5`: a whole segment. Raises NotFound, Refused."""
    first, dash, last = given.replace(" ", "").partition("-" + channel + ".")
    ends = [_PLACE.fullmatch(first), _PLACE.fullmatch(f"{channel}.{last}" if dash else first)]
    if None in ends or any(end and not end["segment"].startswith(f"{channel}.") for end in ends):
        raise Refused(f"Name words of this channel by segment and word, as in {channel}.5.3-{channel}.5.4")
    begin, end = (match for match in ends if match)
    spoken = said.channel(meeting.channel(channel).id)
    numbers = transcript.ordinal(begin["segment"]), transcript.ordinal(end["segment"])
    found = [segment for segment in spoken.segments if numbers[0] <= segment.ordinal <= numbers[1]]
    if not found or found[0].id != begin["segment"] or found[-1].id != end["segment"]:
        raise NotFound("There is no such segment, or it is not final yet. Read what was said again.")
    words = tuple(
        WordRange(
            segment.id,
            int(begin["word"] or 0) if segment is found[0] else 0,
            int(end["word"]) if segment is found[-1] and end["word"] else max(0, len(segment.words) - 1),
        )
        for segment in found
    )
    if any(not one.first <= one.last < len(segment.words) for one, segment in zip(words, found, strict=True)):
        raise NotFound("There are no such words. Count them from 0 within their segment, the first one first.")
    return _timed(spoken, Cut(channel, 0, 0, words))


def joined(cuts: Sequence[Cut]) -> Cut:
    """Make one cut of several of a channel."""
    return Cut(
        cuts[0].channel,
        min(cut.t0 for cut in cuts),
        max(cut.t1 for cut in cuts),
        tuple(words for cut in cuts for words in cut.words),
        any(cut.rough for cut in cuts),
    )


def cut_time(meeting: Meeting, channel: str, t0: int, t1: int) -> Cut:
    """Take whatever was said and sounded on a channel in this time. Raises NotFound, Refused."""
    if not 0 <= t0 < t1 <= t0 + MOST_MS:
        raise Refused("A stretch of media time is given in milliseconds, an hour at the most, as in 12000-13500")
    return Cut(meeting.channel(channel).id, t0, t1)


def ready(said: Transcript, cuts: Iterable[Cut]) -> bool:
    """Tell whether all words that may go have their times, or never get any because all is over."""
    return said.state == "closed" or all(_settled(said.channel(cut.channel), cut) for cut in cuts)


def plan(said: Transcript, event: PassageRedacted, entries: Mapping[str, tuple[str, ...]] | None = None) -> Plan:
    """Settle what goes, from the whole of what was said, hidden or not, when it is `ready`.

    `entries` are the lines that each segment was typed in.
    """
    entries = entries or {}
    over = said.state == "closed"
    cuts = tuple(_settle(said.channel(cut.channel), cut, over=over) for cut in event.cuts)
    taken: dict[str, set[int]] = {}
    for cut in cuts:
        for words in cut.words:
            taken.setdefault(words.segment, set()).update(range(words.first, words.last + 1))
    channels = dict.fromkeys(cut.channel for cut in cuts)
    kept = [
        _kept(event, segment, taken[segment.id], entries.get(segment.id, ()))
        for channel in channels
        for segment in said.channel(channel).segments
        if segment.id in taken
    ]
    return Plan(cuts, tuple(kept))


def again(account: Account, one: str) -> Wanted:
    """Return what a redaction takes out, as exactly as it is known: to ask for it on a copy from before."""
    event = account.asked[one]
    return Wanted(one, event.basis, account.cuts.get(one, event.cuts), event.picture, event.margin_ms)


def holds_words(event: PublicEvent | None, segments: Collection[str]) -> bool:
    """Tell whether a record says what was said in one of these segments, whatever kind of record it is."""
    return getattr(event, "segment", None) in segments and any(getattr(event, name, None) for name in ("words", "text"))


def left(segment: Segment, words: Iterable[WordRange]) -> list[str]:
    """Return the words of a segment as they would stand without these."""
    gone = {n for one in words if one.segment == segment.id for n in range(one.first, one.last + 1)}
    return ["" if n in gone else word for n, word in enumerate(segment.words)]


def _hold(account: Account, event: PublicEvent | None) -> None:
    segment = getattr(event, "segment", "")
    if segment and holds_words(event, (segment,)):
        account.holders.setdefault(segment, []).append(account.position)
    if isinstance(event, WordsCommitted) and event.entry:
        _enter(account, segment, (event.entry,))
    if isinstance(event, SegmentKept):
        account.kept.setdefault(event.redaction, []).append(account.position)
        _enter(account, segment, event.entries)


def _enter(account: Account, segment: str, entries: Iterable[str]) -> None:
    """Know the lines that a segment was typed in: of `source:count:seq:digest` not the digest, which tells the text."""
    numbers = [entry[: entry.rindex(":") + 1] if entry.count(":") == 3 else entry for entry in entries]
    if numbers:
        account.entries[segment] = tuple(dict.fromkeys((*account.entries.get(segment, ()), *numbers)))


def _settled(spoken: Spoken, cut: Cut) -> bool:
    if cut.words:
        found = [transcript.find(spoken, words.segment) for words in cut.words]
        return all(segment is None or segment.closed for segment in found)
    return not (spoken.segments or spoken.gaps) or spoken.settled_t() >= cut.t1


def _settle(spoken: Spoken, cut: Cut, *, over: bool) -> Cut:
    """Return the cut with the words that go and, where those have them, with their times.

    A segment that is still open was said behind all that is settled; once all is `over` it may have been said before.
    """
    if cut.words:
        return _timed(spoken, cut)
    segments = [one for one in spoken.segments if one.closed or over]
    near = [one for one in segments if hidden.takes(cut, one, *hidden.bounds(spoken, one))]
    words = tuple(words for segment in near for words in _within(segment, cut))
    return _timed(spoken, msgspec.structs.replace(cut, words=words))


def _within(segment: Segment, cut: Cut) -> Iterator[WordRange]:
    """Yield the words said in the time of a cut, in any version; all of a segment that has no times."""
    gone = segment.beneath(cut.t0, cut.t1)
    if gone:
        yield WordRange(segment.id, gone[0], gone[-1])


def _timed(spoken: Spoken, cut: Cut) -> Cut:
    """Give a cut the time of its words, besides its own; of words without times, the most that it can be."""
    spans = [] if cut.rough or cut.t0 == cut.t1 else [(cut.t0, cut.t1)]
    rough = False
    for words in cut.words:
        segment = transcript.find(spoken, words.segment)
        if segment is not None:
            spans.append(_span(spoken, segment, words))
            rough = rough or not segment.closed
    if not spans:
        return cut
    return Cut(cut.channel, min(t0 for t0, _ in spans), max(t1 for _, t1 in spans), cut.words, rough)


def _span(spoken: Spoken, segment: Segment, words: WordRange) -> tuple[int, int]:
    times: Sequence[tuple[int, int]] = segment.times or ()
    if len(times) <= words.last:
        return hidden.bounds(spoken, segment)
    return times[words.first][0], times[words.last][1]


def _kept(event: PassageRedacted, segment: Segment, taken: set[int], entries: tuple[str, ...]) -> SegmentKept:
    return SegmentKept(
        event.redaction,
        event.basis,
        segment.channel,
        segment.id,
        tuple("" if n in taken else word for n, word in enumerate(segment.words)),
        segment.through_t * SAMPLES_PER_MS,
        segment.t0,
        segment.t1,
        segment.times or (),
        segment.by,
        segment.language,
        entries,
    )
