"""The words of a meeting that a recogniser should know how to spell, as staff write them: a term a line. Pure.

They go to the workers alone, and are all that the model is told: not what was said before.
"""

import re
from collections.abc import Iterable, Sequence

import msgspec

from hearing.names import Name, Unreadable

MOST = 200
"""So many terms a glossary has at the most."""
MOST_LETTERS = 80
_MOST_TOLD = 100
"""More than a dozen never fit; and a frame has its limit."""

_DROPPED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SIDES = ("delegation", "committee", "secretariat", "other")


class Glossary(msgspec.Struct, frozen=True, omit_defaults=True):
    """Terms, the most important ones first. `names`: the list of who may speak is known too."""

    terms: tuple[str, ...] = ()
    names: bool = False


def parse(text: str) -> tuple[str, ...]:
    """Read a term a line. Raises Unreadable."""
    rows = [(number, _tidy(row)) for number, row in enumerate(text.splitlines(), 1)]
    return _checked([(number, row) for number, row in rows if row])


def checked(terms: Iterable[str]) -> tuple[str, ...]:
    """Return terms as they would be read from their lines. Raises Unreadable."""
    return _checked([(number, _tidy(term)) for number, term in enumerate(terms, 1)])


def write(terms: Iterable[str]) -> str:
    """Write terms as they are read."""
    return "".join(f"{term}\n" for term in terms)


def told(known: Glossary, listed: Sequence[Name]) -> tuple[str, ...]:
    """Return what a worker is told: the delegation's names first, then the others', then the terms."""
    by_side = sorted(listed, key=lambda one: _SIDES.index(one.side)) if known.names else []
    return tuple(dict.fromkeys([*(one.name for one in by_side), *known.terms]))[:_MOST_TOLD]


def _checked(rows: list[tuple[int, str]]) -> tuple[str, ...]:
    if len(rows) > MOST:
        raise Unreadable(f"A glossary has {MOST} terms at the most. Leave out what is heard well.")
    for number, term in rows:
        if not term or len(term) > MOST_LETTERS:
            raise Unreadable(f"Line {number}: a term has 1 to {MOST_LETTERS} letters.", number)
    return tuple(dict.fromkeys(term for _, term in rows))


def _tidy(text: str) -> str:
    return " ".join(_DROPPED.sub(" ", text).split())
