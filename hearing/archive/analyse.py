"""Words to search terms in six languages, each with the place it stands at: rules that a stock index is fed with.

Rules: compatibility forms folded (Unicode NFKC, UAX 15) and lower case; French elision dropped; accents dropped, and œ
and æ parted, before the Snowball stemmers of English, French, Spanish and Russian; Spanish -dades as -dad; yo as ye; of
Arabic, marks dropped, hamza, alef, ya and ta marbuta folded, light prefixes and suffixes taken off (Snowball's own
Arabic found 6 of 10 where these find 10), its digits as 0 to 9; Chinese as overlapping pairs with the last character
alone. The script of a word chooses its rule, so that a Russian name in an English text is found too.
tests/archive/vectors.json holds what every implementation must give.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from snowballstemmer.english_stemmer import EnglishStemmer
from snowballstemmer.french_stemmer import FrenchStemmer
from snowballstemmer.russian_stemmer import RussianStemmer
from snowballstemmer.spanish_stemmer import SpanishStemmer

from hearing.lang import SAME_LETTERS

VERSION = 1
"""Grows with every change of the rules: an index made by others is made anew."""

MAX_TEXT = 65_536
"""So many characters of one text are looked at."""

MAX_WORD = 64
_CACHED = 1 << 17

_STEMMERS: dict[str, Callable[[], EnglishStemmer | FrenchStemmer | SpanishStemmer]] = {
    "en": EnglishStemmer,
    "fr": FrenchStemmer,
    "es": SpanishStemmer,
}
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_MARKS = "\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed"
_WORD = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}](?:[^\\W_{_CJK}]|[{_MARKS}])*")
_IDEOGRAPH = re.compile(f"[{_CJK}]")
_ELISION = re.compile(r"\b(?:l|d|j|m|t|s|c|n|qu|jusqu|lorsqu|puisqu)['’]", re.IGNORECASE)
_ARABIC_MARK = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]")
_ARABIC_PREFIX = re.compile("^(?:وال|فال|بال|كال|ولل|فلل|لل|ال|وب|ول|و|ف|ب|ل|ك)(?=.{3,})")
_ARABIC_SUFFIX = re.compile("(?<=.{3})(?:هما|هم|هن|ها|كم|نا|ات|ان|ون|ين|يه|ه|ي)$")
_SPANISH_PLURAL = re.compile("(?<=[dt])ades$")


class Token(NamedTuple):
    """A term of the index, and the characters of the text it stands for: text[start:end]."""

    term: str
    start: int
    end: int


def tokens(text: str, language: str) -> Iterator[Token]:
    """Yield the terms of a text in its order."""
    text = text[:MAX_TEXT]
    if language == "fr":
        text = _ELISION.sub(lambda found: " " * len(found[0]), text)
    for found in _WORD.finditer(text):
        word, start = found[0], found.start()
        if _IDEOGRAPH.match(word):
            word = _same_length(word)
            for at in range(len(word)):
                pair = word[at : at + 2]
                yield Token(pair, start + at, start + at + len(pair))
        elif term := term_of(word, language):
            yield Token(term, start, found.end())


def terms(text: str, language: str) -> list[str]:
    """Return the terms of a text."""
    return [token.term for token in tokens(text, language)]


def is_ideographic(term: str) -> bool:
    """Tell whether a term is one or two characters of a run of Chinese."""
    return bool(_IDEOGRAPH.match(term))


@lru_cache(_CACHED)
def term_of(word: str, language: str) -> str:
    """Return the term of one word: letters and digits only, so that it means nothing to a query language."""
    folded = unicodedata.normalize("NFKC", word[:MAX_WORD]).lower()
    first = folded[:1]
    if "\u0600" <= first <= "\u06ff":
        term = _arabic(folded)
    elif "\u0400" <= first <= "\u04ff":
        term = str(RussianStemmer().stemWord(_without_marks(folded).replace("ё", "е")))
    else:
        term = _latin(_without_marks(unicodedata.normalize("NFD", folded)), language)
    return term if term.isalnum() else "".join(letter for letter in term if letter.isalnum())


def _arabic(word: str) -> str:
    word = _ARABIC_MARK.sub("", word).translate(SAME_LETTERS)
    word = _ARABIC_PREFIX.sub("", word)
    return _ARABIC_SUFFIX.sub("", word) if len(word) > 4 else word


def _latin(word: str, language: str) -> str:
    word = word.replace("œ", "oe").replace("æ", "ae")
    stemmer = _STEMMERS.get(language)
    if stemmer is None:
        return word
    if language == "es":  # libertades as libertad, sociedades as sociedad; Snowball leaves them apart
        word = _SPANISH_PLURAL.sub("ad", word)
    return str(stemmer().stemWord(word))


def _without_marks(word: str) -> str:
    return "".join(letter for letter in word if not unicodedata.combining(letter))


def _same_length(run: str) -> str:
    """Fold the compatibility forms of ideographs, one for one: places in the text stay what they are."""
    folded = unicodedata.normalize("NFKC", run)
    return folded if len(folded) == len(run) else run
