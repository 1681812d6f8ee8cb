"""Which words of a passage an address names, and of which release: `?words=3-7&release=r1`. Pure."""

import re
from typing import Literal

import msgspec

from hearing.archive import record
from hearing.archive.record import Segment, Word
from hearing.errors import NotFound
from hearing.lang import join
from hearing.site.folds import Fold
from hearing.transcript import Segment as Said
from hearing.turns import NOBODY, Heard

_WORDS = re.compile(r"(?P<first>[0-9]{1,6})(?:-(?P<last>[0-9]{1,6}))?")
_RELEASE = re.compile(r"r(?P<number>0|[1-9][0-9]{0,8})")

Trouble = Literal["", "gone", "never", "unread"]


class Cited(msgspec.Struct, frozen=True):
    """A passage as it is cited: at a release, and the words that are meant: text before, meant, and after.

    `words` names them as an address does; without any, the whole passage is meant. `trouble`: the words that were
    asked for are not in this text, and `elsewhere` is the newest release that has them; or nobody can read what was
    asked.
    """

    segment: Segment
    release: int
    words: str = ""
    before: str = ""
    meant: str = ""
    after: str = ""
    trouble: Trouble = ""
    elsewhere: int | None = None
    at: int | None = None

    @property
    def t0(self) -> int:
        """The media time at which what is meant begins."""
        return self.segment.t0 if self.at is None else self.at

    @property
    def quote(self) -> str:
        """What a citation quotes."""
        return self.meant or self.segment.text


def release_of(fold: Fold, asked: str) -> int:
    """Read the release that is asked for; the current one where none is. Raises NotFound for one that never was.

    One that a restore did not bring back is none either: what it said is not here.
    """
    if not asked:
        return fold.release
    found = _RELEASE.fullmatch(asked)
    if found is None or int(found["number"]) > fold.release:
        raise NotFound(f"This record has no such release. The current one is r{fold.release}.")
    number = int(found["number"])
    if any(number in lost for lost in fold.lost):
        raise NotFound(f"This release was lost with what a backup did not hold. The current one is r{fold.release}.")
    return number


def version_at(fold: Fold, said: Said, release: int) -> int:
    """Return the version that a segment had in a release; 0 for the machine's text."""
    known = [one.version for one in said.versions if fold.made.get((said.id, one.version), 0) <= release]
    return max(known, default=0)


def cite(fold: Fold, said: Said, language: str, release: int, words: str, *, heard: Heard = NOBODY) -> Cited:
    """Return a segment at a release, with the words that are asked for."""
    segment = record.segment(said, language, heard, through=version_at(fold, said, release))
    language = said.spoken(language)
    if not words:
        return Cited(segment, release)
    ends = _ends(words)
    if ends is None:
        return Cited(segment, release, trouble="unread")
    place = _place(segment.words, ends)
    if place is None:
        if not said.hidden and not _ever(said).issuperset(ends):
            return Cited(segment, release, trouble="never")
        return Cited(segment, release, trouble="gone", elsewhere=_elsewhere(fold, said, language, ends))
    first, last = place
    parts = (segment.words[:first], segment.words[first : last + 1], segment.words[last + 1 :])
    before, meant, after = (record.tidy(join((word.text for word in part), language)) for part in parts)
    named = f"{segment.words[first].n}-{segment.words[last].n}"
    return Cited(segment, release, named, before, meant, after, at=segment.words[first].t0)


def ends_of(first: str, last: str) -> str:
    """Join what a form sends as two fields, as an address names words."""
    return f"{first}-{last or first}" if first else ""


def _ends(words: str) -> tuple[int, int] | None:
    found = _WORDS.fullmatch(words)
    return (int(found["first"]), int(found["last"] or found["first"])) if found else None


def _place(words: tuple[Word, ...], ends: tuple[int, int]) -> tuple[int, int] | None:
    places = {word.n: at for at, word in enumerate(words)}
    if not places.keys() >= set(ends):
        return None
    first, last = sorted(places[end] for end in ends)
    return first, last


def _ever(said: Said) -> set[int]:
    """Return the ordinals of all words that a segment has or had."""
    return {word.n for reading in (said.heard, *said.readings) for word in reading}


def _elsewhere(fold: Fold, said: Said, language: str, ends: tuple[int, int]) -> int | None:
    """Return the newest release in which a segment has these words."""
    first = next(n for n in range(min(1, fold.release), fold.release + 1) if not any(n in lost for lost in fold.lost))
    for release in sorted({first, *fold.made.values()}, reverse=True):
        segment = record.segment(said, language, through=version_at(fold, said, release))
        if _place(segment.words, ends):
            return release
    return None
