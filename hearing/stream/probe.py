"""Look at a source before a meeting: opened as the relay opens it, in a child process, and heard for some seconds."""

import time
from collections.abc import Mapping
from typing import Literal

import msgspec

from hearing.errors import Unavailable
from hearing.events import SAMPLES_PER_MS
from hearing.stream.address import Rules
from hearing.stream.child import Child, source_child
from hearing.stream.frames import Failed, FailReason, FromSource, Go, Open, Over, Part, Pcm, Ready, Track

OPEN_S = 20.0
LISTEN_MS, LISTEN_LIVE_MS = 10_000, 5_000
_READ_S = 10.0
_AHEAD_S = 2.0
"""So much more than is listened to is due at once: a source plays no faster than its clock allows."""


class Probed(msgspec.Struct, frozen=True):
    """What was found. Where `reason` says why it does not open, there is nothing else.

    `named` is the language stated for each of its audio tracks, in order. `peaks` is the loudest sample (0..32768) of
    each channel that is relayed, and `bytes_per_s` what recording it takes, both over the first seconds.
    """

    reason: FailReason | Literal["slow", ""] = ""
    tracks: tuple[Track, ...] = ()
    named: tuple[str, ...] = ()
    duration_ms: int | None = None
    peaks: Mapping[str, int] = {}
    bytes_per_s: float = 0.0


async def probe(
    source: str, channels: tuple[tuple[str, int], ...], *, rules: Rules | None = None, open_s: float = OPEN_S
) -> Probed:
    """Look at a source whose audio tracks are to be these channels, as (channel, track)."""
    try:
        async with source_child(Open(source, channels, rules=rules or Rules())) as child:
            return await _look(child, open_s)
    except Unavailable:  # this machine can start no process now
        return Probed("slow")


async def _look(child: Child, open_s: float) -> Probed:
    match await _next(child, open_s):
        case Ready() as ready:
            peaks, bytes_per_s = await _listen(child, ready)
            return Probed("", ready.tracks, ready.named, ready.duration_ms, peaks, bytes_per_s)
        case Failed() as failed:
            return Probed(failed.reason)
        case _:  # the media library died on it, or hangs
            return Probed("slow")


async def _listen(child: Child, ready: Ready) -> tuple[dict[str, int], float]:
    """Let it play a while, as fast as it can; return the peaks and the bytes that a second takes."""
    peaks = {track.channel: 0 for track in ready.tracks if track.kind == "audio" and track.state == "relayed"}
    size, end_ms = 0, 0.0
    listen_ms, hurry_s = (LISTEN_LIVE_MS, 0.0) if ready.live else (LISTEN_MS, LISTEN_MS / 1000 + _AHEAD_S)
    child.tell(Go(0, time.monotonic() - hurry_s))
    while end_ms < listen_ms:
        match await _next(child, _READ_S):
            case Pcm() as pcm:
                peaks[pcm.channel] = max(peaks[pcm.channel], _peak(pcm.content))
                end_ms = max(end_ms, pcm.sample / SAMPLES_PER_MS)
            case Part() as part:
                size += len(part.content)
                end_ms = max(end_ms, part.t0 + part.duration_ms)
            case Over() | None:
                break
    return peaks, size * 1000 / end_ms if end_ms else 0.0


async def _next(child: Child, timeout_s: float) -> FromSource | None:
    try:
        return await child.read(timeout_s)
    except TimeoutError:
        return None


def _peak(pcm: bytes) -> int:
    """Return the loudest of s16le samples."""
    samples = memoryview(pcm).cast("h")
    return max(abs(sample) for sample in (max(samples), min(samples))) if samples else 0
