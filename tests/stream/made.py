"""Media files made in the test: beeps at known times, in any codec, with or without a picture."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

BEEPS = (1.0, 2.5, 4.25)
SECONDS = 6.0
_TONE_HZ = 1000

Floats = npt.NDArray[np.float32]


def beeping(rate: int, seconds: float = SECONDS, beeps: Sequence[float] = BEEPS) -> Floats:
    """Return silence with 100 ms of tone at each of the times."""
    samples = np.zeros(int(seconds * rate), np.float32)
    for at in beeps:
        first, count = int(at * rate), rate // 10
        room = samples[first : first + count]
        room[:] = 0.5 * np.sin(2 * np.pi * _TONE_HZ * np.arange(count) / rate)[: len(room)]
    return samples


def make(
    path: Path,
    codec: str = "aac",
    *,
    rate: int = 48_000,
    layout: str = "mono",
    seconds: Sequence[float] = (SECONDS,),
    picture: str = "",
    begins_s: float = 0.0,
    beeps: Sequence[float] = BEEPS,
    later_s: float = 0.0,
    languages: Sequence[str] = (),
    quiet: Sequence[int] = (),
    key_every: int = 50,
) -> Path:
    """Make a file with an audio track for each of `seconds`; `picture` is a video codec. Return its path.

    Each track beeps `later_s` after the one before it; those in `quiet` never do.
    """
    with av.open(str(path), "w", format="adts" if path.suffix == ".aac" else None) as output:
        tracks = [_add_track(output, codec, rate, layout) for _ in seconds]
        for track, language in zip(tracks, languages, strict=False):
            track.metadata["language"] = language
        if picture:
            _add_picture(output, picture, max(seconds, default=2.0), begins_s, key_every)
        for number, (track, length) in enumerate(zip(tracks, seconds, strict=True)):
            times = [] if number in quiet else [at + number * later_s for at in beeps]
            _encode(output, track, beeping(rate, length, times), begins_s)
    return path


def record(
    path: Path, sounds: Sequence[Floats], rate: int, *, picture: str = "", key_every: int = 50, codec: str = "aac"
) -> Path:
    """Make a file with an audio track for each of `sounds`, mono at `rate`. Return its path."""
    with av.open(str(path), "w") as output:
        tracks = [_add_track(output, codec, rate, "mono") for _ in sounds]
        if picture:
            _add_picture(output, picture, max(len(sound) for sound in sounds) / rate, 0.0, key_every)
        for track, sound in zip(tracks, sounds, strict=True):
            _encode(output, track, sound, 0.0)
    return path


def onsets(samples: Floats, rate: int) -> list[float]:
    """Return the times, in seconds, at which sound begins after at least 300 ms of quiet."""
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    starts = loud[np.diff(loud, prepend=-rate) > 0.3 * rate]
    return [float(start) / rate for start in starts]


def decoded(content: bytes, kind: str | None = "mp4") -> tuple[Floats, int]:
    """Decode the sound of fMP4 bytes in place: sample 0 is media time 0. Return (samples, rate)."""
    with av.open(io.BytesIO(content), "r", format=kind) as container:
        stream = container.streams.audio[0]
        rate = stream.rate or 0
        placed = [
            (round(float(frame.pts * frame.time_base) * rate), frame.to_ndarray()[0].astype(np.float32))
            for frame in container.decode(stream)
            if frame.pts is not None and frame.time_base is not None
        ]
    samples = np.zeros(max((at + len(part) for at, part in placed), default=0), np.float32)
    for at, part in placed:
        samples[max(at, 0) : at + len(part)] = part[max(-at, 0) :]
    return samples, rate


def shown_frames(content: bytes) -> list[float]:
    """Return when each picture of fMP4 bytes is shown, in seconds of media time, in order."""
    with av.open(io.BytesIO(content), "r", format="mp4") as container:
        return sorted(
            float(frame.pts * frame.time_base)
            for frame in container.decode(container.streams.video[0])
            if frame.pts is not None and frame.time_base is not None
        )


def _add_track(output: OutputContainer, codec: str, rate: int, layout: str) -> AudioStream:
    options = {"strict": "experimental"} if codec == "vorbis" else {}
    stream = output.add_stream(codec, rate=rate, layout=layout, options=options)
    assert isinstance(stream, AudioStream)
    return stream


def _encode(output: OutputContainer, stream: AudioStream, samples: Floats, begins_s: float) -> None:
    context: AudioCodecContext = stream.codec_context
    rate, step = context.sample_rate, context.frame_size or 1024
    shift = int(begins_s * rate)
    for at in range(0, len(samples), step):
        piece = samples[at : at + step]
        frame = AudioFrame.from_ndarray(
            np.repeat(piece[None], context.layout.nb_channels, 0), format="fltp", layout=context.layout.name
        )
        frame.sample_rate = rate
        resampler = AudioResampler(format=context.format, layout=context.layout, rate=rate)
        for made in resampler.resample(frame):
            made.pts, made.time_base = at + shift, Fraction(1, rate)
            output.mux(stream.encode(made))
    output.mux(stream.encode(None))


def _add_picture(output: OutputContainer, codec: str, seconds: float, begins_s: float, key_every: int) -> None:
    stream = output.add_stream(codec, rate=25)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
    if codec == "libx264":
        stream.options = {"bf": "2", "g": str(key_every), "sc_threshold": "0"}
    for number in range(int(seconds * 25)):
        grey = np.full((96, 160, 3), number % 200, np.uint8)
        frame = VideoFrame.from_ndarray(grey, format="rgb24")
        frame.pts, frame.time_base = number + int(begins_s * 25), Fraction(1, 25)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
