"""What a relay and its source child say to each other over two pipes: length-prefixed MessagePack, one struct each.

Everything a source says carries meeting media time already. Each frame is bounded; a longer one is a bug and crashes.
"""

import asyncio
from typing import BinaryIO, Literal

import msgspec

from hearing.stream.address import Rules

MAX_BYTES = 32 * 1024 * 1024
"""More than one second of any picture that is passed on without being encoded again."""

FailReason = Literal["missing", "unreadable", "no-audio", "refused", "unreachable"]
TrackState = Literal["relayed", "codec", "missing", "no-drawing"]


class Frame(msgspec.Struct, frozen=True, tag_field="type"):
    """One message."""


# --- relay -> source ------------------------------------------------------------------------------------------------


class Open(Frame, frozen=True, tag="open"):
    """First frame: what to open, and which of its audio tracks are the meeting's channels, as (channel, track).

    `rules` are for addresses. `passed` is the mark of the run before: one that has not moved past it is waited for.
    """

    source: str
    channels: tuple[tuple[str, int], ...]
    loop: bool = False
    rules: Rules = Rules()
    passed: str = ""


class Go(Frame, frozen=True, tag="go"):
    """Play from `t` on; media time `t` is due when the monotonic clock shows `zero_s` + t / 1000."""

    t: int
    zero_s: float


# --- source -> relay ------------------------------------------------------------------------------------------------


class Track(msgspec.Struct, frozen=True):
    """One rendition the source makes, or why it does not. `channel` is empty for a picture."""

    name: str
    kind: Literal["audio", "video"]
    channel: str = ""
    state: TrackState = "relayed"
    codec: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0


class Ready(Frame, frozen=True, tag="ready"):
    """It is open and would play these. `duration_ms` is None where it does not say; a `live` one has its own time.

    `named` holds the language that the source states for each of its audio tracks, in their order; empty: none.
    """

    tracks: tuple[Track, ...]
    duration_ms: int | None = None
    named: tuple[str, ...] = ()
    live: bool = False


class Failed(Frame, frozen=True, tag="failed"):
    """It cannot be played; the child leaves."""

    reason: FailReason


class Init(Frame, frozen=True, tag="init"):
    """The init segment of a rendition, before its first part."""

    rendition: str
    codec: str
    content: bytes


class Part(Frame, frozen=True, tag="part"):
    """One moof+mdat, whose samples play from `t0` for `duration_ms`. It may open a segment, and may close one.

    `samples` and `payload` (bytes of coded sound or picture) tell how long the same would be in another wrapping.
    """

    rendition: str
    t0: float
    duration_ms: float
    samples: int
    payload: int
    opens: bool
    closes: bool
    content: bytes


class Pcm(Frame, frozen=True, tag="pcm"):
    """Sound for the ear: s16le, mono, 16 kHz; `sample` is the media sample of the first one."""

    channel: str
    sample: int
    content: bytes


class Silence(Frame, frozen=True, tag="silence"):
    """The track has nothing more from `sample` on, while others go on."""

    channel: str
    sample: int


class Over(Frame, frozen=True, tag="over"):
    """Last frame: the source was played to its end, or the connection to it broke. `mark` is for the next Open."""

    t: int
    reason: Literal["ended", "lost"]
    mark: str = ""


FromRelay = Open | Go
FromSource = Ready | Failed | Init | Part | Pcm | Silence | Over

_encoder = msgspec.msgpack.Encoder()
_from_relay: msgspec.msgpack.Decoder[FromRelay] = msgspec.msgpack.Decoder(FromRelay)
_from_source: msgspec.msgpack.Decoder[FromSource] = msgspec.msgpack.Decoder(FromSource)


def pack(frame: Frame) -> bytes:
    """Return the bytes that go into the pipe."""
    body = _encoder.encode(frame)
    if len(body) > MAX_BYTES:
        raise ValueError(f"a frame of {len(body)} bytes")
    return len(body).to_bytes(4) + body


def read_from_relay(pipe: BinaryIO) -> FromRelay | None:
    """Wait for the relay's next frame; None when its end of the pipe is gone."""
    head = pipe.read(4)
    if len(head) < 4:
        return None
    size = int.from_bytes(head)
    body = pipe.read(size) if size <= MAX_BYTES else b""
    return _from_relay.decode(body) if body and len(body) == size else None


async def read_from_source(pipe: asyncio.StreamReader) -> FromSource | None:
    """Wait for the source's next frame; None when the child is gone, even in the middle of a frame."""
    try:
        size = int.from_bytes(await pipe.readexactly(4))
        if size > MAX_BYTES:
            return None
        return _from_source.decode(await pipe.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
