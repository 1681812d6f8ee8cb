"""The record as plain text: what it is at the head, then a line a passage, its time of day and a new speaker first."""

from hearing.archive.record import Channel, Entry, Release, Segment, shown
from hearing.archive.speakers import changes, label, spoken
from hearing.archive.wording import Wording
from hearing.lang import name


def write(_release: Release, channel: Channel, wording: Wording) -> bytes:
    """Write UTF-8. On a floor of several languages a line says which is spoken from there on."""
    head = "\n".join((wording.title, *wording.head))
    said = "".join(
        f"{f'[{name(turned)}]' + chr(10) if turned else ''}"
        f"[{wording.span(entry)}] {_speaker(entry, channel.language, wording) if begins else ''}"
        f"{_text(entry, wording)}\n"
        for entry, begins, turned in spoken(changes(shown(channel)))
    )
    return f"{head}\n\n{said}".encode()


def _text(entry: Entry, wording: Wording) -> str:
    if not isinstance(entry, Segment):
        return f"[{wording.wordless(entry)}]"
    if entry.hidden:
        return f"[{wording.gone(entry.basis)}]"
    mark = wording.mark(entry.mark)
    return f"{entry.text} [{mark}]" if mark else entry.text


def _speaker(entry: Entry, language: str, wording: Wording) -> str:
    if not isinstance(entry, Segment):
        return ""
    return f"{label(entry.speaker, entry.title, language, wording.nobody)}: "
