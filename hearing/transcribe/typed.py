"""A captioner's text: cut to words, placed in media time, and known again when it is sent twice. Pure."""

import hashlib
import itertools
from collections.abc import Sequence

import msgspec

from hearing import realign
from hearing.errors import Refused
from hearing.events import CAPTIONER, SAMPLES_PER_MS, SegmentClosed, SegmentKept, WordsCommitted
from hearing.house_events import Channel
from hearing.lang import TAKEN, join
from hearing.transcribe.verify import MAX_WORD, next_ordinal
from hearing.transcript import Segment, Spoken, segment_id

MAX_LINE = 2000
"""Characters of one line."""
MAX_SEQ = 2**53
_KEPT = 4096
"""Numbers that are known of one count, and names of lines; what is older is refused."""
_MOST_WORDS = 60
"""A passage this long ends, whether a sentence does or not."""
_WORD_MS, _LETTER_MS = 120, 60
"""How long a word lasts: some 140 words of five letters a minute."""
_OVERLAP_WORDS = 12
_LEAST_SAME = 3
_NEAR_MS = 5000
"""So rough is what is known of when a line was said."""
_UNTOLD = ""
"""The digest of a line that a redaction took words from: whatever comes under its number was taken before."""
_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "۔", "»", "”")


class Line(msgspec.Struct, frozen=True):
    """What a captioner sent: under the number `seq` of their `source`, or under a `name` of its own.

    `lag_ms` is how far behind the live edge they hear; `ends`: a line break followed. `language` is what it is in,
    where the channel has several; empty: not said.
    """

    text: str
    source: str = ""
    seq: int = 0
    name: str = ""
    lag_ms: int = 0
    ends: bool = False
    language: str = ""


class Count(msgspec.Struct):
    """The numbers of one source: which it used for what, since it began to count."""

    number: int = 0
    last: int = 0
    used: dict[int, str] = {}
    again: int = -1


class Counts:
    """Every line that was taken, by its name: `source:count:seq:digest`, or what its page called it."""

    def __init__(self) -> None:
        self._counts: dict[str, Count] = {}
        self._names: dict[str, None] = {}

    def last(self, source: str) -> int:
        """Return the highest number a source used since it began to count; 0 before the first."""
        return self._counts[source].last if source in self._counts else 0

    def name(self, line: Line) -> str | None:
        """Name a line; None for one that was taken before. Raises Refused for a number used for something else.

        A source that begins again at 0 or 1 with another text has been started anew, and so has its count.
        """
        if not line.source:
            return None if line.name in self._names else line.name
        count, digest = self._counts.get(line.source, Count()), _digest(line.text)
        if count.used.get(line.seq) in {digest, _UNTOLD}:
            count.again = line.seq if line.seq <= 1 or line.seq == count.again + 1 else -1
            return None
        number = count.number
        if line.seq in count.used or line.seq < count.last - _KEPT or (line.seq == 0 and count.last > 1):
            if line.seq > 1 and count.again != line.seq - 1:
                raise Refused(f"Number {line.seq} was used for another caption. The last one was {count.last}.")
            number += 1
        return f"{line.source}:{number}:{line.seq}:{digest}"

    def know(self, event: WordsCommitted | SegmentKept) -> None:
        """Know the lines that the log tells of."""
        for name in event.entries if isinstance(event, SegmentKept) else (event.entry,):
            if name:
                self.take(name)

    def take(self, name: str) -> None:
        """Know a line from now on, by its name."""
        source, _, rest = name.rpartition(":")[0].partition(":")
        if not rest:
            self._names[name] = None
            if len(self._names) > _KEPT:
                del self._names[next(iter(self._names))]
            return
        number, seq = map(int, rest.split(":"))
        count = self._counts.setdefault(source, Count(number))
        if number < count.number:  # the log is read again
            return
        if count.number != number:
            count = self._counts[source] = Count(number)
        count.used[seq], count.last, count.again = name.rpartition(":")[2], max(count.last, seq), -1
        if len(count.used) > _KEPT:
            del count.used[min(count.used)]


class Hand(msgspec.Struct):
    """A captioner's hold of a channel, while `until_s` is not over. `assumed`: from the log, of before a restart.

    `segment` is the passage that is being written, `times` those of its words; `spoke_s` is when the last came.
    """

    delay_ms: int = 3000
    silence_s: float = 15.0
    until_s: float | None = None
    spoke_s: float = 0.0
    assumed: bool = False
    segment: str = ""
    times: tuple[tuple[int, int], ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether the captioner writes the channel."""
        return self.until_s is not None

    def hold(self, now_s: float, *, assumed: bool = False) -> None:
        """Write from now on, until nothing has come for a while."""
        self.until_s, self.assumed = now_s + self.silence_s, assumed

    def let_go(self) -> None:
        """Leave the channel to the machine."""
        self.until_s, self.assumed = None, False


Typed = WordsCommitted | SegmentClosed


class Written(msgspec.Struct, frozen=True):
    """What is to be stored, and the passage that goes on after it, with the times of its words."""

    facts: tuple[Typed, ...] = ()
    segment: str = ""
    times: tuple[tuple[int, int], ...] = ()


def language_of(line: Line, channel: Channel, spoken: Spoken) -> str:
    """Return which of a channel's several languages a line is in; empty where the channel has one alone.

    What the line says (`fr-CH` is `fr`); where it says none, the last that was spoken. Raises Refused for another.
    """
    if len(channel.languages) < 2:
        return ""
    said = line.language.lower().replace("_", "-")
    if not said:
        last = spoken.segments[-1].language if spoken.segments else ""
        return last if last in channel.languages else channel.language
    for same in (str, lambda tag: tag.partition("-")[0]):
        for known in channel.languages:
            if same(known.lower()) == same(said):
                return known
    raise Refused(f"This channel is in {', '.join(channel.languages)}: set your captions to one of these languages.")


def words_of(text: str, language: str) -> tuple[str, ...]:
    """Cut a text into words, each printable and of bounded length."""
    text = "".join(c if c.isprintable() else " " for c in text.replace(TAKEN, "..."))
    words = (kept.text for kept in realign.realign((), text, language, 0))
    return tuple(word[at : at + MAX_WORD] for word in words for at in range(0, len(word), MAX_WORD))


def written(hand: Hand, line: Line, name: str, channel: tuple[str, str], spoken: Spoken, *, now_t: int) -> Written:
    """Return what a line adds to its channel, (id, language): the rest of a passage, or one of its own.

    A line that says its language is in that one, and so is its passage.

    Its words are given the time before `now_t`, less what it takes to hear and type; they follow all that was said.
    What the machine said of it already, at the hand-over, is not said again.
    """
    key, language = channel
    words = words_of(line.text, line.language or language)
    heard_t = now_t - line.lag_ms
    before = end_of(hand, spoken)
    about_t = heard_t - hand.delay_ms - _lasts(words)
    if spoken.segments and spoken.segments[-1].by != CAPTIONER and before > about_t - _NEAR_MS:
        words = words[_same(spoken, words) :]
    mine = _going_on(hand, spoken, line.language)
    rest = Written() if mine else closed(hand, key, spoken)
    if not words:
        return closed(hand, key, spoken) if line.ends else rest if rest.facts else _as_it_is(hand)
    before = max([before, *(fact.t1 for fact in rest.facts if isinstance(fact, SegmentClosed))])
    end = max(before, heard_t - hand.delay_ms, min(now_t, before + _lasts(words)))
    segment, first = (mine.id, len(mine.words)) if mine else (segment_id(key, next_ordinal(spoken)), 0)
    times = (*(hand.times if mine else ()), *times_of(words, max(before, end - _lasts(words)), end))
    through, mark = end * SAMPLES_PER_MS, line.language
    said = WordsCommitted(key, segment, first, words, through, by=CAPTIONER, entry=name, language=mark)
    if line.ends or len(times) >= _MOST_WORDS or words[-1].endswith(_ENDS):
        return Written((*rest.facts, said, SegmentClosed(key, segment, times[0][0], end, times)))
    return Written((*rest.facts, said), segment, times)


def closed(hand: Hand, channel: str, spoken: Spoken) -> Written:
    """Return times for all segments that have none: those of the captioner as they came, the machine's spread."""
    facts: list[Typed] = []
    pending = spoken.open_segments()
    ends = [one.t1 for one in spoken.segments[: len(spoken.segments) - len(pending)] if one.t1 is not None]
    before = max([0, *ends[-1:]])
    for segment in pending:
        end = max(before, segment.through_t)
        times = tuple(times_of(segment.words, max(before, end - _lasts(segment.words)), end))
        if segment.id == hand.segment and len(hand.times) == len(times):
            times = hand.times
        t0, t1 = (times[0][0], times[-1][1]) if times else (before, end)
        facts.append(SegmentClosed(channel, segment.id, t0, t1, times))
        before = t1
    return Written(tuple(facts))


def _going_on(hand: Hand, spoken: Spoken, language: str) -> Segment | None:
    """Return the captioner's passage, where it is the last, in this language, and all its words have their times."""
    last = spoken.segments[-1] if spoken.segments else None
    if last is None or last.closed or last.id != hand.segment or len(last.words) != len(hand.times):
        return None
    if last.language != language:
        return None
    return last if len(spoken.open_segments()) == 1 and not last.basis else None


def _as_it_is(hand: Hand) -> Written:
    return Written((), hand.segment, hand.times)


def end_of(hand: Hand, spoken: Spoken) -> int:
    """Return the media time after all that was said."""
    last = spoken.segments[-1].t1 if spoken.segments else None
    return max([spoken.through_t, last or 0, *(end for _, end in hand.times[-1:])])


def times_of(words: Sequence[str], t0: int, t1: int) -> list[tuple[int, int]]:
    """Give each word its part of the time, by its length."""
    total = max(1, _lasts(words))
    parts = itertools.accumulate((_ms(word) for word in words), initial=0)
    edges = [t0 + (t1 - t0) * part // total for part in parts]
    return list(itertools.pairwise(edges))


def _same(spoken: Spoken, words: Sequence[str]) -> int:
    """Return how many first words of a line are the last that were said: three or more, else none."""
    tail = [word for segment in spoken.segments[-3:] for word in segment.words][-_OVERLAP_WORDS:]
    said, new = [_folded(word) for word in tail], [_folded(word) for word in words]
    most = min(len(said), len(new))
    return next((n for n in range(most, _LEAST_SAME - 1, -1) if said[-n:] == new[:n]), 0)


def _folded(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum()) or word


def _digest(text: str) -> str:
    return hashlib.sha256(join(text.split(), "en").encode()).hexdigest()[:12]


def _ms(word: str) -> int:
    return _WORD_MS + _LETTER_MS * len(word)


def _lasts(words: Sequence[str]) -> int:
    return sum(map(_ms, words))
