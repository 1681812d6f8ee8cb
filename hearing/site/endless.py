"""The page without end, for readers without script: chunked HTML that grows as words become final.

What was written cannot be taken back: where a passage is hidden of which this page has words, the page ends and asks
its browser for a fresh one, which has a tombstone in their place.
"""

import asyncio
import time
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request

from hearing import turns
from hearing.events import (
    SAMPLES_PER_MS,
    ClockStarted,
    Ended,
    GapMarked,
    PassageHidden,
    PassageRedacted,
    PassageShown,
    PublicEvent,
    QuietMarked,
    RunEnded,
    RunStarted,
    SegmentClosed,
    SegmentCorrected,
    SegmentKept,
    WordsCommitted,
    decode_public,
    public_stream,
)
from hearing.house_events import Channel
from hearing.lang import join
from hearing.log.base import Record
from hearing.meeting import Meeting
from hearing.site import geneva, show
from hearing.site.chunks import Chunks, Emit
from hearing.site.feed import Cursor, Source
from hearing.site.folds import Fold
from hearing.site.look import Link, Look
from hearing.site.paragraphs import Paragraphs
from hearing.site.scriptwords import STATES
from hearing.transcript import Segment, Wordless, find, ordinal

_HEARTBEAT_S = 10.0
_EVERY = 20
_HEADERS = {"Content-Type": "text/html; charset=utf-8"}
_HERE = "<!-- said -->"
_AGAIN = Markup('<meta http-equiv="refresh" content="0;url={}#{}">\n')
_BEAT = Markup('<p class="note soft"><time>{}</time> …</p>\n')
_ON = Markup('<p class="note" id="on-{}"><a href="{}">{}</a></p>\n')


def answer(
    look: Look, source: Source, request: Request, wanted: tuple[Meeting, Channel], cursor: Cursor | None
) -> Chunks:
    """Answer with the page: from the cursor on, or from a little before now."""
    page = _Page(look, source, request, *wanted)
    return Chunks(lambda emit: page.run(cursor, emit), _HEADERS)


class _Page:
    """One reader's page, as far as it has been written."""

    def __init__(self, look: Look, source: Source, request: Request, meeting: Meeting, channel: Channel) -> None:
        self._look = look
        self._source = source
        self._request = request
        self._meeting = meeting
        self._channel = channel
        self._words = look.words(request)
        self._text = Paragraphs(self._words, channel, self._continue_here)
        self._epoch = 0
        self._position = 0
        self._done = False

    async def run(self, cursor: Cursor | None, emit: Emit) -> None:
        """Write the page until the meeting is over and all of it is written."""
        fold = await self._source.folds.of(self._meeting.id)
        shown = {"created": self._meeting.created, "channel": self._channel, "start": f"{fold.epoch}.0"}
        head, foot = self._look.render(self._request, "text.html", shown).split(_HERE)
        await emit(f"{head}{self._begin(fold, cursor)}".encode())
        stream = public_stream(self._meeting.id)
        while not self._done:
            chunk = await self._records(await self._source.window.read(stream, self._position))
            chunk = chunk or await self._wait(stream)
            if chunk:
                await emit(chunk.encode())
        await emit(f"{self._text.close()}{foot}".encode())

    def _begin(self, fold: Fold, cursor: Cursor | None) -> Markup:
        """Stand at the cursor where it means something here, else write the newest of what was said and go on."""
        self._text.zero, self._epoch = fold.transcript.media_zero_utc_ms, fold.epoch
        self._text.heard = turns.heard(fold.transcript.turns, self._channel.kind)
        if cursor and cursor.epoch == fold.epoch and cursor.position <= fold.position:
            self._position = cursor.position
            return Markup()
        self._position = fold.position
        self._done = fold.transcript.state == "closed"
        spoken = fold.transcript.channel(self._channel.id)
        segments = spoken.segments if self._done else spoken.segments[-_EVERY:]
        since = segments[0].after_t if len(segments) < len(spoken.segments) else 0
        shown = [*segments, *(one for one in spoken.wordless if one.t1 > since)]
        written = Markup()
        for one in sorted(shown, key=_begins):
            written += self._past(one) if isinstance(one, Segment) else self._wordless(one)
        self._text.through_t = spoken.through_t
        return written

    def _past(self, segment: Segment) -> Markup:
        self._text.through_t, through_t = segment.span
        if segment.hidden:
            return self._text.tombstone(segment.id, segment.basis)
        said = join(segment.shown, self._text.spoken(segment.language))
        return self._text.paragraph(segment.id, said, through_t, segment.language, segment.mark)

    def _wordless(self, event: Wordless) -> Markup:
        """Say that words are missing, or that nobody spoke; what follows was said later."""
        self._text.through_t = max(self._text.through_t, event.t1)
        if isinstance(event, GapMarked):
            return self._text.note(self._words.t("Words are missing here."), event.t0)
        return self._text.note(self._words.t("No speech was heard here."), event.t0, event.t1)

    async def _wait(self, stream: str) -> Markup:
        try:
            async with asyncio.timeout(_HEARTBEAT_S):
                await self._source.window.wait(stream, self._position)
        except TimeoutError:
            return self._text.close() + _BEAT.format(f"{geneva.at(time.time_ns() // 1_000_000):%H:%M:%S}")
        return Markup()

    async def _records(self, records: list[Record]) -> Markup:
        chunk = Markup()
        if not records:
            return chunk
        fold = await self._source.folds.of(self._meeting.id)
        self._text.heard = turns.heard(fold.transcript.turns, self._channel.kind)
        for record in records:
            event = decode_public(record.body)
            if gone := self._gone(event, fold):
                self._done = True
                return chunk + self._text.close() + _AGAIN.format(self._again(record.position), gone)
            chunk += self._write(event, fold)
            self._position = record.position
        return chunk

    def _gone(self, event: PublicEvent | None, fold: Fold) -> str:
        """Return the last segment that stands on this page and is hidden since; nothing where there is none."""
        match event:
            case PassageRedacted():
                gone = {*fold.hidden.segments, *fold.hidden.of(event.redaction)}
            case PassageHidden() | WordsCommitted() | SegmentClosed():
                gone = set(fold.hidden.segments)
            case _:
                return ""
        return max(self._text.written & gone, key=ordinal, default="")

    def _write(self, event: PublicEvent | None, fold: Fold) -> Markup:
        match event:
            case WordsCommitted() if event.segment in fold.hidden.segments:
                return self._text.tombstone(event.segment) if event.channel == self._channel.id else Markup()
            case WordsCommitted() if event.channel == self._channel.id:
                return self._said(event, fold)
            case SegmentKept() | SegmentCorrected() if event.channel == self._channel.id:
                anew = self._kept if isinstance(event, SegmentKept) else self._corrected
                return anew(event.segment, fold)
            case GapMarked() | QuietMarked() if event.channel == self._channel.id:
                return self._wordless(event)
            case PassageShown():
                return self._text.note(
                    self._words.t("A hidden passage is shown again. Load this page again to read it.")
                )
            case ClockStarted():
                self._text.zero = event.media_zero_utc_ms
            case _:
                self._done = isinstance(event, Ended)
        return self._state(event)

    def _state(self, event: PublicEvent | None) -> Markup:
        t = self._words.t
        match event:
            case RunStarted():
                return self._text.note(t("Live"))
            case RunEnded(reason="ended"):
                return self._text.note(t("The source has ended"))
            case RunEnded(reason="missing" | "no-audio" | "unreadable"):
                return self._text.note(t(STATES[event.reason].text))
            case RunEnded():
                return self._text.note(
                    t("Interrupted since {time}, we try again", time=show.clock(self._text.zero, event.t))
                )
            case Ended():
                return self._text.note(t("Closed"))
            case _:
                return Markup()

    def _said(self, event: WordsCommitted, fold: Fold) -> Markup:
        kept = find(fold.transcript.channel(event.channel), event.segment)
        if kept and kept.basis:  # these words may be what was taken out: what is left comes as the record says it anew
            return Markup()
        said = join(event.words, self._text.spoken(event.language))
        through_t = event.through_sample // SAMPLES_PER_MS
        return self._text.say(event.segment, said, through_t, event.language, "typed" if event.by else "machine")

    def _kept(self, segment: str, fold: Fold) -> Markup:
        """Write what a redaction left of a segment, unless something stands for it already."""
        kept = find(fold.transcript.channel(self._channel.id), segment)
        if segment in self._text.written:
            return Markup()
        if kept is None or kept.hidden or segment in self._text.buried:
            return self._text.tombstone(segment, kept.basis if kept else "")
        said = join(kept.shown, self._text.spoken(kept.language))
        return self._text.paragraph(segment, said, kept.span[1], kept.language) + self._text.close()

    def _corrected(self, segment: str, fold: Fold) -> Markup:
        known = find(fold.transcript.channel(self._channel.id), segment)
        if segment not in self._text.written or known is None or not known.versions:
            return Markup()
        return self._text.corrected(known)

    def _again(self, position: int) -> str:
        """Return this page's address, changed: a browser does not load a page that it only jumps within."""
        query = urlencode({**self._request.query_params, "again": position})
        return f"{self._request.url.path}?{query}"

    def _continue_here(self, segments: int) -> Markup:
        """Offer a fresh page from here on: a browser tires of a page that has grown for hours."""
        if segments <= _EVERY or segments % _EVERY != 1:
            return Markup()
        address = Link(self._request).to(
            f"/m/{self._meeting.id}/text", channel=self._channel.id, after=f"{self._epoch}.{self._position}"
        )
        return _ON.format(self._position, address, self._words.t("Continue from here"))


def _begins(one: Segment | Wordless) -> int:
    return one.span[0] if isinstance(one, Segment) else one.t0
