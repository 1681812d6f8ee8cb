"""The packaged dialogue as a source: three Opus files, and a picture drawn and encoded while it plays."""

import heapq
import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import av
import msgspec
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from hearing.stream.frames import Open, Track
from hearing.stream.lanes import PICTURE, Picture, seconds, sound_rendition
from hearing.stream.opened import Item, OpenFailedError
from hearing.stream.sound import INIT_OPTIONS

if TYPE_CHECKING:
    from hearing.stream.drawing import Drawing

SOURCE = "demo:"
LANGUAGES = ("en", "fr", "es")
_FRAMES_PER_S = 2
_KEY_EVERY = 4
_X264 = {"preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0", "g": str(_KEY_EVERY)}


class OpenedDemo:
    """The dialogue. Its tracks are LANGUAGES in this order; without pillow or an encoder it has no picture."""

    def __init__(self, wanted: Open) -> None:
        """Open it. Raises OpenFailedError where a channel has no track at all."""
        self._files = {
            sound_rendition(channel): LANGUAGES[number]
            for channel, number in wanted.channels
            if number < len(LANGUAGES)
        }
        if not self._files:
            raise OpenFailedError("no-audio")
        self.named: tuple[str, ...] = LANGUAGES
        with av.open(str(packaged("en"))) as first:
            self.duration_s: float | None = (first.duration or 0) / av.time_base
        self.length_s: float | None = self.duration_s
        self.shape: Sequence[object] = ()
        self._pictures = _pictures()
        self.picture = self._pictures.described if self._pictures else None
        self.tracks = (
            *(
                Track(name, "audio", channel, "relayed" if name in self._files else "missing")
                for channel, _ in wanted.channels
                for name in [sound_rendition(channel)]
            ),
            self._pictures.track if self._pictures else Track(PICTURE, "video", state="no-drawing"),
        )

    def play(self, seek_s: float) -> Iterator[Item]:
        """Yield sound and picture in the order they play."""
        lines = [_sound(name, language, seek_s) for name, language in self._files.items()]
        if self._pictures:
            lines.append(self._pictures.play(seek_s, self.duration_s or 0.0))
        yield from heapq.merge(*lines, key=_at_s)


class _Pictures:
    """Draws and encodes a frame when it is asked for."""

    track = Track(PICTURE, "video", width=640, height=360, frame_rate=_FRAMES_PER_S)

    def __init__(self, drawing: "Drawing") -> None:
        self._drawing = drawing
        self._output, self._stream, init = _encoder()
        self.described = Picture(init, annex_b=True, frame_s=1 / _FRAMES_PER_S)

    def play(self, seek_s: float, end_s: float) -> Iterator[Item]:
        number = -int(-seek_s * _FRAMES_PER_S // 1)
        while number / _FRAMES_PER_S < end_s:
            frame = VideoFrame.from_ndarray(np.asarray(self._drawing.frame(number / _FRAMES_PER_S)), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, _FRAMES_PER_S)
            for packet in self._stream.codec_context.encode(frame):
                packet.duration = 1
                yield Item(PICTURE, packet, 0.0)
            number += 1


def _encoder() -> tuple[OutputContainer, VideoStream, bytes]:
    file = io.BytesIO()
    output = av.open(file, "w", format="mp4", options=INIT_OPTIONS)
    stream = output.add_stream("libx264", rate=_FRAMES_PER_S, options=_X264)
    stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
    stream.codec_context.thread_count = 1
    output.start_encoding()
    return output, stream, file.getvalue()


def _pictures() -> _Pictures | None:
    """Return the drawn picture; None without pillow or an H.264 encoder, which is no reason to have no sound."""
    try:
        from hearing.stream.drawing import Drawing, Turn  # noqa: PLC0415 - pillow may be missing

        turns = msgspec.json.decode(_path("speakers.json").read_bytes(), type=list[Turn])
        return _Pictures(Drawing(turns))
    except (ImportError, av.codec.codec.UnknownCodecError):
        return None


def _sound(name: str, language: str, seek_s: float) -> Iterator[Item]:
    container = av.open(str(packaged(language)))
    if seek_s > 0:
        container.seek(int(seek_s * av.time_base))
    for packet in container.demux([*container.streams.audio[:1]]):
        yield Item(name, packet, 0.0)


def _at_s(item: Item) -> float:
    at_s = seconds(item.packet)
    return float("inf") if at_s is None else at_s


def packaged(language: str) -> Path:
    """Return the file of one language of the dialogue."""
    return _path(f"{language}.opus")


def _path(name: str) -> Path:
    return Path(str(resources.files("hearing") / "demo_media" / name))
