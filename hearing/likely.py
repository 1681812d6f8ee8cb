"""Where a name that was said on one channel may have been said on another: a suggestion for who redacts. Pure.

An interpreter says it some seconds later, in another script, with other endings. So consonants are compared, as far as
Latin, Cyrillic and Arabic letters can be set beside each other; in Chinese nothing is found, and a person has to read.
"""

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

import msgspec

from hearing import hidden
from hearing.events import Cut
from hearing.realign import Said
from hearing.transcript import Segment, Spoken

BACK_MS = 2_000
"""What is said before: an interpreter who knows the text is not always behind."""

_ALIKE = 0.75
_LEAST = 2
_APART = 3
_CYRILLIC = dict(zip("бвгджзйклмнпрстфхцчшщ", "bvgdssiklmnprstfhssss", strict=True))
_ARABIC = dict(zip("بتثجحخدذرزسشصضطظعغفقكلمنهوي", "btsghkdsrsssssts-gfkklmnhvi", strict=True))
_LATIN = dict(zip("cqwzxyj", "kkvsssi", strict=True))
_SAME = str.maketrans({**_CYRILLIC, **_ARABIC, **_LATIN})
_SOUNDS = frozenset("bdfgklmnprstv")


class Near(msgspec.Struct, frozen=True):
    """What was said on a channel around a time; `first` and `last`, the words that are alike; empty: none are."""

    segments: tuple[Segment, ...]
    first: str = ""
    last: str = ""


def near(spoken: Spoken, cut: Cut, names: Sequence[str], *, floor: bool) -> Near:
    """Look on another channel for the names that a cut takes out; `floor` tells whether that channel is the floor."""
    back_ms = hidden.AHEAD_MS if floor else BACK_MS
    t0, t1 = cut.t0 - back_ms, cut.t1 + hidden.AHEAD_MS
    found = [one for one in spoken.segments if _meets(spoken, one, t0, t1)]
    wanted = [sound for name in names if len(sound := sounds(name)) >= _LEAST]
    places = [(segment, n) for segment in found for n in _places(segment, wanted)]
    if not places:
        return Near(tuple(found))
    first, last = places[0], places[0]
    for place in places[1:]:
        if place[0] is last[0] and place[1] - last[1] <= _APART:
            last = place
    return Near(tuple(found), f"{first[0].id}.{first[1]}", f"{last[0].id}.{last[1]}")


def _places(segment: Segment, wanted: Sequence[str]) -> list[int]:
    """Return which of the machine's words are like one that is wanted, or were corrected to one that is.

    Where the reason of a correction alone says it, the words that were corrected: with any of them it goes.
    """
    heard = [Said(n, word) for n, word in enumerate(segment.words)]
    found: set[int] = set()
    for word in (*heard, *(one for reading in segment.readings for one in reading)):
        if word.text and any(_alike(sounds(word.text), one) for one in wanted):
            known = word.n < len(segment.words) or word.t0 is None or word.t1 is None
            found.update([word.n] if known else segment.beneath(word.t0 or 0, word.t1 or 0))
    if not found and any(_alike(sounds(word), one) for word in _reasons(segment) for one in wanted):
        return _corrected(segment)
    return sorted(found)


def _reasons(segment: Segment) -> list[str]:
    return [word for version in segment.versions for word in version.reason.split()]


def _corrected(segment: Segment) -> list[int]:
    """Return which of the machine's words some version lacks; all that are there, where none lacks any."""
    there = [n for n, word in enumerate(segment.words) if word]
    kept = [{word.n for word in reading} for reading in segment.readings]
    return [n for n in there if any(n not in ids for ids in kept)] or there


def sounds(word: str) -> str:
    """Return the consonants of a word in one script, no two alike together."""
    plain = unicodedata.normalize("NFKD", word.casefold().replace("ph", "f").replace("sh", "s").replace("ch", "s"))
    kept = [letter for letter in plain.translate(_SAME) if letter in _SOUNDS]
    return "".join(letter for n, letter in enumerate(kept) if not n or kept[n - 1] != letter)


def _alike(one: str, other: str) -> bool:
    return len(one) >= _LEAST and SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE


def _meets(spoken: Spoken, segment: Segment, t0: int, t1: int) -> bool:
    begin, end = hidden.bounds(spoken, segment)
    return bool(segment.words) and begin < t1 and end > t0
