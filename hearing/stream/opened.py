"""What a source opens to: its tracks, and its packets in order. An opener a kind: a file here, the demo beside it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import av
import msgspec
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from hearing.stream.frames import FailReason, Open, Track
from hearing.stream.lanes import PICTURE, Picture, init_segment, sound_rendition
from hearing.stream.tap import AnyPacket

_PICTURE_PROFILES = frozenset({66, 77, 88, 100})
"""Baseline, Main, Extended, High: what browsers decode (ISO/IEC 14496-10, A.2)."""

_EXACT = frozenset({"matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"})
"""Containers that say how long they are; of others libav may only guess, from their first second."""


class OpenFailedError(Exception):
    """The source cannot be played, for a reason people are told."""

    def __init__(self, reason: FailReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Item(msgspec.Struct, frozen=True):
    """A packet of a track; `zero_s` is where the source begins, in the packet's own time."""

    track: str
    packet: AnyPacket
    zero_s: float


class Opened(Protocol):
    """An open source. It plays once; to play again, open it again."""

    tracks: tuple[Track, ...]
    named: tuple[str, ...]
    """The language that the source states for each of its audio tracks, in their order; empty: none."""
    picture: Picture | None
    duration_s: float | None
    length_s: float | None
    """Where it ends for certain; None where `duration_s` is but a guess."""
    shape: Sequence[object]
    """How its tracks are coded: equal for two that can be played one after the other without a seam."""

    def play(self, seek_s: float) -> Iterator[Item]:
        """Yield packets in about the order they play, from at or before `seek_s` on; an empty one ends a track."""
        ...


class OpenedFile:
    """A media file: any container and codec that libav reads."""

    def __init__(self, wanted: Open) -> None:
        """Open it. Raises OpenFailedError."""
        self._container = _container(Path(wanted.source))
        found = self._container.streams.audio
        self.named = tuple(language_of(stream) for stream in found)
        self._names: dict[int, str] = {}
        tracks = []
        for channel, number in wanted.channels:
            name = sound_rendition(channel)
            if number < len(found):
                self._names[found[number].index] = name
            tracks.append(Track(name, "audio", channel, "relayed" if number < len(found) else "missing"))
        if not self._names:
            raise OpenFailedError("no-audio")
        self.picture = self._find_picture(tracks)
        self.tracks = tuple(tracks)
        duration = self._container.duration
        self.duration_s = duration / av.time_base if duration else None
        self.length_s = None
        if duration and self._container.format.name in _EXACT:  # some of them count what lies before their beginning
            self.length_s = (duration - max(0, self._container.start_time or 0)) / av.time_base
        self.shape: Sequence[object] = [
            (name, coding_of(self._container.streams[index])) for index, name in self._names.items()
        ]

    def play(self, seek_s: float) -> Iterator[Item]:
        """Yield the packets of the tracks that are relayed."""
        container = self._container
        if seek_s > 0:
            container.seek((container.start_time or 0) + int(seek_s * av.time_base))
        zero_s = (container.start_time or 0) / av.time_base
        for packet in container.demux([stream for stream in container.streams if stream.index in self._names]):
            yield Item(self._names[packet.stream.index], packet, zero_s)

    def _find_picture(self, tracks: list[Track]) -> Picture | None:
        stream = next((s for s in self._container.streams.video if not is_cover(s)), None)
        if stream is None:
            return None
        picture = picture_of(stream)
        if picture is None:
            tracks.append(Track(PICTURE, "video", state="codec", codec=stream.codec_context.name))
            return None
        self._names[stream.index] = PICTURE
        tracks.append(
            Track(PICTURE, "video", width=stream.width, height=stream.height, frame_rate=round(1 / picture.frame_s, 3))
        )
        return picture


def _container(path: Path) -> InputContainer:
    try:
        if not path.exists():
            raise OpenFailedError("missing")
        if not path.is_file():
            raise OpenFailedError("unreadable")
        return av.open(str(path), options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError) as error:
        raise OpenFailedError("unreadable") from error


def language_of(stream: Stream) -> str:
    """Return the language that a track states; empty where it states none."""
    stated = stream.metadata.get("language", "")[:16]
    return "" if stated == "und" else stated


def coding_of(stream: Stream) -> Sequence[object]:
    """Return how a track is coded: what must be equal for another to go on in its place."""
    context = stream.codec_context
    rate = stream.rate if isinstance(stream, AudioStream) else 0
    return context.name, rate, stream.time_base, bytes(context.extradata or b"")


def picture_of(stream: VideoStream) -> Picture | None:
    """Describe an H.264 picture that browsers decode; None for any other."""
    extradata = stream.codec_context.extradata
    if stream.codec_context.name != "h264" or not extradata:
        return None
    init = init_segment(stream)
    at = init.find(b"avcC")
    if at < 0 or init[at + 5] not in _PICTURE_PROFILES:
        return None
    rate = stream.average_rate or stream.guessed_rate
    return Picture(init, extradata[0] != 1, float(1 / rate) if rate else 0.04)


def is_cover(stream: VideoStream) -> bool:
    """Tell a music file's cover art from a picture that moves."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)
