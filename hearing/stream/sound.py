"""Decoded frames of any shape to mono at one rate, each in its place in media time; and mono to AAC."""

import io
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from hearing.stream.clock import Placing

AAC_RATE_HZ = 48_000
_AAC_BITS_PER_S = 64_000
_AAC_FRAME = 1024

INIT_OPTIONS = {"movflags": "+cmaf+empty_moov+default_base_moof", "use_editlist": "0"}
"""An init segment and nothing else; no edit list, so that decode times are media times."""

_UNNAMED_MONO = "1 channels"
"""What WAV calls its only channel. A frame of it passes one resampler and no second one."""

Samples = npt.NDArray[Any]


class Mono:
    """Mixes and resamples one track. `put(at, samples)` gets the place of the first sample, in samples of `rate`.

    `shape` is `s16` or `fltp`; what lies before `start_s` is cut off.
    """

    def __init__(self, rate: int, shape: str, start_s: float, put: Callable[[int, Samples], None]) -> None:
        self._rate = rate
        self._shape = shape
        self._start_s = start_s
        self._start = round(start_s * rate)
        self._put = put
        self._placing: Placing | None = None
        self._source: tuple[int, str, str] | None = None
        self._resampler: AudioResampler | None = None
        self._at = 0

    def take(self, frame: AudioFrame, t_s: float) -> None:
        """Add a decoded frame that plays at `t_s`."""
        source = frame.sample_rate, frame.layout.name, frame.format.name
        if source != self._source or self._placing is None:
            self.flush()
            self._source, self._placing = source, Placing(frame.sample_rate, self._start_s)
        placed = self._placing.place(t_s, frame.samples)
        if placed is None:
            return
        if placed[1] or self._resampler is None:
            self.flush()
            self._resampler = AudioResampler(format=self._shape, layout="mono", rate=self._rate)
            self._at = round(placed[0] * self._rate / frame.sample_rate)
        if frame.layout.name == _UNNAMED_MONO:
            frame = _named(frame)
        frame.pts = None
        self._resampled(frame)

    def flush(self) -> None:
        """Give out what the resampler still holds: the stretch ends here."""
        if self._resampler is not None:
            self._resampled(None)
            self._resampler = None

    def _resampled(self, frame: AudioFrame | None) -> None:
        if self._resampler is None:
            return
        for made in self._resampler.resample(frame):
            samples = made.to_ndarray()[0]
            at, self._at = self._at, self._at + len(samples)
            early = max(0, self._start - at)
            if early < len(samples):
                self._put(at + early, samples[early:])


def _named(frame: AudioFrame) -> AudioFrame:
    """Copy a frame of one channel and call that mono."""
    named = AudioFrame.from_ndarray(frame.to_ndarray(), frame.format.name, "mono")
    named.sample_rate = frame.sample_rate
    return named


class AacEncoder:
    """Mono float at 48 kHz to AAC-LC. `put(at, frame)` gets each coded frame and the sample it plays at.

    The encoder's priming (1,024 samples) stands before the first sample given, where its frame belongs; a player
    that decodes in place needs no correction. A hole in the samples starts the encoder anew.
    """

    def __init__(self, put: Callable[[int, bytes], None]) -> None:
        self._put = put
        self._stream: AudioStream | None = None
        self._file = io.BytesIO()
        self._held = np.empty(0, np.float32)
        self._at = 0
        self.init = self._begin()

    def take(self, at: int, samples: Samples) -> None:
        """Encode samples that stand at `at`."""
        if at != self._at + len(self._held):
            self.flush()
            self._at = at
        self._held = np.concatenate([self._held, samples])
        while len(self._held) >= _AAC_FRAME:
            self._encode(self._held[:_AAC_FRAME])
            self._held = self._held[_AAC_FRAME:]

    def flush(self) -> None:
        """Give out what is held; the next samples start a new stretch."""
        if self._stream is None:
            return
        if len(self._held):
            self._encode(self._held)
            self._held = np.empty(0, np.float32)
        self._packets(None)
        self._stream = None

    def _encode(self, samples: Samples) -> None:
        if self._stream is None:
            self._begin()
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = AAC_RATE_HZ, self._at
        self._at += len(samples)
        self._packets(frame)

    def _packets(self, frame: AudioFrame | None) -> None:
        if self._stream is not None:
            for packet in self._stream.codec_context.encode(frame):
                self._put(int(packet.pts or 0), bytes(packet))

    def _begin(self) -> bytes:
        self._file = io.BytesIO()
        self._output = av.open(self._file, "w", format="mp4", options=INIT_OPTIONS)
        self._stream = self._output.add_stream("aac", rate=AAC_RATE_HZ, layout="mono")
        self._stream.bit_rate = _AAC_BITS_PER_S
        self._output.start_encoding()
        return self._file.getvalue()
