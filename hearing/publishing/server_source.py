"""A site's meetings from a server, of which only what everybody may read is asked.

The record comes as its JSON lines, which hold all of it.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from hearing.archive import jsonl
from hearing.archive.record import Channel, Entry, Gap, Quiet, Release, Segment
from hearing.errors import Conflict, NotFound, Unavailable
from hearing.events import ChannelKind, GapReason
from hearing.house_events import Block, MeetingCreated, Profile
from hearing.house_events import Channel as Heard
from hearing.meeting import Meeting, Phase
from hearing.publishing.choice import Candidate
from hearing.qa.profile import strictest
from hearing.qa.shown import Shown
from hearing.site.copy.edition import Edition
from hearing.transcript import ordinal

T = TypeVar("T")

Get = Callable[[str], bytes]
"""Asks the server for a path."""

_TRIES = 3


class _Channel(msgspec.Struct, frozen=True):
    id: str
    language: str
    kind: ChannelKind
    languages: tuple[str, ...] = ()


class _Block(msgspec.Struct, frozen=True):
    id: str
    title: str
    minutes: int = 0


class _Meeting(msgspec.Struct, frozen=True):
    """A meeting as the API tells it."""

    id: str
    dialogue: str
    title: str
    body: str
    profile: Profile
    phase: Phase
    channels: tuple[_Channel, ...]
    starts: datetime | None = None
    opened: datetime | None = None
    closed: datetime | None = None
    agenda: tuple[_Block, ...] = ()
    block: str = ""
    rehearses: str = ""


class _Meetings(msgspec.Struct, frozen=True):
    meetings: list[_Meeting]


_meetings = msgspec.json.Decoder(_Meetings)
_shown = msgspec.json.Decoder(Shown)
_line: msgspec.json.Decoder[jsonl.Line] = msgspec.json.Decoder(jsonl.Line)


class ServerSource:
    """Reads the API. `get` asks without any token."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self._known: dict[str, _Meeting] = {}

    async def candidates(self) -> list[Candidate]:
        """Return the meetings there are."""
        found = _decoded(_meetings, self._get("/api/meetings")).meetings
        self._known = {one.id: one for one in found if not one.rehearses}
        return [Candidate(one.id, one.phase) for one in self._known.values()]

    async def edition(self, meeting: str) -> Edition:
        """Return a meeting as it is now. Raises Conflict for one that changes as fast as it is read."""
        known = self._known[meeting]
        public = _decoded(_shown, self._get(f"/api/dialogues/{quote(known.dialogue, safe='')}/public"))
        profiles = (one.profile for one in self._known.values() if one.dialogue == known.dialogue)
        for _ in range(_TRIES):
            heads, channels = zip(*(self._channel(meeting, one.id) for one in known.channels), strict=True)
            if len({head.release for head in heads}) == 1 or heads[0].provisional:
                return Edition(_meeting(known), _release(heads[0], channels), public.supported({}), strictest(profiles))
        raise Conflict("The record of a meeting is being changed just now. Publish again when that is done.")

    async def sound(self, meeting: str, channel: str) -> AsyncIterator[bytes]:
        """Yield what was recorded of a channel as AAC."""
        try:
            yield self._get(f"/listen/{quote(meeting, safe='')}/{quote(channel, safe='')}")
        except NotFound:
            return

    def _channel(self, meeting: str, channel: str) -> tuple[jsonl.Head, Channel]:
        asked = urlencode({"channel": channel, "format": "jsonl"})
        content = self._get(f"/api/meetings/{quote(meeting, safe='')}/export?{asked}")
        first, *lines = (_decoded(_line, line) for line in content.splitlines())
        if not isinstance(first, jsonl.Head):
            raise Unavailable("What the server answers is no record. Is it of the same version?")
        return first, Channel(channel, first.language, _kind(first.kind), tuple(_entries(lines)), first.languages)


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Unavailable("What answers is not a server of this kind, or not of this version.") from error


def _entries(lines: list[jsonl.Line]) -> Iterator[Entry]:
    for line in lines:
        match line:
            case jsonl.Missing():
                yield Gap(line.t0, line.t1, msgspec.convert(line.reason, GapReason))
            case jsonl.Silent():
                yield Quiet(line.t0, line.t1)
            case jsonl.Said():
                yield Segment(
                    id=line.segment,
                    n=ordinal(line.segment),
                    t0=line.t0,
                    t1=line.t1,
                    timed=line.timed,
                    words=line.words,
                    text=line.text,
                    hidden=line.hidden,
                    mark=line.mark,
                    speaker=line.speaker,
                    title=line.title,
                    side=line.side,
                    basis=line.basis,
                    version=line.version,
                    machine=line.machine,
                    language=line.language,
                )
            case _:
                pass


def _kind(given: str) -> ChannelKind:
    kind: ChannelKind = msgspec.convert(given, ChannelKind)
    return kind


def _release(head: jsonl.Head, channels: tuple[Channel, ...]) -> Release:
    return Release(
        id=head.release,
        provisional=head.provisional,
        meeting=head.meeting,
        dialogue=head.dialogue,
        title=head.title,
        body=head.body,
        media_zero_utc_ms=head.media_zero_utc_ms,
        end_t=head.end_t,
        channels=channels,
    )


def _meeting(known: _Meeting) -> Meeting:
    """Say of a meeting what its pages say; where its source was is nobody's business."""
    channels = tuple(
        Heard(one.id, one.language, number, one.kind, one.languages) for number, one in enumerate(known.channels)
    )
    created = MeetingCreated(
        known.id,
        known.dialogue,
        known.title,
        known.profile,
        channels,
        "-",
        known.body,
        starts_ms=_ms(known.starts),
        agenda=tuple(Block(one.id, one.title, one.minutes) for one in known.agenda),
    )
    return Meeting(created, known.phase, _ms(known.opened), _ms(known.closed), block=known.block)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
