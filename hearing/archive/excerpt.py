"""The sentence around what was found, cut where it is too long. Pure."""

import re

import msgspec

MAX_EXCERPT = 320
_BEFORE = 120

# A full stop after one or two letters is an abbreviation (Ms., No.), and one before a small letter ends nothing.
_END = re.compile(
    r"(?:(?<!\b[^\W\d_])(?<!\b[A-ZА-Я][^\W\d_])(?<!\b[Aa]rt)(?<!\b[Mm]rs)\.|[!?؟۔…])[\"”»’)]*\s+(?![a-zà-öø-ÿа-я])|[。！？]+[」』”’]*"
)


class Excerpt(msgspec.Struct, frozen=True):
    """A part of a text: text[start:end]. `cut_before`, `cut_after`: it begins or ends inside a sentence."""

    start: int
    end: int
    cut_before: bool = False
    cut_after: bool = False


def around(text: str, spans: list[tuple[int, int]], most: int = MAX_EXCERPT) -> Excerpt:
    """Choose the sentences from the first span to the last that fits; without spans, the beginning."""
    first = spans[0] if spans else (0, 0)
    edges = [0, *(found.end() for found in _END.finditer(text)), len(text)]
    start = max(edge for edge in edges if edge <= first[0])
    end = min(edge for edge in edges if edge >= first[1])
    for _, last in spans:
        wider = min(edge for edge in edges if edge >= last)
        if wider - start <= most:
            end = max(end, wider)
    if end - start <= most:
        return Excerpt(start, end)
    return _cut(text, first, start, end, most)


def _cut(text: str, span: tuple[int, int], start: int, end: int, most: int) -> Excerpt:
    begin = start if span[0] - start <= _BEFORE else _next_word(text, span[0] - _BEFORE, span[0])
    finish = min(end, max(begin + most, span[1]))
    if finish < end:
        space = text.rfind(" ", span[1], finish)
        finish = space if space > 0 else finish
    return Excerpt(begin, finish, begin > start, finish < end)


def _next_word(text: str, at: int, before: int) -> int:
    space = text.find(" ", at, before)
    return space + 1 if space >= 0 else at
