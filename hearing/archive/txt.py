"""The record as plain text: what it is at the head, then a line a passage, its time of day and a new speaker first."""

from hearing.archive.record import Channel, Gap, Release, Segment, shown
from hearing.archive.speakers import changes, label, spoken
from hearing.archive.wording import Wording
from hearing.lang import name


def write(_release: Release, channel: Channel, wording: Wording) -> bytes:
    """Write UTF-8. On a floor of several languages a line says which is spoken from there on."""
    head = "\n".join((wording.title, *wording.head))
    said = "".join(
        f"{f'[{name(turned)}]' + chr(10) if turned else ''}"
        f"[{wording.clock(entry.t0)}] {_speaker(entry, channel.language, wording) if begins else ''}"
        f"{_text(entry, wording)}\n"
        for entry, begins, turned in spoken(changes(shown(channel)))
    )
    return f"{head}\n\n{said}".encode()


def _text(entry: Segment | Gap, wording: Wording) -> str:
    if isinstance(entry, Gap):
        return f"[{wording.missing}]"
    if entry.hidden:
        return f"[{wording.gone(entry.basis)}]"
    mark = wording.mark(entry.mark)
    return f"{entry.text} [{mark}]" if mark else entry.text


def _speaker(entry: Segment | Gap, language: str, wording: Wording) -> str:
    return "" if isinstance(entry, Gap) else f"{label(entry.speaker, entry.title, language, wording.nobody)}: "
