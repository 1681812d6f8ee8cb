"""Silero VAD with its state carried over from chunk to chunk; the weights come with faster-whisper."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hearing.transcribe.voice import FRAME

_CONTEXT = 64
_STATE = (1, 1, 128)


class Frames(Protocol):
    """Gives the probability of speech per frame; keeps what is left over for the next call."""

    def __call__(self, pcm: npt.NDArray[np.float32]) -> list[float]: ...


class Silero:
    """One stretch of audio. Silero v6 wants h, c and the last 64 samples again; faster-whisper resets them."""

    def __init__(self) -> None:
        self._net: Any = _network()
        self._h = np.zeros(_STATE, np.float32)
        self._c = np.zeros(_STATE, np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)

    def __call__(self, pcm: npt.NDArray[np.float32]) -> list[float]:
        """Return one probability per 512 samples. `pcm`: float32, shape (samples,), mono, 16 kHz, -1..1."""
        pcm = np.concatenate([self._rest, pcm])
        count = len(pcm) // FRAME
        frames, self._rest = pcm[: count * FRAME].reshape(count, FRAME), pcm[count * FRAME :]
        if not count:
            return []
        contexts = np.concatenate([self._context[None], frames[:-1, -_CONTEXT:]])
        self._context = frames[-1, -_CONTEXT:].copy()
        asked = {"input": np.concatenate([contexts, frames], 1), "h": self._h, "c": self._c}
        out, self._h, self._c = self._net.run(None, asked)
        return [float(value) for value in np.ravel(out)]


def _network() -> Any:  # noqa: ANN401 - onnxruntime has no types
    from faster_whisper.vad import get_vad_model  # noqa: PLC0415 - it loads onnxruntime: only where speech is heard

    return get_vad_model().session
