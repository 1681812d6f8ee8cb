"""A name that was misheard, wherever it stands: whole words alone, whatever their case and accents. Pure.

A word is told from its neighbours as six languages write it: an elided article, a possessive s and an Arabic
preposition stay what they are; Chinese, which sets no words apart, is matched by its characters.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

MAX_NAME = 80
_CACHED = 1 << 16

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_MARKS = "\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed"
_WORD = re.compile(f"[{_CJK}]|[^\\W_{_CJK}](?:[^\\W_{_CJK}]|[{_MARKS}])*")
_GAP = re.compile(r"[\s.’'·-]{0,3}")
_BREVE = "\u0306"
_ALIKE = str.maketrans({**dict.fromkeys("أإآٱ", "ا"), "ى": "ي", "ة": "ه", "ـ": "", "œ": "oe", "æ": "ae", "ё": "е"})
_CLITIC = re.compile("(?:[وف])?(?:[بكل])?(?:ال)?")


class _Word(NamedTuple):
    folded: str
    start: int
    end: int


def hits(text: str, name: str) -> list[tuple[int, int]]:
    """Return where a name stands in a text: (start, end) in characters, in order, apart."""
    wanted = [word.folded for word in _words(name)]
    said = list(_words(text)) if wanted else []
    found: list[tuple[int, int]] = []
    for at, word in enumerate(said):
        if word.folded.endswith(wanted[0]) and not (found and word.start < found[-1][1]):
            found += _stands(text, said[at : at + len(wanted)], wanted)
    return found


def replaced(text: str, spans: Iterable[tuple[int, int]], name: str) -> str:
    """Return the text with the name in place of each of these."""
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]}{name}{text[end:]}"
    return text


def around(text: str, span: tuple[int, int], reach: int) -> tuple[str, str]:
    """Return what stands before and after a place in a text, cut at a space where it is long."""
    before, after = text[: span[0]], text[span[1] :]
    if len(before) > reach:
        before = "… " + (before[-reach:].partition(" ")[2] or before[-reach:])
    if len(after) > reach:
        after = (after[:reach].rpartition(" ")[0] or after[:reach]) + " …"
    return before, after


def _words(text: str) -> Iterator[_Word]:
    return (_Word(_fold(found[0]), found.start(), found.end()) for found in _WORD.finditer(text))


@lru_cache(_CACHED)
def _fold(word: str) -> str:
    """Fold case and accents; the breve of й is no accent."""
    parted = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold().translate(_ALIKE))
    return "".join(one for one in parted if one == _BREVE or not unicodedata.combining(one))


def _stands(text: str, said: list[_Word], wanted: list[str]) -> list[tuple[int, int]]:
    """Return the place of the name that begins with these words; none where it goes on in another way."""
    if [one.folded for one in said[1:]] != wanted[1:]:
        return []
    gaps = (text[one.end : after.start] for one, after in pairwise(said))
    before = _before(text[said[0].start : said[0].end], said[0].folded, wanted[0])
    return [(said[0].start + before, said[-1].end)] if before >= 0 and all(map(_GAP.fullmatch, gaps)) else []


def _before(raw: str, folded: str, wanted: str) -> int:
    """Return how much of a word stands before the name: an Arabic conjunction, preposition, article; -1: no name."""
    if folded == wanted:
        return 0
    prefix = folded.removesuffix(wanted)
    if prefix == folded or not _CLITIC.fullmatch(prefix) or not "\u0600" <= folded[0] <= "\u06ff":
        return -1
    return next((at for at in range(len(raw)) if _fold(raw[at:]) == wanted), -1)
