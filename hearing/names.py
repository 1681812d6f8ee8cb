"""The list of who may speak in a meeting, as staff write it: a line each, "Name; title; side". Pure.

The first nine answer to the keys 1 to 9.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from hearing.errors import Refused
from hearing.events import Side

MOST = 200
"""So many people are on a list at the most."""

MOST_LETTERS = 120
"""So long a name or a title is at the most."""

SIDES: tuple[Side, ...] = ("delegation", "committee", "secretariat", "other")
_SIDES: Mapping[str, Side] = {side: side for side in SIDES}
_CALLED: Mapping[Side, str] = {side: side for side in SIDES}
# Controls, and what reorders the text around it (UAX 9): a name is not to turn the line it stands in.
_DROPPED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff\ud800-\udfff]"
)
_PART = re.compile("[;؛；]")


class Name(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who may speak: how they are called, their office, and for whom they are there."""

    name: str
    title: str = ""
    side: Side = "other"

    def __str__(self) -> str:
        return line(self)


class Unreadable(Refused):
    """A list that is none. `number` is the line to mend, from 1; 0: the list as a whole."""

    def __init__(self, text: str, number: int = 0) -> None:
        super().__init__(text)
        self.number = number


def parse(text: str, called: Mapping[str, Side] = _SIDES) -> tuple[Name, ...]:
    """Read a list. `called` are the words for sides, in small letters. Raises Unreadable."""
    rows = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(rows) > MOST:
        raise Unreadable(f"A list holds {MOST} names at the most. Take out who will not speak.")
    listed = tuple(read(row, called, number) for number, row in rows)
    if len(set(listed)) < len(listed):
        raise Unreadable("Somebody stands twice on this list. Take one of the lines out.")
    return listed


def read(row: str, called: Mapping[str, Side] = _SIDES, number: int = 1) -> Name:
    """Read one line. Raises Unreadable."""
    parts = [_tidy(part) for part in _PART.split(row)]
    name, title, side = (*parts, "", "")[:3]
    if len(parts) > 3 or not name:
        raise Unreadable(f"Line {number}: write it as in Maria Rossi; Head of delegation; delegation", number)
    if len(name) > MOST_LETTERS or len(title) > MOST_LETTERS:
        raise Unreadable(f"Line {number}: a name has {MOST_LETTERS} letters at the most, and so has a title.", number)
    known = {**_SIDES, **called, "": "other"}
    if side.casefold() not in known:
        raise Unreadable(f"Line {number}: the side is one of: {', '.join(SIDES)}.", number)
    return Name(name, title, known[side.casefold()])


def checked(listed: Iterable[Name]) -> tuple[Name, ...]:
    """Return a list as it would be read from its lines. Raises Unreadable."""
    given = list(listed)
    for number, one in enumerate(given, 1):
        if _PART.search(one.name + one.title) or not one.name.strip():
            raise Unreadable(f"Line {number}: a name holds at least a letter, and no semicolon.", number)
    return parse(write(replace(one, name=_tidy(one.name), title=_tidy(one.title)) for one in given))


def line(one: Name, called: Mapping[Side, str] = _CALLED) -> str:
    """Write the line that reads as this. `called` names the sides."""
    parts = [one.name, one.title, "" if one.side == "other" else called[one.side]]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return "; ".join(parts)


def write(listed: Iterable[Name], called: Mapping[Side, str] = _CALLED) -> str:
    """Write a list as it is read."""
    return "".join(f"{line(one, called)}\n" for one in listed)


def _tidy(text: str) -> str:
    return " ".join(_DROPPED.sub(" ", text).split())
