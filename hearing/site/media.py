"""Media over HTTP: playlists and segments for players, and plain audio for those that know no playlists.

Only names that the house and the index know are ever looked up; nothing of an address reaches the store as it is.
Whatever holds speech may be hidden at any time: caches keep it for seconds and then have to ask.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Send

from hearing.errors import NotFound
from hearing.log.base import Log
from hearing.meeting import House, Meeting
from hearing.site.ranges import wanted_range
from hearing.store.base import Store
from hearing.stream import hls, past
from hearing.stream.index import Entry
from hearing.stream.lanes import PICTURE, sound_rendition
from hearing.stream.past import Past
from hearing.stream.plain import Plain, adts_size
from hearing.stream.recording import Recording

_PLAYLIST = "application/vnd.apple.mpegurl"
_PLAIN = "audio/aac"
_LIVE = {"Cache-Control": "no-store"}
_ASKING = {"Cache-Control": "no-cache"}
_SPEECH = {"Cache-Control": "public, max-age=4, must-revalidate", "Accept-Ranges": "bytes"}
"""Less than the five seconds in which a hidden passage is gone; an answer of 304 costs no bytes."""

_SILENT = {"Cache-Control": "public, max-age=31536000, immutable", "Accept-Ranges": "bytes"}
"""An init segment says nothing."""

_SEGMENT = re.compile(r"([0-9]{1,9})\.m4s")
_INIT = re.compile(r"init-([0-9]{1,6})\.mp4")
_KNOWN = 64
_FIRST_S, _LOOK_S = 6.0, 0.25
_LEAD = 2
"""With fewer segments a player would begin at the very edge, and stall there."""

_SEND_S = 60.0


class _Shown(msgspec.Struct):
    """What is kept of a meeting between requests: how far its index and its stream were read."""

    recording: Recording
    past: Past


class Media:
    """The handlers. Keeps the last _KNOWN meetings that were asked for."""

    def __init__(self, log: Log, store: Store, house: Callable[[], House]) -> None:
        self._log = log
        self._store = store
        self._house = house
        self._shown: OrderedDict[str, _Shown] = OrderedDict()

    async def master(self, request: Request) -> Response:
        """List the renditions; just after the start, wait until all have enough to begin with."""
        meeting = self._meeting(request)
        shown = await self._look(meeting)
        found = await shown.recording.tracks()
        for _ in range(int(_FIRST_S / _LOOK_S)):
            relayed = [rendition for rendition in found if rendition.track.state == "relayed"]
            if shown.past.over or (relayed and all(rendition.segments >= _LEAD for rendition in relayed)):
                break
            await asyncio.sleep(_LOOK_S)
            found = await shown.recording.tracks()
        if not any(rendition.plays for rendition in found):
            raise NotFound("Nothing of this meeting can be played yet. Try again when it is live.")
        shown = await self._look(meeting)
        return _playlist(hls.master(found, meeting.created.channels), over=shown.past.over)

    async def media(self, request: Request) -> Response:
        """List the segments of one rendition."""
        rendition, shown = await self._rendition(request)
        zero_utc_ms, over = shown.past.zero_utc_ms, shown.past.over  # before the entries: over means that all are there
        entries = await shown.recording.entries(rendition)
        if not entries or zero_utc_ms is None:
            raise NotFound("There is nothing to play here yet. Try again when the meeting is live.")
        hides = partial(shown.past.hides, rendition=rendition)
        return _playlist(hls.media(entries, zero_utc_ms, over=over, hides=hides), over=over)

    async def file(self, request: Request) -> Response:
        """Serve a segment, or the init segment of a run."""
        rendition, shown = await self._rendition(request)
        name = request.path_params["file"]
        entries = await shown.recording.entries(rendition)
        if match := _SEGMENT.fullmatch(name):
            entry = _find(entries, int(match[1]))
            if shown.past.hides(entry, rendition):
                return Response(status_code=410, headers=_LIVE)
            return await self._segment(request, shown, rendition, entry)
        if match := _INIT.fullmatch(name):
            content = await shown.recording.init(rendition, int(match[1]))
            return Response(content, media_type=_media_type(rendition), headers=_SILENT)
        raise NotFound("There is no such part of this recording.")

    async def listen(self, request: Request) -> Response:
        """Serve a channel as plain AAC: endless while live, with ranges once it is over."""
        meeting = self._meeting(request)
        channel = meeting.channel(request.path_params["channel"])
        shown = await self._look(meeting)
        plain = Plain(shown.recording, channel.id, lambda: self._past(meeting))
        if not shown.past.over:
            if meeting.phase != "open":
                raise NotFound("Nothing of this meeting can be heard yet. Try again when it is live.")
            if await _has_no_sound(shown.recording, channel.id):
                raise NotFound("This channel has no sound in what is being relayed. Choose another one.")
            return _plain(request, 200, _LIVE, plain.follow())
        entries = await plain.entries()
        size = sum(adts_size(entry) for entry in entries)
        if not size:
            raise NotFound("Nothing was recorded of this channel.")
        etag = _etag(entries, shown.past, sound_rendition(channel.id))
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={**_ASKING, "ETag": etag})
        status, start, end = wanted_range(_fresh_range(request, etag), size)
        headers = {**_ASKING, "Accept-Ranges": "bytes", "ETag": etag, "Content-Length": str(end - start)}
        if status != 200:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}" if status == 206 else f"bytes */{size}"
        return _plain(request, status, headers, plain.between(entries, start, end))

    async def _segment(self, request: Request, shown: _Shown, rendition: str, entry: Entry) -> Response:
        headers = {**_SPEECH, "ETag": _etag([entry], shown.past, rendition)}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        status, start, end = wanted_range(_fresh_range(request, headers["ETag"]), entry.size)
        if status != 200:
            range_ = f"{start}-{end - 1}" if status == 206 else "*"
            headers["Content-Range"] = f"bytes {range_}/{entry.size}"
        content = await shown.recording.segment(rendition, entry.msn, start, end) if end > start else b""
        return Response(content, status, media_type=_media_type(rendition), headers=headers)

    def _meeting(self, request: Request) -> Meeting:
        return self._house().meeting(request.path_params["meeting"])

    async def _rendition(self, request: Request) -> tuple[str, _Shown]:
        """Return a rendition that the meeting may have, and the meeting. Raises NotFound for any other name."""
        meeting = self._meeting(request)
        name = request.path_params["rendition"]
        if name not in {PICTURE, *(sound_rendition(channel.id) for channel in meeting.created.channels)}:
            raise NotFound("This meeting has no such rendition.")
        return name, await self._look(meeting)

    async def _look(self, meeting: Meeting) -> _Shown:
        shown = self._shown.setdefault(meeting.id, _Shown(Recording(self._store, meeting.id), Past()))
        self._shown.move_to_end(meeting.id)
        if len(self._shown) > _KNOWN:
            self._shown.popitem(last=False)
        await past.read_on(self._log, meeting.id, shown.past)
        return shown

    async def _past(self, meeting: Meeting) -> Past:
        return (await self._look(meeting)).past


def routes(log: Log, store: Store, house: Callable[[], House]) -> list[Route]:
    """Return the routes of all media."""
    media = Media(log, store, house)
    return [
        Route("/media/{meeting}/master.m3u8", media.master),
        Route("/media/{meeting}/{rendition}/index.m3u8", media.media),
        Route("/media/{meeting}/{rendition}/{file}", media.file),
        Route("/listen/{meeting}/{channel}", media.listen),
    ]


class _Patient(StreamingResponse):
    """A long answer. A reader that takes nothing for _SEND_S is cut off."""

    async def stream_response(self, send: Send) -> None:
        async def patient(message: Message) -> None:
            async with asyncio.timeout(_SEND_S):
                await send(message)

        await super().stream_response(patient)


def _plain(request: Request, status: int, headers: Mapping[str, str], content: AsyncIterator[bytes]) -> Response:
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=_PLAIN)
    return _Patient(content, status, headers=headers, media_type=_PLAIN)


def _etag(entries: Sequence[Entry], past: Past, rendition: str) -> str:
    """Name what these segments are together: what is hidden, shown again or redacted since has another name."""
    numbers = ",".join(f"{entry.msn}.{entry.size}{past.edition(entry, rendition)}" for entry in entries)
    return f'"{hashlib.sha256(numbers.encode()).hexdigest()[:16]}"'


def _fresh_range(request: Request, etag: str) -> str | None:
    """Return the range that is asked for; none where it is of what this was before (RFC 9110, 13.1.5)."""
    return request.headers.get("range") if request.headers.get("if-range", etag) == etag else None


async def _has_no_sound(recording: Recording, channel: str) -> bool:
    """Tell whether the source is known to have no track for a channel, and nothing of it was recorded before."""
    found = [one for one in await recording.tracks() if one.track.channel == channel]
    return bool(found) and all(one.track.state != "relayed" and not one.plays for one in found)


def _find(entries: list[Entry], msn: int) -> Entry:
    """Return the entry of a segment. Only finished ones are served: what has this number never changes."""
    number = msn - entries[0].msn if entries else -1
    if 0 <= number < len(entries) and entries[number].msn == msn:
        return entries[number]
    raise NotFound("There is no such part of this recording.")


def _playlist(content: str, *, over: bool) -> Response:
    return Response(content, media_type=_PLAYLIST, headers=_ASKING if over else _LIVE)


def _media_type(rendition: str) -> str:
    return "video/mp4" if rendition == PICTURE else "audio/mp4"
