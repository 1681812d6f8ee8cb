"""Who speaks, as files and pages say it: once, where the speaker changes. Pure."""

import unicodedata
from collections.abc import Iterable, Iterator

from hearing.archive.record import Entry, Segment
from hearing.lang import direction

_FSI, _PDI = "\u2068", "\u2069"
_RTL = frozenset({"R", "AL"})


def changes(entries: Iterable[Entry]) -> Iterator[tuple[Entry, bool]]:
    """Yield each entry, and whether somebody else speaks there than before: what has no words changes nobody."""
    before = ("", "")
    for entry in entries:
        if not isinstance(entry, Segment) or entry.hidden:
            yield entry, False
            continue
        now = (entry.speaker, entry.title)
        yield entry, now != before
        before = now


def label(speaker: str, title: str, language: str, nobody: str) -> str:
    """Name a speaker in a text of this language; `nobody` is said where nobody is known."""
    if not speaker:
        return nobody
    name = apart(speaker, direction(language))
    return f"{name} ({apart(title, direction(language))})" if title else name


def apart(text: str, around: str) -> str:
    """Isolate a text that holds letters of the other direction than what is `around` it, `ltr` or `rtl` (UAX 9)."""
    other = frozenset("L") if around == "rtl" else _RTL
    turns = any(unicodedata.bidirectional(letter) in other for letter in text)
    return f"{_FSI}{text}{_PDI}" if turns else text


def spoken(entries: Iterable[tuple[Entry, bool]]) -> Iterator[tuple[Entry, bool, str]]:
    """Yield entries, each with whether somebody else spoke before, and the language where another is spoken."""
    before = ""
    for entry, begins in entries:
        now = entry.language if isinstance(entry, Segment) and not entry.hidden else ""
        turned = now if now != before else ""
        before = now or before
        yield entry, begins, turned
