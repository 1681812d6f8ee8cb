"""The seam for what hears speech: encode audio, guess the words after a forced prefix, align words to times.

One contract suite runs on every implementation. Calls block and may come from several threads at once. Batching is
left to the implementation: on a CPU it gains little (0.8-1.55x), a thread per core does as well.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

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


class Engine(Protocol):
    """Hears speech."""

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
        """Guess greedily what follows the forced words. `prompt` holds the tokens said before the audio began."""
        ...

    def align(self, sound: Sound, language: str, words: Sequence[Word]) -> list[tuple[int, int]]:
        """Return (start, end) of each word in samples from the sound's start, in order, never running backwards."""
        ...

    def spell(self, written: Sequence[str], language: str) -> list[Word]:
        """Turn words as they were written down back into words of this engine, one each."""
        ...
