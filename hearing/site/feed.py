"""The live feed of one meeting: server-sent events (WHATWG HTML, 9.2). History and live are one loop over one cursor.

No hidden word goes out, whatever the cursor: its segment comes as `hidden`, and drafts that may hold it are withheld.
An event's id is `epoch.position`. Drafts and the state of captions have none: they come from the board, the newest
only, and never while records wait. A slow reader is late; nothing queues up for it here.
"""

import asyncio
import time
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import hidden, transcript
from hearing.board.base import Board
from hearing.errors import Refused
from hearing.events import (
    PassageHidden,
    PassageRedacted,
    PassageShown,
    PublicEvent,
    SegmentClosed,
    SegmentCorrected,
    SegmentKept,
    TurnBegan,
    TurnChanged,
    TurnRemoved,
    WordsCommitted,
    decode_public,
    public_stream,
)
from hearing.hidden import Passage
from hearing.log.base import Log, Record
from hearing.meeting import House, Meeting
from hearing.site import wire
from hearing.site.chunks import Chunks, Emit
from hearing.site.folds import Fold, Folds, Window

_HEARTBEAT_S = 10.0
_BATCH = 256
_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"
_LATE_STEP_MS = 2000
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8"}


class Cursor(msgspec.Struct, frozen=True):
    """Where a reader stands: everything through `position` of `epoch` has reached it."""

    epoch: int
    position: int


class Source(msgspec.Struct, frozen=True):
    """Where feeds read from."""

    log: Log
    window: Window
    board: Board
    folds: Folds


def parse_cursor(text: str) -> Cursor | None:
    """Read `epoch.position`; None where it is empty: from the beginning. Raises Refused."""
    if not text:
        return None
    epoch, dot, position = text.partition(".")
    if not (dot and _is_number(epoch) and _is_number(position)):
        raise Refused("A cursor is two numbers with a dot between them, as in the id of the last event: 1.42")
    return Cursor(int(epoch), int(position))


def routes(source: Source, house: Callable[[], House]) -> list[Route]:
    """Serve the feed of every meeting."""

    async def events(request: Request) -> Response:
        meeting = house().meeting(request.path_params["meeting"])
        channel = request.query_params.get("channel") or None
        if channel:
            meeting.channel(channel)
        cursor = parse_cursor(request.headers.get("Last-Event-ID") or request.query_params.get("after") or "")
        reader = _Reader(source, meeting, channel, drafts=request.query_params.get("drafts") != "no")
        return Chunks(lambda emit: reader.run(cursor, emit), _HEADERS)

    return [Route("/api/meetings/{meeting}/events", events)]


class _Reader:
    """One reader: a cursor, and the newest volatile value of each name that it has not been sent."""

    def __init__(self, source: Source, meeting: Meeting, channel: str | None, *, drafts: bool) -> None:
        self._source = source
        self._meeting = meeting
        self._channel = channel
        self._drafts = drafts
        self._stream = public_stream(meeting.id)
        self._epoch = 0
        self._position = 0
        self._told = 0
        self._news: dict[str, bytes | None] = {}
        self._shown: dict[str, tuple[str, int]] = {}
        self._fold: Fold | None = None
        self._buried: set[str] = set()
        self._withheld: set[str] = set()
        self._bell = asyncio.Event()

    async def run(self, cursor: Cursor | None, emit: Emit) -> None:
        """Send everything after the cursor, then what comes, until cancelled."""
        await emit(_RETRY)
        await self._stand_at(cursor, emit)
        async with asyncio.TaskGroup() as group:
            for prefix in ("captions", "draft") if self._drafts else ("captions",):
                group.create_task(self._watch(f"{prefix}:{self._meeting.id}:"))
            await self._talk(group, emit)

    async def _stand_at(self, cursor: Cursor | None, emit: Emit) -> None:
        """Take the reader's cursor where it means something here; where it does not, say so and begin again."""
        self._epoch = await self._source.window.epoch(self._stream)
        if cursor is None:
            return
        if cursor.epoch == self._epoch and cursor.position <= await self._source.log.head(self._stream):
            self._position = self._told = cursor.position
        else:
            await emit(wire.sse("reset", wire.Reset(self._epoch)))

    async def _is_renewed(self, emit: Emit) -> bool:
        """Tell whether the stream has begun a new epoch; then say so to the reader, and begin again."""
        epoch = await self._source.window.epoch(self._stream)
        if epoch == self._epoch:
            return False
        self._epoch, self._position, self._told, self._fold = epoch, 0, 0, None
        self._buried.clear()
        self._withheld.clear()
        await emit(wire.sse("reset", wire.Reset(epoch)))
        return True

    async def _talk(self, group: asyncio.TaskGroup, emit: Emit) -> None:
        spoke = time.monotonic()
        while True:
            records = await self._source.window.read(self._stream, self._position, _BATCH)
            if await self._is_renewed(emit):
                continue
            chunk = await self._records(records)
            if len(records) < _BATCH:
                chunk += await self._volatile()
            if not chunk and time.monotonic() - spoke >= _HEARTBEAT_S:
                chunk = self._where() + _HEARTBEAT
            if chunk:
                await emit(chunk)
                spoke = time.monotonic()
            if not records:
                await self._news_or_heartbeat(group, spoke + _HEARTBEAT_S - time.monotonic())

    async def _news_or_heartbeat(self, group: asyncio.TaskGroup, patience_s: float) -> None:
        growing = group.create_task(self._source.window.wait(self._stream, self._position))
        ringing = group.create_task(self._bell.wait())
        try:
            await asyncio.wait({growing, ringing}, timeout=max(0, patience_s), return_when=asyncio.FIRST_COMPLETED)
        finally:
            growing.cancel()
            ringing.cancel()
        self._bell.clear()

    async def _records(self, records: list[Record]) -> bytes:
        if not records:
            return b""
        fold = await self._folded(records[-1].position, behind=len(records) == _BATCH)
        chunk = b""
        for record in records:
            self._position = record.position
            event = decode_public(record.body)
            about = wire.channel_of(event)
            if self._channel and about not in (None, self._channel):
                continue
            said = self._said(event, fold)
            if said:
                chunk += wire.sse(*said, f"{self._epoch}.{record.position}")
                self._told = record.position
            if isinstance(event, PassageHidden | PassageRedacted) and self._drafts:
                chunk += self._take_drafts(fold)
        return chunk

    async def _folded(self, through: int, *, behind: bool = False) -> Fold:
        """Return the fold, at least as far as a record that was read; `behind` others, as far as there is."""
        if behind or self._fold is None or self._fold.position < through:
            self._fold = await self._source.folds.of(self._meeting.id)
        return self._fold

    def _said(self, event: PublicEvent | None, fold: Fold) -> tuple[str, msgspec.Struct] | None:
        match event:
            case WordsCommitted() | SegmentClosed() | SegmentKept() | SegmentCorrected():
                return self._of_segment(event, fold)
            case PassageHidden():
                return self._hidden(fold.hidden.passages.get(event.hidden), fold)
            case PassageRedacted():
                redaction = fold.hidden.redactions.get(event.redaction)
                return self._hidden(redaction.passage if redaction else None, fold)
            case PassageShown():
                self._buried.clear()
            case TurnBegan() | TurnChanged() | TurnRemoved():
                return "turn", wire.turn_of(event, fold.transcript.turns)
        return wire.payload(event)

    def _of_segment(
        self, event: WordsCommitted | SegmentClosed | SegmentKept | SegmentCorrected, fold: Fold
    ) -> tuple[str, msgspec.Struct] | None:
        """Tell what is said in a segment, as far as that may be read by now: the fold is as far as this record."""
        segment = transcript.find(fold.transcript.channel(event.channel), event.segment)
        language = self._meeting.channel(event.channel).language
        said: msgspec.Struct | None = None
        if event.segment in fold.hidden.segments:
            return self._tombstone(event.segment, fold)
        if isinstance(event, SegmentKept):
            self._buried.discard(event.segment)
            said = wire.kept(segment, language)
            return ("kept", said) if said else None
        if isinstance(event, SegmentCorrected):
            said = wire.corrected(segment, language)
            return ("corrected", said) if said else None
        if segment and segment.basis:
            return None  # its words may be what was taken out: what is left comes as the record says it anew
        if isinstance(event, WordsCommitted):
            return wire.payload(event)
        said = wire.timed(event, segment, language)
        return ("segment", said) if said else None

    def _tombstone(self, segment: str, fold: Fold) -> tuple[str, wire.Hidden] | None:
        """Tell once that a segment is hidden, in place of what it says."""
        if segment in self._buried:
            return None
        self._buried.add(segment)
        return "hidden", wire.Hidden.of(fold.hidden.passage_of(segment), (segment,))

    def _hidden(self, passage: Passage | None, fold: Fold) -> tuple[str, wire.Hidden] | None:
        """Tell what a passage hides by now; None where it is shown again already."""
        if passage is None:
            return None
        segments = [one for one in fold.hidden.of(passage.id) if self._is_mine(one.rpartition(".")[0])]
        self._buried.update(segments)
        return "hidden", wire.Hidden.of(passage, tuple(segments))

    def _is_mine(self, channel: str) -> bool:
        return self._channel in (None, channel)

    def _where(self) -> bytes:
        """Move the reader's cursor past records that were not for it; an id without data is no event (9.2.6)."""
        if self._told == self._position:
            return b""
        self._told = self._position
        return f"id: {self._epoch}.{self._position}\n\n".encode()

    async def _watch(self, prefix: str) -> None:
        async for name, value in self._source.board.watch(prefix):
            self._news[name] = value
            self._bell.set()

    async def _volatile(self) -> bytes:
        news, self._news = self._news, {}
        fold = await self._folded(self._position) if news else None
        return b"".join(self._one(name, value, fold) for name, value in news.items() if fold)

    def _one(self, name: str, value: bytes | None, fold: Fold) -> bytes:
        kind, _, channel = name.split(":", 2)
        if kind == "captions":
            return self._captions(channel, wire.decode_captions(value))
        return self._draft(channel, wire.decode_draft(value), fold) if self._is_mine(channel) else b""

    def _draft(self, channel: str, draft: wire.Draft, fold: Fold) -> bytes:
        """Send a draft; one that may hold hidden words is taken away instead, once."""
        if not hidden.withholds_drafts(fold.hidden, fold.transcript.channel(channel), channel):
            self._withheld.discard(channel)
            return wire.sse("draft", wire.ChannelDraft.of(channel, draft))
        known = channel in self._withheld
        self._withheld.add(channel)
        return b"" if known else wire.sse("draft", wire.ChannelDraft.of(channel, wire.Draft()))

    def _take_drafts(self, fold: Fold) -> bytes:
        """Take away what may hold the words that were just hidden."""
        mine = [channel.id for channel in self._meeting.created.channels if self._is_mine(channel.id)]
        said = fold.transcript
        withheld = [one for one in mine if hidden.withholds_drafts(fold.hidden, said.channel(one), one)]
        return b"".join(self._draft(channel, wire.Draft(), fold) for channel in withheld)

    def _captions(self, channel: str, captions: wire.Captions) -> bytes:
        """Tell a change that a reader would see: the board says it every second, for every channel."""
        step = captions.late_ms // _LATE_STEP_MS if channel == self._channel or not self._channel else 0
        if self._shown.get(channel) == (captions.state, step):
            return b""
        self._shown[channel] = (captions.state, step)
        return wire.sse("captions", wire.ChannelCaptions(channel, captions.state, captions.late_ms))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
