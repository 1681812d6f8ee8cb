"""The seam for what hears speech: encode audio, guess the words after a forced prefix, align words to times.

One contract suite runs on every implementation. Calls block and may come from several threads at once. One that
hears several channels at once is a BatchEngine, and `batching` collects the calls for it; on a CPU that gains little
(0.8-1.55x), a thread per core does as well.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from hearing.errors import Unavailable
from hearing.transcribe.words import Word

Pcm = npt.NDArray[np.float32]
"""float32, shape (samples,), mono, 16 kHz, -1..1."""

MAX_SAMPLES = 30 * 16_000
"""More audio than this at once is not heard."""


class Sound(msgspec.Struct, frozen=True):
    """Encoded audio, opaque to all but its engine. `samples` is how much of it there is."""

    samples: int
    encoded: object


class Hypothesis(msgspec.Struct, frozen=True):
    """A guess: the words after the forced ones. `score` is the mean log probability, `no_speech` a probability."""

    words: tuple[Word, ...]
    score: float
    no_speech: float
    new_tokens: int


class EngineFailedError(Unavailable):
    """The engine could not do this one call. Another may go well, and so may the same again."""


class Engine(Protocol):
    """Hears speech. `encode`, `guess` and `align` raise EngineFailedError."""

    @property
    def name(self) -> str:
        """What is running, for people: the model and how it computes."""
        ...

    def hears(self, language: str) -> bool:
        """Tell whether it knows the language."""
        ...

    def encode(self, pcm: Pcm) -> Sound:
        """Encode audio of at most MAX_SAMPLES."""
        ...

    def detect(self, sound: Sound, languages: Sequence[str]) -> Mapping[str, float]:
        """Return how probable each of these languages is, of all that the engine knows."""
        ...

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        """Guess what follows the forced words. `prompt` holds tokens as if they were said before the audio began."""
        ...

    def align(self, sound: Sound, language: str, words: Sequence[Word]) -> list[tuple[int, int]]:
        """Return (start, end) of each word in samples from the sound's start, in order, never running backwards."""
        ...

    def spell(self, written: Sequence[str], language: str) -> list[Word]:
        """Turn words as they were written down back into words of this engine, one each."""
        ...


class Asked(msgspec.Struct, frozen=True):
    """One guess that is asked for."""

    sound: Sound
    language: str
    prompt: tuple[int, ...]
    forced: tuple[Word, ...]


class BatchEngine(Engine, Protocol):
    """Hears several at once; answers come in the order of what was asked. A batch fails as a whole."""

    def window(self, samples: int) -> int:
        """Return the size that audio of so many samples is encoded at. A batch has one size."""
        ...

    def prepare(self, pcm: Pcm) -> Sound:
        """Do the part of encoding that each thread does for itself, so that batches do not wait for it."""
        ...

    def encode_all(self, prepared: Sequence[Sound]) -> list[Sound]:
        """Encode sounds of one window, as `prepare` gave them."""
        ...

    def detect_all(self, asked: Sequence[tuple[Sound, Sequence[str]]]) -> list[Mapping[str, float]]:
        """Tell how probable languages are for sounds of one window."""
        ...

    def guess_all(self, asked: Sequence[Asked]) -> list[Hypothesis]:
        """Guess on sounds of one window, with prompts of one length, all with forced words or all without."""
        ...

    def align_all(self, sounds: Sequence[tuple[Sound, Sequence[Word]]], language: str) -> list[list[tuple[int, int]]]:
        """Align words, at least one each, on sounds of one window in one language."""
        ...
