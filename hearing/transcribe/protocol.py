"""What a worker and a relay say to each other, over one WebSocket that the worker dials. docs/worker-protocol.md.

Text frames are JSON, one struct each; binary frames are PCM from the relay. The connection is the right to its
channels: when it breaks, or says nothing for SILENCE_S, the relay gives them to another and refuses what comes late.
"""

import struct
from typing import Literal

import msgspec

from hearing.errors import Refused
from hearing.events import RATE_HZ, GapReason

VERSION = 1
SILENCE_S = 3.0
FRAME_MS = 200
HOLE = RATE_HZ // 2
"""Missing audio of this many samples is a gap; less is filled with silence."""
MAX_TEXT_BYTES = 64 * 1024
MAX_WORDS = 512
KNOWN = ("languages", "glossary", "quiet")
"""What came after the first release: several languages on a channel, and the words of its meeting."""

_HEADER = struct.Struct("<IIQ")


class Message(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """One text frame."""


# --- worker -> relay ------------------------------------------------------------------------------------------------


class Hello(Message, frozen=True, tag="hello"):
    """First frame: what the worker runs, how many channels it can carry now, and in which languages (empty: any).

    `knows` names what of this protocol came after its first release and is understood: KNOWN. `name` tells a server's
    own worker from others.
    """

    version: int
    model: str
    channels: int
    languages: tuple[str, ...] = ()
    knows: tuple[str, ...] = ()
    name: str = ""


class Words(Message, frozen=True, tag="words"):
    """Final words; see hearing.events.WordsCommitted. Answered by Ack, in order, for each `handle`.

    `language` says which of the channel's languages was spoken; empty where it has one.
    """

    handle: int
    segment: int
    first_word: int
    words: tuple[str, ...]
    through_sample: int
    low: bool = False
    language: str = ""


class Closed(Message, frozen=True, tag="closed"):
    """Times of a segment's words, ms of media time; see hearing.events.SegmentClosed. Answered by Ack."""

    handle: int
    segment: int
    t0: int
    t1: int
    word_times: tuple[tuple[int, int], ...]


class Gap(Message, frozen=True, tag="gap"):
    """Speech without words, ms of media time. Answered by Ack."""

    handle: int
    t0: int
    t1: int
    reason: GapReason


class Draft(Message, frozen=True, tag="draft"):
    """What may still change: text after the first `after` words of the segment. Not answered."""

    handle: int
    segment: int
    after: int
    text: str
    language: str = ""


class Heard(msgspec.Struct, frozen=True, array_like=True):
    """How far a channel is: heard through `sample`; before `settled` every word is final and has its time."""

    handle: int
    sample: int
    settled: int
    tick_ms: int


class Pulse(Message, frozen=True, tag="pulse"):
    """At least every second: alive, and how far each channel is.

    `channels`: how many this relay's worker can carry now, by what it measured and carries for others. None: as said.
    `measured` tells that it comes of measurement, and not of what it was told.
    """

    heard: tuple[Heard, ...] = ()
    channels: int | None = None
    measured: bool = False


class Decline(Message, frozen=True, tag="decline"):
    """The worker has no room for a channel it was assigned: another relay was faster."""

    handle: int


class Drained(Message, frozen=True, tag="drained"):
    """All audio of a channel that the relay finished has been heard and said."""

    handle: int


# --- relay -> worker ------------------------------------------------------------------------------------------------


class Assign(Message, frozen=True, tag="assign"):
    """Carry a channel from `from_sample` on. `prefix` holds words already final whose times are still missing.

    Its entries are (segment, words), oldest first; all were spoken after `from_sample`, and heard through
    `through_sample`. `next_segment` is the first ordinal that is free. `languages`: any of these may be spoken,
    `language` was the last one; none: only `language` is. `glossary` holds words of the meeting, the most important
    ones first.
    """

    handle: int
    language: str
    from_sample: int
    next_segment: int
    prefix: tuple[tuple[int, tuple[str, ...]], ...] = ()
    through_sample: int = 0
    languages: tuple[str, ...] = ()
    glossary: tuple[str, ...] = ()


class Glossary(Message, frozen=True, tag="glossary"):
    """These are the words of the meeting from now on. Only for a worker that knows `glossary`."""

    handle: int
    words: tuple[str, ...] = ()


class Ack(Message, frozen=True, tag="ack"):
    """The oldest unanswered Words, Closed or Gap of this handle is durable."""

    handle: int


class Finish(Message, frozen=True, tag="finish"):
    """No more audio comes for this channel: hear what is left, then answer Drained."""

    handle: int


class Release(Message, frozen=True, tag="release"):
    """Let go of this channel; anything later about it is refused."""

    handle: int
    why: Literal["closed", "conflict", "moved"] = "closed"


FromWorker = Hello | Words | Closed | Gap | Draft | Pulse | Drained | Decline
FromRelay = Assign | Glossary | Ack | Finish | Release

_encoder = msgspec.json.Encoder()
encode = _encoder.encode
_from_worker: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)
_from_relay: msgspec.json.Decoder[FromRelay] = msgspec.json.Decoder(FromRelay)


def from_worker(frame: str | bytes) -> FromWorker:
    """Decode a worker's text frame. Raises Refused for what is too long or not well formed."""
    if len(frame) > MAX_TEXT_BYTES:
        raise Refused(f"A frame holds at most {MAX_TEXT_BYTES} bytes.")
    try:
        return _from_worker.decode(frame)
    except msgspec.DecodeError as error:
        raise Refused("This frame is not one of the worker protocol; see docs/worker-protocol.md.") from error


def from_relay(frame: str | bytes) -> FromRelay:
    """Decode a relay's text frame. Raises Refused for what is not well formed."""
    try:
        return _from_relay.decode(frame)
    except msgspec.DecodeError as error:
        raise Refused("This frame is not one of the worker protocol; see docs/worker-protocol.md.") from error


def pack_pcm(handle: int, run: int, sample: int, pcm: bytes) -> bytes:
    """Frame PCM (s16le, mono, 16 kHz); `sample` is the media sample of its first one."""
    return _HEADER.pack(handle, run, sample) + pcm


def unpack_pcm(frame: bytes) -> tuple[int, int, int, bytes]:
    """Return (handle, run, sample, pcm). Raises Refused for a frame without a header or with half a sample."""
    if len(frame) < _HEADER.size or (len(frame) - _HEADER.size) % 2:
        raise Refused("A PCM frame is a 16-byte header and whole 16-bit samples.")
    handle, run, sample = _HEADER.unpack_from(frame)
    return handle, run, sample, frame[_HEADER.size :]
