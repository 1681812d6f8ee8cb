"""The words of a meeting that a recogniser should know how to spell, as far as they fit into its prompt. Pure.

They stand there as a list, set apart by commas. Whole terms only, the first ones first.
"""

from collections.abc import Callable, Sequence

from hearing.transcribe.words import Word, tokens

MOST_TOKENS = 24
"""As many as were measured (docs/transcription.md)."""

Spell = Callable[[Sequence[str]], list[Word]]
"""Words as they are written -> words of the engine."""


def fitted(terms: Sequence[str], spell: Spell, most: int = MOST_TOKENS) -> list[Word]:
    """Return the words of as many terms as `most` tokens hold; one that does not fit makes room for shorter ones."""
    chosen: list[Word] = []
    room = most
    for term in terms:
        words = spell([*term.split()[:-1], f"{term.split()[-1]},"]) if term.split() else []
        if words and len(tokens(words)) <= room:
            chosen += words
            room -= len(tokens(words))
        if not room:
            break
    return chosen
