"""The tap: sound as the speech model hears it, 16 kHz mono, tapped before it is cut for players."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from hearing.errors import NotFound, Refused
from hearing.events import RATE_HZ
from hearing.stream.sound import Mono, Samples

if TYPE_CHECKING:
    AnyPacket = Packet[Stream]
else:
    AnyPacket = Packet  # generic in its stubs only

FRAME_SAMPLES = RATE_HZ // 5


class Tap:
    """Collects one channel's sound into frames of 200 ms. `put(sample, pcm)` gets s16le bytes in their place."""

    def __init__(self, start_s: float, put: Callable[[int, bytes], None]) -> None:
        self._mono = Mono(RATE_HZ, "s16", start_s, self._collect)
        self._put = put
        self._held: list[Samples] = []
        self._count = 0
        self._at = 0

    @property
    def heard(self) -> int:
        """The sample after the last one that came."""
        return self._at + self._count

    def take(self, frame: AudioFrame, t_s: float) -> None:
        """Add a decoded frame that plays at `t_s`."""
        self._mono.take(frame, t_s)

    def flush(self) -> None:
        """Give out what is held."""
        self._mono.flush()
        self._give()

    def _collect(self, at: int, samples: Samples) -> None:
        if at != self._at + self._count:
            self._give()
            self._at = at
        while self._count + len(samples) >= FRAME_SAMPLES:
            missing = FRAME_SAMPLES - self._count
            self._hold(samples[:missing])
            samples = samples[missing:]
            self._give()
        self._hold(samples)

    def _hold(self, samples: Samples) -> None:
        if len(samples):
            self._held.append(samples)
            self._count += len(samples)

    def _give(self) -> None:
        if self._count:
            self._put(self._at, np.concatenate(self._held).astype("<i2", copy=False).tobytes())
            self._at, self._count, self._held = self._at + self._count, 0, []


def decode_file(path: Path, track: int = 0) -> npt.NDArray[np.float32]:
    """Decode one audio track of a file, counted from 0. Return float32, shape (samples,), mono, 16 kHz, -1..1.

    Sample 0 is where the file begins; holes in the track are silence. Raises NotFound where there is no such file or
    track, Refused for a file that cannot be read.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path}. Check the path.")
    chunks: list[tuple[int, bytes]] = []
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            if track not in range(len(container.streams.audio)):
                raise NotFound(f"The file has {len(container.streams.audio)} audio tracks, counted from 0.")
            decode_track(container, container.streams.audio[track], lambda at, pcm: chunks.append((at, pcm)))
    except (av.FFmpegError, OSError) as error:
        raise Refused("This file cannot be read as sound. Is it a media file?") from error
    end = max((at + len(pcm) // 2 for at, pcm in chunks), default=0)
    whole = np.zeros(end, np.float32)
    for at, pcm in chunks:
        whole[at : at + len(pcm) // 2] = np.frombuffer(pcm, "<i2") / np.float32(32768)
    return whole


def decode_track(
    container: InputContainer, stream: AudioStream, put: Callable[[int, bytes], None], zero_s: float | None = None
) -> None:
    """Decode a track to its end into PCM frames placed from `zero_s` on; without it, from the container's start.

    Damaged packets are skipped; their time stays silent.
    """
    zero_s = (container.start_time or 0) / av.time_base if zero_s is None else zero_s
    tap = Tap(0.0, put)
    for packet in container.demux([stream]):
        for frame in decode(packet):
            if frame.pts is not None and frame.time_base is not None:
                tap.take(frame, float(frame.pts * frame.time_base) - zero_s)
    tap.flush()


def decode(packet: AnyPacket) -> list[AudioFrame]:
    """Decode one packet of sound; nothing for a damaged one."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, AudioFrame)]
    except (av.error.InvalidDataError, av.error.EOFError):
        return []
