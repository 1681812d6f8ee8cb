"""Segments: committed words become stored caption units, and close when every word has its time. Pure.

A segment ends at the end of a sentence, at a comma when it is long, at the latest at two caption lines, always at
the end of an utterance, and never inside a word.
"""

from collections.abc import Sequence

import msgspec

from hearing.events import SAMPLES_PER_MS
from hearing.lang import join, spaced

Span = tuple[int, int]
"""Start and end, in samples or in milliseconds as said."""

SHORTEST = 20
"""Characters under which the end of a sentence does not end a segment."""
COMMA = 60
LONGEST = 84
"""Two lines of 42 characters, the common limit of captions."""
_DENSE = 2.5
"""A character of a language without spaces counts as much as this many letters."""
_STOPS = tuple(".?!…。？！؟۔")
_COMMAS = tuple(",;:，、；：،؛—–")


class Placed(msgspec.Struct, frozen=True):
    """Words with their place: `first_word` is the ordinal of the first one in its segment."""

    segment: int
    first_word: int
    words: tuple[str, ...]


class Timed(msgspec.Struct, frozen=True):
    """A segment whose every word has its time, in milliseconds of media time."""

    segment: int
    t0: int
    t1: int
    word_times: tuple[Span, ...]


class _Line(msgspec.Struct):
    segment: int
    words: list[str] = []
    times: list[Span] = []
    ended: bool = False


class Segments:
    """The segments of one channel that are not closed yet."""

    def __init__(self, language: str, next_segment: int = 0) -> None:
        self._language = language
        self._next = next_segment
        self._lines: list[_Line] = []
        self._last_ms = 0

    def speak(self, language: str) -> None:
        """Another language is spoken from the next utterance on."""
        self._language = language

    @property
    def waiting(self) -> bool:
        """Tell whether any word still lacks its time."""
        return bool(self._lines)

    @property
    def untimed(self) -> int:
        """Count the words that lack their time."""
        return sum(len(line.words) - len(line.times) for line in self._lines)

    @property
    def closed_ms(self) -> int:
        """Return the end of the last closed segment."""
        return self._last_ms

    def resume(self, prefix: Sequence[tuple[int, Sequence[str]]], closed_ms: int) -> None:
        """Take over segments whose words are final and whose times are missing, oldest first."""
        self._last_ms = closed_ms
        for segment, words in prefix:
            self._end_line()
            self._lines.append(_Line(segment, list(words), ended=_full(words, self._language)))
            self._next = max(self._next, segment + 1)

    def commit(self, words: Sequence[str]) -> list[Placed]:
        """Place words that have become final."""
        placed: list[Placed] = []
        for word in words:
            segment, first = self.place(word)
            if not self._lines or self._lines[-1].segment != segment:
                self._end_line()
                self._lines.append(_Line(segment))
                self._next = segment + 1
            line = self._lines[-1]
            line.words.append(word)
            line.ended = _full(line.words, self._language)
            if placed and placed[-1].segment == segment:
                placed[-1] = Placed(segment, placed[-1].first_word, (*placed[-1].words, word))
            else:
                placed.append(Placed(segment, first, (word,)))
        return placed

    def place(self, word: str) -> tuple[int, int]:
        """Return the segment and the ordinal in it that the next word would have."""
        if not self._lines or self._lines[-1].ended:
            return self._next, 0
        line = self._lines[-1]
        if _length([*line.words, word], self._language) > LONGEST:
            return self._next, 0
        return line.segment, len(line.words)

    def time(self, spans: Sequence[Span]) -> list[Timed]:
        """Take the times, in samples, of the oldest words that have none; return the segments that close by it."""
        waiting = [line for line in self._lines for _ in range(len(line.words) - len(line.times))]
        for line, span in zip(waiting, spans, strict=False):
            line.times.append(span)
        return self._close()

    def end_utterance(self) -> list[Timed]:
        """The next word begins a new segment; the last one may close now."""
        self._end_line()
        return self._close(kept=0)

    def _end_line(self) -> None:
        if self._lines:
            self._lines[-1].ended = True

    def _close(self, kept: int = 1) -> list[Timed]:
        """Close what has all its times. The last segment stays open while its utterance goes on: so, where none is
        open, everything through the last final word's hearing is settled, and a successor can start there."""
        closed = []
        while (
            len(self._lines) > kept and self._lines[0].ended and len(self._lines[0].times) == len(self._lines[0].words)
        ):
            closed.append(self._timed(self._lines.pop(0)))
        return closed

    def _timed(self, line: _Line) -> Timed:
        times: list[Span] = []
        for start, end in line.times:
            first = max(self._last_ms, start // SAMPLES_PER_MS)
            self._last_ms = max(first, end // SAMPLES_PER_MS)
            times.append((first, self._last_ms))
        return Timed(line.segment, times[0][0], times[-1][1], tuple(times))


def ends_sentence(word: str) -> bool:
    """Tell whether a word ends a sentence by its punctuation."""
    return word.rstrip("\"'»”’)]").endswith(_STOPS)


def _full(words: Sequence[str], language: str) -> bool:
    length = _length(words, language)
    if ends_sentence(words[-1]):
        return length >= SHORTEST
    return length >= COMMA and words[-1].endswith(_COMMAS)


def _length(words: Sequence[str], language: str) -> float:
    return len(join(words, language)) * (1 if spaced(language) else _DENSE)


def spread(start: int, end: int, limits: Sequence[int]) -> list[Span]:
    """Give words times one after the other where nothing can align them, each at most its limit, none past the end."""
    spans, at = [], start
    for limit in limits:
        after = min(at + limit, max(start, end))
        spans.append((at, after))
        at = after
    return spans
