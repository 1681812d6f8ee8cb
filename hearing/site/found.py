"""Search in what was said so far: letters match whatever their case, width or accents (Unicode NFKC, UAX 15)."""

import unicodedata
from itertools import pairwise

from markupsafe import Markup, escape

MAX_QUERY = 200
_TATWEEL = "\u0640"


def bare(text: str) -> str:
    """Return the letters that count: compatibility forms folded, case folded, marks and tatweel dropped."""
    return _bare(text)[0]


def mark(text: str, query: str) -> Markup | None:
    """Return the text with every match in <mark>, None where there is none. All else is escaped."""
    wanted = bare(query).strip()
    if not wanted:
        return None
    plain, origin = _bare(text)
    spans = _spans(plain, wanted, origin)
    if not spans:
        return None
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    pieces = [escape(text[start:end]) for start, end in pairwise(edges)]
    for number in range(1, len(pieces), 2):
        pieces[number] = Markup("<mark>{}</mark>").format(pieces[number])
    return Markup("").join(pieces)


def _bare(text: str) -> tuple[str, list[int]]:
    """Fold letter by letter, remembering which character of the text each letter came from."""
    letters: list[str] = []
    origin: list[int] = []
    for place, character in enumerate(text):
        for letter in unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", character).casefold()):
            if not unicodedata.combining(letter) and letter != _TATWEEL:
                letters.append(letter)
                origin.append(place)
    return "".join(letters), [*origin, len(text)]


def _spans(plain: str, wanted: str, origin: list[int]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    found = plain.find(wanted)
    while found >= 0:
        end = found + len(wanted)
        start, stop = origin[found], origin[end - 1] + 1
        if not spans or start >= spans[-1][1]:
            spans.append((start, stop))
        found = plain.find(wanted, end)
    return spans
