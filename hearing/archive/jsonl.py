"""The record as JSON lines, for programs: what it is in the first line, then a segment, a gap or a silence a line."""

from typing import Literal

import msgspec

from hearing.archive.record import Channel, Gap, Quiet, Release, Segment, Word, path
from hearing.archive.wording import Wording
from hearing.events import Basis, Side
from hearing.transcript import Mark


class Head(msgspec.Struct, frozen=True, tag="release"):
    """The first line. `media_zero_utc_ms` is the instant at media time 0, UTC milliseconds since the Unix epoch."""

    release: str
    provisional: bool
    meeting: str
    dialogue: str
    title: str
    body: str
    channel: str
    language: str
    kind: str
    media_zero_utc_ms: int | None
    end_t: int
    status: tuple[str, ...]
    source: str
    languages: tuple[str, ...] = ()


class Said(msgspec.Struct, frozen=True, tag="segment"):
    """A segment. `timed` is false where alignment has not given times yet; a `hidden` one has no words.

    `basis` says why words of it, or all, were taken out of the record; empty: none were.
    `version` counts corrections; of a corrected one `machine` is what the machine heard.
    `language` is what it was said in; empty: the channel's.
    `title` and `side` are the speaker's; where nobody knows who spoke, `speaker` is empty and `side` null.
    """

    segment: str
    t0: int
    t1: int
    timed: bool
    hidden: bool
    mark: Mark
    speaker: str
    text: str
    words: tuple[Word, ...]
    source: str
    title: str
    side: Side | None
    basis: Basis | Literal[""] = ""
    version: int = 0
    machine: str = ""
    language: str = ""


class Missing(msgspec.Struct, frozen=True, tag="gap"):
    """Speech that has no words."""

    t0: int
    t1: int
    reason: str


class Silent(msgspec.Struct, frozen=True, tag="quiet"):
    """The machine heard all of it, and no speech in it: a pause, or music."""

    t0: int
    t1: int


Line = Head | Said | Missing | Silent

_encode = msgspec.json.Encoder().encode


def write(release: Release, channel: Channel, wording: Wording) -> bytes:
    """Write UTF-8, an object a line."""
    head = Head(
        release.id,
        release.provisional,
        release.meeting,
        release.dialogue,
        release.title,
        release.body,
        channel.id,
        channel.language,
        channel.kind,
        release.media_zero_utc_ms,
        release.end_t,
        wording.status,
        wording.page,
        channel.languages,
    )
    lines: list[Line] = [head]
    for entry in channel.entries:
        if isinstance(entry, Gap):
            lines.append(Missing(entry.t0, entry.t1, entry.reason))
        elif isinstance(entry, Quiet):
            lines.append(Silent(entry.t0, entry.t1))
        else:
            lines.append(_said(entry, f"{wording.address}{path(release.meeting, entry.id)}"))
    return b"".join(_encode(line) + b"\n" for line in lines)


def _said(entry: Segment, source: str) -> Said:
    return Said(
        segment=entry.id,
        t0=entry.t0,
        t1=entry.t1,
        timed=entry.timed,
        hidden=entry.hidden,
        mark=entry.mark,
        speaker=entry.speaker,
        text=entry.text,
        words=entry.words,
        source=source,
        title=entry.title,
        side=entry.side,
        basis=entry.basis,
        version=entry.version,
        machine=entry.machine,
        language=entry.language,
    )
