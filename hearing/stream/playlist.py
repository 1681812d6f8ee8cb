"""HLS playlists, pure: read a master and a media playlist (RFC 8216), and choose what is relayed of a master.

Everything is bounded, and nothing is opened here: where an entry leads is for the gate to judge.
"""

import re
from collections.abc import Sequence
from urllib.parse import urljoin

import msgspec

MOST_BYTES = 4 * 1024 * 1024
_MOST_SEGMENTS = 50_000
_MOST_ENTRIES = 500
_ATTRIBUTE = re.compile(r'(?<![A-Z0-9-])([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_DECODABLE = re.compile(r"(avc[13]|mp4a|ac-3|ec-3|opus|flac)", re.IGNORECASE)


class PlaylistError(ValueError):
    """This is no playlist that can be followed."""


class Rendition(msgspec.Struct, frozen=True):
    """One audio track. Without a `uri` its sound is in the variant's own segments."""

    uri: str
    group: str
    name: str
    language: str


class Variant(msgspec.Struct, frozen=True):
    """One quality of the picture. `bandwidth` is in bit/s; a `height` of 0 is not said."""

    uri: str
    bandwidth: int
    height: int
    codecs: str
    audio: str


class Master(msgspec.Struct, frozen=True):
    """What can be chosen from; renditions stand in their order in the playlist."""

    variants: tuple[Variant, ...]
    renditions: tuple[Rendition, ...]


class Key(msgspec.Struct, frozen=True):
    """How segments are encrypted. `iv` is empty where the segment's number is meant."""

    method: str
    uri: str
    iv: bytes


class Part(msgspec.Struct, frozen=True):
    """Some bytes: all of an address, or (first byte, count) of it."""

    uri: str
    place: tuple[int, int] | None = None


class Segment(msgspec.Struct, frozen=True):
    """One segment. `start_s` counts from the playlist's beginning; `period` grows with each discontinuity."""

    number: int
    start_s: float
    duration_s: float
    period: int
    media: Part
    init: Part | None = None
    key: Key | None = None
    gap: bool = False


class Media(msgspec.Struct, frozen=True):
    """A media playlist. `ended`: nothing is added any more."""

    target_s: float
    segments: tuple[Segment, ...]
    ended: bool

    @property
    def span_s(self) -> float:
        """Return how long all of it plays."""
        return self.segments[-1].start_s + self.segments[-1].duration_s if self.segments else 0.0


def is_master(text: str) -> bool:
    """Tell a master from a media playlist. Raises PlaylistError for what is neither."""
    if not text.lstrip("\ufeff").startswith("#EXTM3U"):
        raise PlaylistError("no playlist")
    return "#EXT-X-STREAM-INF" in text


def read_master(text: str, base: str) -> Master:
    """Read a master playlist that was fetched from `base`. Raises PlaylistError."""
    variants: list[Variant] = []
    renditions: list[Rendition] = []
    waiting: dict[str, str] | None = None
    for line in _lines(text):
        if line.startswith("#EXT-X-MEDIA:"):
            found = _attributes(line)
            if found.get("TYPE") == "AUDIO":
                uri = urljoin(base, found["URI"]) if found.get("URI") else ""
                language = found.get("LANGUAGE", "")[:16]
                renditions.append(Rendition(uri, found.get("GROUP-ID", ""), found.get("NAME", "")[:64], language))
        elif line.startswith("#EXT-X-STREAM-INF:"):
            waiting = _attributes(line)
        elif not line.startswith("#") and waiting is not None:
            variants.append(_variant(urljoin(base, line), waiting))
            waiting = None
        if len(variants) + len(renditions) > _MOST_ENTRIES:
            raise PlaylistError("too many entries")
    if not variants:
        raise PlaylistError("no variant")
    return Master(tuple(variants), tuple(renditions))


def choose(master: Master, height: int, kbps: int) -> tuple[Variant, tuple[Rendition, ...]]:
    """Return the best variant within the bounds, else the smallest; and the audio renditions that go with it, in order.

    A rendition that is listed several times in a group is one; a variant whose sound is its own has none.
    """
    playable = [one for one in master.variants if _plays(one)] or list(master.variants)
    within = [one for one in playable if one.height <= height and one.bandwidth <= kbps * 1000]
    best = max(within, key=_size) if within else min(playable, key=_size)
    mine = [one for one in master.renditions if best.audio and one.group == best.audio]
    return best, tuple({(one.name, one.language, one.uri): one for one in mine}.values())


def read_media(text: str, base: str) -> Media:
    """Read a media playlist that was fetched from `base`. Raises PlaylistError."""
    reader = _MediaReader(base)
    for line in _lines(text):
        reader.take(line)
        if len(reader.segments) > _MOST_SEGMENTS:
            raise PlaylistError("too many segments")
    return Media(reader.target_s, tuple(reader.segments), reader.ended)


class _MediaReader:
    def __init__(self, base: str) -> None:
        self._base = base
        self._number = 0
        self._period = 0
        self._start_s = 0.0
        self._duration_s = 0.0
        self._init: Part | None = None
        self._key: Key | None = None
        self._range: str = ""
        self._ends: dict[str, int] = {}
        self._gap = False
        self.target_s = 6.0
        self.ended = False
        self.segments: list[Segment] = []

    def take(self, line: str) -> None:
        """Read the next line."""
        if not line.startswith("#"):
            self._segment(urljoin(self._base, line))
            return
        tag, _, value = line.partition(":")
        match tag:
            case "#EXT-X-TARGETDURATION":
                self.target_s = _number(value, 0.1, 3600.0)
            case "#EXT-X-MEDIA-SEQUENCE":
                self._number = int(_number(value, 0, 2**62))
            case "#EXT-X-DISCONTINUITY-SEQUENCE":
                self._period = int(_number(value, 0, 2**62))
            case "#EXT-X-ENDLIST":
                self.ended = True
            case _:
                self._of_segment(tag, value, line)

    def _of_segment(self, tag: str, value: str, line: str) -> None:
        """Read what is said of the segments that follow."""
        match tag:
            case "#EXTINF":
                self._duration_s = _number(value.partition(",")[0], 0.0, 3600.0)
            case "#EXT-X-DISCONTINUITY":
                self._period += 1
            case "#EXT-X-BYTERANGE":
                self._range = value
            case "#EXT-X-MAP":
                found = _attributes(line)
                uri = urljoin(self._base, found.get("URI", ""))
                self._init = Part(uri, self._place(uri, found.get("BYTERANGE", "")))
            case "#EXT-X-KEY":
                self._key = _key(_attributes(line), self._base)
            case "#EXT-X-GAP":
                self._gap = True

    def _segment(self, uri: str) -> None:
        media = Part(uri, self._place(uri, self._range))
        self.segments.append(
            Segment(
                self._number, self._start_s, self._duration_s, self._period, media, self._init, self._key, self._gap
            )
        )
        self._number += 1
        self._start_s += self._duration_s
        self._duration_s, self._range, self._gap = 0.0, "", False

    def _place(self, uri: str, stated: str) -> tuple[int, int] | None:
        if not stated:
            return None
        count, _, first = stated.partition("@")
        begin = int(_number(first, 0, 2**50)) if first else self._ends.get(uri, 0)
        size = int(_number(count, 0, 2**32))
        self._ends[uri] = begin + size
        return begin, size


def _variant(uri: str, found: dict[str, str]) -> Variant:
    height = found.get("RESOLUTION", "").lower().partition("x")[2]
    return Variant(
        uri,
        int(_number(found.get("BANDWIDTH", "0"), 0, 2**40)),
        int(height) if height.isascii() and height.isdigit() and len(height) < 6 else 0,
        found.get("CODECS", ""),
        found.get("AUDIO", ""),
    )


def _plays(variant: Variant) -> bool:
    """Tell whether its codecs, as far as they are stated, are ones that are relayed."""
    stated = [one.strip() for one in variant.codecs.split(",") if one.strip()]
    return all(_DECODABLE.match(one) for one in stated)


def _size(variant: Variant) -> tuple[int, int]:
    return variant.height, variant.bandwidth


def _key(found: dict[str, str], base: str) -> Key | None:
    method = found.get("METHOD", "NONE")
    if method == "NONE":
        return None
    try:
        stated = found.get("IV", "")
        iv = int(stated, 16).to_bytes(16) if stated else b""
    except (ValueError, OverflowError):
        raise PlaylistError("a key's IV is no number") from None
    return Key(method, urljoin(base, found.get("URI", "")), iv)


def _attributes(line: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line.partition(":")[2])}


def _number(text: str, least: float, most: float) -> float:
    try:
        found = float(text.strip()[:32])
    except ValueError:
        raise PlaylistError("what should be a number is none") from None
    if not least <= found <= most:
        raise PlaylistError("a number out of bounds")
    return found


def _lines(text: str) -> Sequence[str]:
    return [line for line in (raw.strip() for raw in text.splitlines()) if line]
