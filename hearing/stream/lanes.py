"""From packets to what leaves the source: a lane per track, which passes sound and picture on or encodes them."""

import io
from collections.abc import Callable
from typing import Protocol

import av
import msgspec
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.stream import Stream

from hearing.stream import cmaf
from hearing.stream.clock import Placing
from hearing.stream.cut import Cutter
from hearing.stream.frames import Frame, Init, Pcm, Silence
from hearing.stream.sound import AAC_RATE_HZ, INIT_OPTIONS, AacEncoder, Mono, Samples
from hearing.stream.tap import AnyPacket, Tap, decode

Emit = Callable[[Frame], None]

QUIET_S = 1.5
"""A track without sound for so long, while others go on, has made a pause or has ended."""

_AAC_FRAME = 1024


class Picture(msgspec.Struct, frozen=True):
    """How a picture is coded. `annex_b` tells whether its units need lengths; `frame_s` is one frame's time."""

    init: bytes
    annex_b: bool
    frame_s: float


class Lane(Protocol):
    """What is done with the packets of one track."""

    def take(self, packet: AnyPacket, shift_s: float) -> None:
        """Work on a packet whose timestamps plus `shift_s` are media time; an empty one ends a pass."""
        ...

    def rest(self, t_s: float) -> None:
        """Say so if nothing has come for a while at `t_s`."""
        ...

    def flush(self) -> None:
        """Give out all that is held: the run is over."""
        ...


class Wrap(Protocol):
    """How a channel's sound gets into its rendition."""

    def take(self, packet: AnyPacket, shift_s: float) -> None:
        """Add a coded packet."""
        ...

    def hear(self, frame: AudioFrame, t_s: float) -> None:
        """Add the same, decoded."""
        ...

    def flush(self) -> None:
        """Give out what is held."""
        ...


class SoundLane:
    """One channel: PCM for the ear; in the rendition AAC as it comes, or any other codec encoded to AAC-LC."""

    def __init__(self, channel: str, start_s: float, emit: Emit) -> None:
        self._channel = channel
        self._emit = emit
        self._tap = Tap(start_s, lambda sample, pcm: emit(Pcm(channel, sample, pcm)))
        self._start_s = start_s
        self._wrap: Wrap | None = None
        self._last_s: float | None = None

    def take(self, packet: AnyPacket, shift_s: float) -> None:
        """Decode for the ear, and put into the rendition."""
        if self._wrap is None:
            self._wrap = _wrap(self._channel, packet, self._start_s, self._emit)
        packet_s = seconds(packet)
        for frame in decode(packet):
            at_s = packet_s if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
            if at_s is None:
                continue
            self._last_s = at_s + shift_s + frame.samples / frame.sample_rate
            self._tap.take(frame, at_s + shift_s)
            self._wrap.hear(frame, at_s + shift_s)
        if packet.size:
            self._wrap.take(packet, shift_s)

    def rest(self, t_s: float) -> None:
        """Flush after QUIET_S without sound, and say that nothing more comes for now."""
        if self._last_s is not None and t_s - self._last_s > QUIET_S:
            self.flush()
            self._emit(Silence(self._channel, self._tap.heard))
            self._last_s = None

    def flush(self) -> None:
        """Give out what is held."""
        self._tap.flush()
        if self._wrap:
            self._wrap.flush()


class PictureLane:
    """The picture, passed on as it is coded, from the first key frame on."""

    def __init__(self, picture: Picture, start_s: float, emit: Emit) -> None:
        self._picture = picture
        self._scale = cmaf.timescale(picture.init)
        self._start_s = start_s
        self._emit = emit
        self._cutter: Cutter | None = None
        self._shift: int | None = None
        self._next = 0

    def take(self, packet: AnyPacket, shift_s: float) -> None:
        """Put a coded frame into the rendition."""
        raw_s = seconds(packet)
        if raw_s is None or not packet.size:
            return
        pts = round((raw_s + shift_s) * self._scale)
        if self._cutter is None:
            if not packet.is_keyframe or raw_s + shift_s < self._start_s - 0.001:
                return
            self._next = max(pts, 0)
            self._cutter = self._begin()
        frame_s = float(packet.duration * packet.time_base) if packet.duration else self._picture.frame_s
        at = self._decode_time(packet, shift_s)
        duration = max(1, round(frame_s * self._scale))
        content = cmaf.length_prefixed(bytes(packet)) if self._picture.annex_b else bytes(packet)
        self._cutter.add(at, cmaf.Sample(content, duration, pts - at, packet.is_keyframe))
        self._next = at + duration
        self._last = at

    def rest(self, t_s: float) -> None:
        """A picture may stand still for as long as it likes."""

    def flush(self) -> None:
        """Give out what is held."""
        if self._cutter:
            self._cutter.flush()

    def _begin(self) -> Cutter:
        self._emit(Init(PICTURE, cmaf.codec(self._picture.init), self._picture.init))
        self._last = self._next - 1
        return Cutter(PICTURE, self._scale, self._start_s, self._emit)

    def _decode_time(self, packet: AnyPacket, shift_s: float) -> int:
        """Return the decode time, moved so that the first key frame is decoded when it is shown.

        A reordered picture's first decode times lie before it, and Matroska does not know them at all.
        """
        if packet.dts is None or packet.time_base is None:
            return self._next
        dts = round((float(packet.dts * packet.time_base) + shift_s) * self._scale)
        if self._shift is None:
            self._shift = self._next - dts
        return max(dts + self._shift, self._last + 1)


PICTURE = "video"
_SOUND = "audio-"


def sound_rendition(channel: str) -> str:
    """Name the rendition of a channel."""
    return f"{_SOUND}{channel}"


def channel_of(rendition: str) -> str | None:
    """Return the channel whose sound a rendition is; None for the picture."""
    return rendition.removeprefix(_SOUND) if rendition.startswith(_SOUND) else None


def seconds(packet: AnyPacket) -> float | None:
    """Return when a packet is presented, in the source's own time; None where nobody knows."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None or packet.time_base is None else float(stamp * packet.time_base)


def init_segment(stream: Stream, extradata: bytes | None = None) -> bytes:
    """Return the init segment for a track that is passed on as it is coded."""
    file = io.BytesIO()
    output = av.open(file, "w", format="mp4", options=INIT_OPTIONS)
    copied = output.add_stream_from_template(stream)
    if extradata is not None:
        copied.codec_context.extradata = extradata
    output.start_encoding()
    return file.getvalue()


class _Passed:
    """AAC as it comes, its ADTS headers taken off."""

    def __init__(self, name: str, stream: AudioStream, asc: bytes | None, start_s: float, emit: Emit) -> None:
        init = init_segment(stream, asc)
        self._adts = asc is not None
        scale = cmaf.timescale(init)
        self._ticks = round((stream.codec_context.frame_size or _AAC_FRAME) * scale / (stream.rate or scale))
        self._placing = Placing(scale, start_s)
        self._cutter = Cutter(name, scale, start_s, emit)
        emit(Init(name, cmaf.codec(init), init))

    def take(self, packet: AnyPacket, shift_s: float) -> None:
        content = bytes(packet)
        if self._adts:
            split = cmaf.split_adts(content)
            content = split[1] if split else b""
        raw_s = seconds(packet)
        placed = self._placing.place(raw_s + shift_s, self._ticks) if content and raw_s is not None else None
        if placed and placed[0] >= 0:
            self._cutter.add(placed[0], cmaf.Sample(content, self._ticks))

    def hear(self, frame: AudioFrame, t_s: float) -> None:
        pass

    def flush(self) -> None:
        self._cutter.flush()


class _Encoded:
    """Any other codec: decoded, mixed to mono and encoded to AAC-LC."""

    def __init__(self, name: str, start_s: float, emit: Emit) -> None:
        self._start_s = start_s
        self._placing = Placing(AAC_RATE_HZ, start_s)
        self._cutter = Cutter(name, AAC_RATE_HZ, start_s, emit)
        self._encoder = AacEncoder(self._coded)
        self._mono = Mono(AAC_RATE_HZ, "fltp", start_s, self._encode)
        emit(Init(name, cmaf.codec(self._encoder.init), self._encoder.init))

    def take(self, packet: AnyPacket, shift_s: float) -> None:
        pass

    def hear(self, frame: AudioFrame, t_s: float) -> None:
        self._mono.take(frame, t_s)

    def flush(self) -> None:
        self._mono.flush()
        self._encoder.flush()
        self._cutter.flush()

    def _encode(self, at: int, samples: Samples) -> None:
        self._encoder.take(at, samples)

    def _coded(self, at: int, content: bytes) -> None:
        placed = self._placing.place(at / AAC_RATE_HZ, _AAC_FRAME)
        if placed and placed[0] >= 0:
            self._cutter.add(placed[0], cmaf.Sample(content, _AAC_FRAME))


def _wrap(channel: str, packet: AnyPacket, start_s: float, emit: Emit) -> Wrap:
    """Choose: AAC that browsers decode is passed on, with the configuration from its container or its ADTS header."""
    name, stream = sound_rendition(channel), packet.stream
    if isinstance(stream, AudioStream) and stream.codec_context.name == "aac":
        config = cmaf.parse_audio_config(stream.codec_context.extradata or b"")
        if config and config.channels:
            return _Passed(name, stream, None, start_s, emit)
        split = cmaf.split_adts(bytes(packet))
        if split:
            return _Passed(name, stream, split[0], start_s, emit)
    return _Encoded(name, start_s, emit)
