"""What somebody looks for: words and “phrases” to terms, to an index query that says nothing else, and to marks."""

import re

import msgspec
from msgspec.structs import replace

from hearing.archive.analyse import Token, is_ideographic, terms, tokens

MAX_QUERY = 200
MAX_PHRASES = 12

_SPEAKER = "\ue000"
"""Stands before the terms of a speaker's name. Of private use (Unicode 23.5), so that no term of a text holds it."""

_QUOTES = '"“”«»„「」『』'
_PART = re.compile(f"[{_QUOTES}]([^{_QUOTES}]*)[{_QUOTES}]|([^\\s{_QUOTES}]+)")


class Phrase(msgspec.Struct, frozen=True):
    """Terms that stand one after the other. `said` is how it was typed.

    `open`: the last may go on, as in 人 for 人权.
    """

    said: str
    terms: tuple[str, ...]
    open: bool = False


def parse(text: str, language: str) -> list[Phrase]:
    """Read a query: all its words and “phrases” must be there. What holds no letter and no digit is left out.

    A word with signs inside it, such as CCPR/C/ARL/3, is a phrase.
    """
    phrases: list[Phrase] = []
    for found in _PART.finditer(text[:MAX_QUERY]):
        said = " ".join((found[1] or found[2] or "").split())
        phrase = _phrase(said, list(tokens(said, language)))
        if phrase.terms and phrase.terms not in [other.terms for other in phrases]:
            phrases.append(phrase)
    return phrases[:MAX_PHRASES]


def expression(phrases: list[Phrase]) -> str:
    """Write the FTS5 expression: quoted strings only. Terms hold letters and digits, so none can end its quotes."""
    return " AND ".join(f'"{" ".join(phrase.terms)}"{" *" if phrase.open else ""}' for phrase in phrases)


def speaker_terms(name: str) -> list[str]:
    """Return the terms of a speaker's name: as words in no language, and apart from all that is said."""
    return [_SPEAKER + term for term in terms(name, "")]


def narrowed(phrases: list[Phrase], speaker: str) -> str:
    """Write the expression for what a speaker of this name, or of these words in it, said; empty: anybody."""
    named = [replace(phrase, terms=tuple(_SPEAKER + term for term in phrase.terms)) for phrase in parse(speaker, "")]
    return expression([*phrases, *named])


def marks(text: str, language: str, phrases: list[Phrase]) -> list[tuple[int, int]]:
    """Return where in the text what is looked for stands: (start, end) in characters, in order, apart."""
    said = list(tokens(text, language))
    spans = sorted(span for phrase in phrases for span in _found(said, phrase))
    apart: list[tuple[int, int]] = []
    for start, end in spans:
        if apart and start <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end))
        else:
            apart.append((start, end))
    return apart


def _phrase(said: str, given: list[Token]) -> Phrase:
    """The last character of a run stands alone in a text where the run ends, so in a query only before more words."""
    kept: list[str] = []
    for number, token in enumerate(given):
        alone = len(token.term) == 1 and is_ideographic(token.term)
        goes_on = number and given[number - 1].end > token.start
        if alone and goes_on and number == len(given) - 1:
            continue
        kept.append(token.term)
    last_alone = bool(given) and kept[-1:] == [given[-1].term] and len(kept[-1]) == 1
    return Phrase(said, tuple(kept), last_alone and is_ideographic(kept[-1]))


def _found(said: list[Token], phrase: Phrase) -> list[tuple[int, int]]:
    size = len(phrase.terms)
    found: list[tuple[int, int]] = []
    for at in range(len(said) - size + 1):
        here = said[at : at + size]
        if all(_same(token.term, phrase, number) for number, token in enumerate(here)):
            end = here[-1].start + 1 if phrase.open else here[-1].end
            found.append((here[0].start, end))
    return found


def _same(said: str, phrase: Phrase, number: int) -> bool:
    term = phrase.terms[number]
    if phrase.open and number == len(phrase.terms) - 1:
        return said.startswith(term)
    return said == term
