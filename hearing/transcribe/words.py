"""A word as the engine hears it: its tokens and its text; and what of it is written down. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from hearing.lang import SAME_LETTERS, spaced
from hearing.transcribe.script import Convert, shown_script

EVEN = 0.5
"""Less is doubtful. The chance of a word that a second look put in, too: nobody tells its own."""
UNTOLD = 0.6
"""The chance of a word of which the engine tells none: not doubtful, and not sure."""
BROKEN = "\ufffd"


class Word(msgspec.Struct, frozen=True):
    """Tokens that stand together and their text, as decoded: a space leads it where one is heard as a new word.

    `chance` is the probability of its least probable letter or digit.
    """

    tokens: tuple[int, ...]
    text: str
    chance: float = UNTOLD

    @property
    def fold(self) -> str:
        """What two hypotheses are compared by: letters and digits only, in lower case, each in one spelling."""
        return "".join(c for c in self.text.lower().translate(SAME_LETTERS) if c.isalnum())


def tokens(words: Iterable[Word]) -> list[int]:
    """Return the tokens of words, in order."""
    return [token for word in words for token in word.tokens]


def text(words: Iterable[Word]) -> str:
    """Return the text of words as decoded."""
    return "".join(word.text for word in words)


def units(word: Word, language: str) -> tuple[str, ...]:
    """Split a word into what must agree: characters as they are shown where no spaces are set, else the folded word."""
    fold = word.fold
    return tuple(shown_script(language)(fold)) if not spaced(language) else (fold,) if fold else ()


def written(word: Word, language: str, convert: Convert = str) -> tuple[str, ...]:
    """Return what is written for a word: none, one, or, where no spaces are set, a character each.

    Punctuation that arrives after its word is already final is not written: a final word never changes. `convert`
    must keep the length of its text; where it does not, its result is not used.
    """
    shown = "".join(word.text.replace(BROKEN, "").split())
    if not spaced(language):
        converted = convert(shown)
        return tuple(_characters(converted if len(converted) == len(shown) else shown))
    late = not word.text[:1].isspace() and not word.fold
    return () if late or not shown else (shown,)


def reading(words: Sequence[Word], language: str, convert: Convert = str) -> list[str]:
    """Return what is written for several words."""
    return [shown for word in words for shown in written(word, language, convert)]


def _characters(shown: str) -> list[str]:
    """Split into characters; punctuation stays with what it follows, and Latin letters and digits together."""
    parts: list[str] = []
    for c in shown:
        mark = not c.isalnum()
        latin = c.isascii() and c.isalnum() and bool(parts) and parts[-1][-1].isascii() and parts[-1][-1].isalnum()
        if parts and (mark or latin):
            parts[-1] += c
        else:
            parts.append(c)
    return parts
