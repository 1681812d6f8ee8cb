"""An engine whose looks are timed: what a worker's capacity is measured by."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from hearing.transcribe.engine import Engine, Hypothesis, Pcm, Sound
from hearing.transcribe.words import Word


class Clocked:
    """Passes every call on, and tells the seconds of each look: to encode a sound, and to guess its words once.

    `told` is called in the thread that looks.
    """

    def __init__(self, engine: Engine, told: Callable[[float], None]) -> None:
        self._engine = engine
        self._told = told
        self._encoding = threading.local()

    @property
    def name(self) -> str:
        return self._engine.name

    def hears(self, language: str) -> bool:
        return self._engine.hears(language)

    def encode(self, pcm: Pcm) -> Sound:
        began = time.monotonic()
        sound = self._engine.encode(pcm)
        self._encoding.took = time.monotonic() - began
        return sound

    def detect(self, sound: Sound, languages: Sequence[str]) -> Mapping[str, float]:
        began = time.monotonic()
        found = self._engine.detect(sound, languages)
        self._encoding.took = getattr(self._encoding, "took", 0.0) + time.monotonic() - began
        return found

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        began = time.monotonic()
        found = self._engine.guess(sound, language, prompt=prompt, forced=forced)
        encoding, self._encoding.took = getattr(self._encoding, "took", 0.0), 0.0
        self._told(encoding + time.monotonic() - began)
        return found

    def align(self, sound: Sound, language: str, words: Sequence[Word]) -> list[tuple[int, int]]:
        return self._engine.align(sound, language, words)

    def spell(self, written: Sequence[str], language: str) -> list[Word]:
        return self._engine.spell(written, language)
