"""A channel's record as captions: pieces that fit two lines, each with its time. Pure."""

import unicodedata
from collections.abc import Iterator

import msgspec

from hearing.archive.record import Channel, Gap, Quiet, Segment, Word, shown, tidy
from hearing.archive.speakers import changes
from hearing.archive.wording import Wording
from hearing.lang import direction, join, spaced

# BBC subtitle guidelines: about 37 to 42 letters a line, two lines; half of it where letters are square.
_LINE, _DENSE_LINE = 42, 17
_ENDS = frozenset(".?!;:,…。？！；：，、؟؛،")
_QUIET_MS = 5000
"""So long it is shown that nobody speaks, and not for all the minutes of it."""
_RLM = "\u200f"


class Caption(msgspec.Struct, frozen=True):
    """Text shown from t0 to t1. `id` is a segment's, or the word's (`{segment}.{n}`) that a later piece begins with.

    `speaker` says it; `begins` where somebody else spoke before. `language` is what it was said in, where the channel
    has several.
    """

    id: str
    t0: int
    t1: int
    lines: tuple[str, ...]
    speaker: str = ""
    begins: bool = False
    language: str = ""


def captions(channel: Channel, wording: Wording) -> list[Caption]:
    """Cut a channel into captions. They follow each other: none lasts into the next."""
    made: list[Caption] = []
    for piece in _pieces(channel, wording):
        t0 = max(piece.t0, made[-1].t0 + 1) if made else piece.t0
        if made and made[-1].t1 > t0:
            made[-1] = msgspec.structs.replace(made[-1], t1=t0)
        made.append(msgspec.structs.replace(piece, t0=t0, t1=max(piece.t1, t0 + 1)))
    return made


def _pieces(channel: Channel, wording: Wording) -> Iterator[Caption]:
    for entry, begins in changes(shown(channel)):
        if isinstance(entry, Gap):
            yield Caption(f"gap-{entry.t0}", entry.t0, entry.t1, (f"[{wording.missing}]",))
        elif isinstance(entry, Quiet):
            t1 = min(entry.t1, entry.t0 + _QUIET_MS)
            yield Caption(f"quiet-{entry.t0}", entry.t0, t1, (f"[{wording.quiet}]",))
        elif entry.hidden:
            yield Caption(entry.id, entry.t0, entry.t1, (f"[{wording.gone(entry.basis)}]",))
        else:
            yield from _cut(entry, entry.spoken(channel.language), begins=begins)


def _cut(segment: Segment, language: str, *, begins: bool) -> Iterator[Caption]:
    """Cut a segment where its text has come to two lines, behind a stop where there is one in the second half."""
    words = _timed(segment, language)
    limit = 2 * (_LINE if spaced(language) else _DENSE_LINE)
    start = 0
    while start < len(words):
        end = _end(words, start, limit, language)
        piece = words[start:end]
        text = tidy(join((word.text for word in piece), language))
        name = segment.id if start == 0 else f"{segment.id}.{piece[0].n}"
        if text:
            t0, t1 = piece[0].t0 or 0, piece[-1].t1 or 0
            whose = (segment.speaker, begins and start == 0, segment.language)
            yield Caption(name, t0, t1, _lines(text, language), *whose)
        start = end


def _end(words: list[Word], start: int, limit: int, language: str) -> int:
    """Return the ordinal behind the last word of the piece that begins at `start`."""
    gap = int(spaced(language))
    length, stop = 0, 0
    for at in range(start, len(words)):
        length += len(words[at].text) + (gap if at > start else 0)
        if length > limit and at > start:
            return stop or at
        if length > limit / 2 and words[at].text[-1:] in _ENDS:
            stop = at + 1
    return len(words)


def _timed(segment: Segment, language: str) -> list[Word]:
    """Return the words that have text or were taken out; those without times by their share of the segment's."""
    words = [word for word in segment.words if word.text or word.taken]
    if all(word.t0 is not None for word in words):
        return words
    total = max(1, sum(len(word.text) for word in words))
    timed, passed = [], 0
    for word in words:
        t0 = segment.t0 + (segment.t1 - segment.t0) * passed // total
        passed += len(word.text)
        t1 = segment.t0 + (segment.t1 - segment.t0) * passed // total
        timed.append(msgspec.structs.replace(word, t0=t0, t1=t1))
    return timed


def _lines(text: str, language: str) -> tuple[str, ...]:
    """Break a text in two near its middle where it does not fit one line."""
    width = _LINE if spaced(language) else _DENSE_LINE
    if len(text) <= width:
        return (_set(text, language),)
    middle = len(text) // 2
    if spaced(language):
        places = [at for at, letter in enumerate(text) if letter == " "]
        if not places:
            return (_set(text, language),)
        at = min(places, key=lambda place: abs(place - middle))
        return _set(text[:at], language), _set(text[at + 1 :], language)
    places = [at + 1 for at, letter in enumerate(text) if letter in _ENDS and abs(at + 1 - middle) <= width // 2]
    at = min(places, key=lambda place: abs(place - middle), default=middle)
    return _set(text[:at].strip(), language), _set(text[at:].strip(), language)


def _set(line: str, language: str) -> str:
    """Players take a line's direction from its first letter: a mark tells it where that is of another script."""
    if direction(language) == "rtl":
        strong = next((kind for kind in map(unicodedata.bidirectional, line) if kind in {"L", "R", "AL"}), "L")
        return _RLM + line if strong == "L" else line
    return line
