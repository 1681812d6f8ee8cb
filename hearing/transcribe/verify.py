"""What a worker says, checked against what it was sent and what is final already, and turned into events. Pure.

A worker may be far away and another's; nothing it says is taken on trust. Every function raises Refused.
"""

import itertools

import msgspec

from hearing.errors import Refused
from hearing.events import RATE_HZ, SAMPLES_PER_MS, GapMarked, GapReason, SegmentClosed, WordsCommitted
from hearing.transcribe.protocol import MAX_WORDS, Closed, Draft, Gap, Words
from hearing.transcript import Spoken, segment_id

MAX_WORD = 100
"""Characters of one word. Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch has 58."""
MAX_DRAFT = 2000
MAX_LANGUAGE = 16
_WORDS_PER_S = 12
_WORDS_FREE = 100


class Sent(msgspec.Struct):
    """What one worker was sent of a channel, and what it has said; `through` is where it said it had heard to.

    `languages` are those it may say that were spoken; none: it is not asked. `language` is taken where it says none.
    """

    from_sample: int
    end: int
    through: int = 0
    words: int = 0
    languages: tuple[str, ...] = ()
    language: str = ""


def next_ordinal(spoken: Spoken) -> int:
    """Return the first segment ordinal that is free."""
    return spoken.segments[-1].ordinal + 1 if spoken.segments else 0


def words(said: Words, channel: str, spoken: Spoken, sent: Sent) -> WordsCommitted:
    """Words must continue the last segment or begin the next, be words, and lie within the audio that was sent."""
    last = spoken.segments[-1] if spoken.segments else None
    if last and not last.closed and said.segment == last.ordinal:
        expected = len(last.words)
    elif said.segment == next_ordinal(spoken):
        expected = 0
    else:
        raise Refused("Words continue the last segment that is open, or begin the next.")
    if said.first_word != expected:
        raise Refused("Words follow the last final word; none is said twice and none is left out.")
    if not said.words or expected + len(said.words) > MAX_WORDS:
        raise Refused(f"A segment holds 1 to {MAX_WORDS} words.")
    if not all(_is_word(word) for word in said.words):
        raise Refused(f"A word is 1 to {MAX_WORD} printable characters without a space.")
    if not sent.through <= said.through_sample <= sent.end:
        raise Refused("Words are heard through a sample that was sent, and time does not run back.")
    if sent.words + len(said.words) > _WORDS_FREE + _WORDS_PER_S * (sent.end - sent.from_sample) // RATE_HZ:
        raise Refused("These are more words than anybody can say in the audio that was sent.")
    language = _language(said.language, sent)
    if expected and last and last.language != language:
        raise Refused("A segment is in one language.")
    place = (channel, segment_id(channel, said.segment), said.first_word)
    return WordsCommitted(*place, said.words, said.through_sample, low=said.low, language=language)


def closed(said: Closed, channel: str, spoken: Spoken, sent: Sent) -> SegmentClosed:
    """Times belong to the oldest open segment, one pair a word, and never run backwards."""
    pending = spoken.open_segments()
    if not pending or pending[0].ordinal != said.segment:
        raise Refused("The oldest open segment is the next to close.")
    if len(said.word_times) != len(pending[0].words):
        raise Refused("A segment closes with one time for each of its words.")
    edges = [said.t0, *(edge for pair in said.word_times for edge in pair), said.t1]
    if any(a > b for a, b in itertools.pairwise(edges)):
        raise Refused("Times of words do not run backwards.")
    before = [segment.t1 for segment in spoken.segments[-len(pending) - 1 : -len(pending)] if segment.t1 is not None]
    if said.t0 < max([0, *before]) or said.t1 * SAMPLES_PER_MS > sent.end:
        raise Refused("Times lie after the segment before, and within the audio that was sent.")
    return SegmentClosed(channel, segment_id(channel, said.segment), said.t0, said.t1, said.word_times)


def gap(said: Gap, channel: str, sent: Sent, reason: GapReason) -> GapMarked:
    """A gap lies within the audio that was sent."""
    if not sent.from_sample // SAMPLES_PER_MS <= said.t0 < said.t1 or said.t1 * SAMPLES_PER_MS > sent.end:
        raise Refused("A gap lies within the audio that was sent.")
    return GapMarked(channel, said.t0, said.t1, reason)


def draft(said: Draft) -> None:
    """A draft is of bounded length."""
    if (
        len(said.text) > MAX_DRAFT
        or len(said.language) > MAX_LANGUAGE
        or not said.language.isprintable()
        or not said.text.isprintable()
        or said.segment < 0
        or said.after < 0
    ):
        raise Refused(f"A draft is at most {MAX_DRAFT} printable characters.")


def _language(said: str, sent: Sent) -> str:
    if said and said not in sent.languages:
        raise Refused("This channel is not heard in that language.")
    return said or (sent.language if sent.languages else "")


def _is_word(word: str) -> bool:
    return 0 < len(word) <= MAX_WORD and word.isprintable() and not any(c.isspace() for c in word)
