"""Sources by HTTP through the gate: an HLS program with its audio renditions, or one stream (MPEG-TS and others).

libav is handed bytes and opens nothing: all that is fetched is fetched here, by rules that it does not have.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NoReturn

import av
from av.container import InputContainer

from hearing.stream import playlist
from hearing.stream.address import NotAdmitted
from hearing.stream.fetch import AnswerError, Body, Fetcher
from hearing.stream.follow import Chunk, Follower
from hearing.stream.frames import Open
from hearing.stream.gate import Gate
from hearing.stream.join import Demuxed, Feed, Joined, Plan
from hearing.stream.opened import OpenFailedError

WRAP_S = 2**33 / 90_000
"""After so long the timestamps of MPEG-TS begin again at 0 (ISO/IEC 13818-1, 2.4.3.7)."""

_TOP_S = 10.0
_HEAD_BYTES = 1024
_OPTIONS = {"protocol_whitelist": "none", "analyzeduration": "2000000", "correct_ts_overflow": "0"}
_TS_PACKET = 188
_ID3_HEAD, _ID3_OWNER = 10, b"com.apple.streaming.transportStreamTimestamp\0"


def open_web(wanted: Open, gate: Gate) -> Joined:
    """Open an http or https address. Raises OpenFailedError."""
    with ExitStack() as failing:
        plan = _reached(wanted, gate, failing)
        joined = Joined(wanted, plan)
        failing.pop_all()
        return joined


def _reached(wanted: Open, gate: Gate, failing: ExitStack) -> Plan:
    """Look what is there; what is open then is closed by `failing`. Raises OpenFailedError."""
    try:
        fetcher = Fetcher(gate, wanted.source)
        failing.callback(fetcher.close)
        body = failing.enter_context(fetcher.stream(wanted.source, until_s=time.monotonic() + _TOP_S))
        head = _head(body)
        if head.lstrip(b"\xef\xbb\xbf").startswith(b"#EXTM3U"):
            with body:
                text = (head + body.read_all(playlist.MOST_BYTES)).decode("utf-8", "replace")
            return _plan(text, body.url, wanted, fetcher, gate)
        body.unbound()
        return _one_stream(head, body)
    except NotAdmitted:
        raise OpenFailedError("refused") from None
    except (AnswerError, playlist.PlaylistError) as error:
        raise OpenFailedError("unreadable" if isinstance(error, playlist.PlaylistError) else "unreachable") from error
    except OSError as error:
        raise OpenFailedError("unreachable") from error


def demuxer(source: object, kind: str) -> InputContainer:
    """Let libav read bytes as a given kind of media, and nothing but these bytes. Raises av.FFmpegError."""
    return av.open(source, "r", format=kind, options=_OPTIONS, io_open=_nothing)


def kind_of(head: bytes) -> str:
    """Return libav's name for the kind of media that begins so. Raises PlaylistError."""
    for offset in range(_TS_PACKET):
        if head[offset : offset + 2 * _TS_PACKET + 1 : _TS_PACKET] == b"GGG":
            return "mpegts"
    for kind, places in _MAGIC.items():
        if any(head[at : at + len(magic)] == magic for at, magic in places):
            return kind
    raise playlist.PlaylistError("no known kind of media")


_MAGIC: dict[str, tuple[tuple[int, bytes], ...]] = {
    "mov": ((4, b"ftyp"), (4, b"styp"), (4, b"moof"), (4, b"sidx")),
    "matroska": ((0, b"\x1a\x45\xdf\xa3"),),
    "ogg": ((0, b"OggS"),),
    "flac": ((0, b"fLaC"),),
    "aac": ((0, b"\xff\xf1"), (0, b"\xff\xf9")),
    "mp3": ((0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xfa"), (0, b"\xff\xf3")),
}


def _plan(text: str, url: str, wanted: Open, fetcher: Fetcher, gate: Gate) -> Plan:
    if not playlist.is_master(text):
        lead = Follower(fetcher, url)
        return _hls_plan([lead], playlist.read_media(text, url), (_hls_feed(lead, wanted, None),), None)
    variant, renditions = playlist.choose(playlist.read_master(text, url), gate.rules.height, gate.rules.kbps)
    apart = [(number, one) for number, one in enumerate(renditions) if one.uri and one.uri != variant.uri]
    inside = tuple(number for number, one in enumerate(renditions) if not one.uri or one.uri == variant.uri)
    lead, *others = followers = [Follower(fetcher, uri) for uri in (variant.uri, *(one.uri for _, one in apart))]
    feeds = [_hls_feed(lead, wanted, inside if renditions else None)]
    for follower, (number, _) in zip(others, apart, strict=True):
        feeds.append(_hls_feed(follower, wanted, (number,), lead=False))
    named = tuple(one.language or one.name for one in renditions) if renditions else None
    return _hls_plan(followers, lead.load(), tuple(feeds), named)


def _hls_plan(
    followers: list[Follower], media: playlist.Media, feeds: tuple[Feed, ...], named: tuple[str, ...] | None
) -> Plan:
    duration_s = media.span_s if media.ended else None

    def close() -> None:
        for follower in followers:
            follower.close()

    return Plan(feeds, named, duration_s, live=not media.ended, mark=lambda: followers[0].mark, close=close)


def _hls_feed(follower: Follower, wanted: Open, tracks: tuple[int, ...] | None, *, lead: bool = True) -> Feed:
    def containers(seek_s: float) -> Iterator[Demuxed]:
        media = follower.join(follower.load(), wanted.passed if lead else "")
        joined = _Joined(follower.chunks(media, seek_s))
        while chunk := joined.begin():
            kind = "mov" if chunk.init else kind_of(_without_id3(chunk.content)[:_HEAD_BYTES])
            offset_s = _id3_time(chunk.content)
            container = demuxer(joined, kind)
            wrap_s = WRAP_S if kind != "mov" else 0.0
            yield Demuxed(container, chunk.segment.period, offset_s, wrap_s, chunk.segment.start_s)

    return Feed(containers, tracks, picture=lead, lead=lead, endless=False)


def _one_stream(head: bytes, body: Body) -> Plan:
    """Plan for a single stream; one whose length is known ends, any other breaks."""
    kind = kind_of(head)

    def containers(_: float) -> Iterator[Demuxed]:
        yield Demuxed(demuxer(_Streamed(head, body), kind), wrap_s=WRAP_S if kind == "mpegts" else 0.0)

    finite = body.length is not None
    return Plan((Feed(containers, endless=not finite),), live=not finite, close=body.close)


class _Joined:
    """The segments of a playlist as libav reads them: on and on until one begins anew."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        self._chunks = chunks
        self._waiting: Chunk | None = None
        self._left = memoryview(b"")

    def begin(self) -> Chunk | None:
        """Go on to the next stretch; None where there is none."""
        chunk = self._waiting or next(self._chunks, None)
        if chunk:
            self._waiting = None
            self._left = memoryview(chunk.init + _without_id3(chunk.content))
        return chunk

    def read(self, size: int) -> bytes:
        """Return the next bytes of this stretch; empty at its end."""
        while not self._left and self._waiting is None:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            if chunk.begins:
                self._waiting = chunk
            else:
                self._left = memoryview(_without_id3(chunk.content))
        found, self._left = bytes(self._left[:size]), self._left[size:]
        return found


class _Streamed:
    """An answer as libav reads it."""

    def __init__(self, head: bytes, body: Body) -> None:
        self._head = head
        self._body = body

    def read(self, size: int) -> bytes:
        """Return the next bytes; empty at the end."""
        found, self._head = self._head[:size], self._head[size:]
        return found or self._body.read(size)


def _head(body: Body) -> bytes:
    head = b""
    while len(head) < _HEAD_BYTES and (more := body.read(_HEAD_BYTES - len(head))):
        head += more
    return head


def _id3_size(content: bytes) -> int:
    """Return how long the ID3 tag is that a segment begins with; 0 where it has none."""
    if not content.startswith(b"ID3") or len(content) < _ID3_HEAD:
        return 0
    size = 0
    for byte in content[6:_ID3_HEAD]:
        size = size << 7 | byte & 0x7F
    return size + _ID3_HEAD


def _without_id3(content: bytes) -> bytes:
    return content[_id3_size(content) :]


def _id3_time(content: bytes) -> float:
    """Return when a segment of plain audio begins (RFC 8216, 3.4); 0 where it does not say."""
    tag = content[: _id3_size(content)]
    at = tag.find(_ID3_OWNER)
    stamp = tag[at + len(_ID3_OWNER) :][:8] if at >= 0 else b""
    return int.from_bytes(stamp) % 2**33 / 90_000


def _nothing(*_: object) -> NoReturn:
    raise PermissionError("libav opens nothing")
