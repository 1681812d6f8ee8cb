"""A deterministic engine and the audio it hears: every word is a run of one amplitude, so that truth is known."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from hearing.transcribe.engine import MAX_SAMPLES, Asked, EngineFailedError, Hypothesis, Pcm, Sound
from hearing.transcribe.voice import FRAME
from hearing.transcribe.words import Word

WORD = 10 * FRAME
PAUSE = 2 * FRAME
STEP = 16
"""Amplitude between two words, in s16 units."""
KINDRED = 400
LANGUAGES = ("en", "fr", "es", "zh")
"""Words up to KINDRED are of the first language, as many of each other; a sound of two languages is of neither."""
_LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")


def name(number: int) -> str:
    """Return what is heard for a word: every seventh ends a sentence. No two are alike enough to look like a loop."""
    letters = hashlib.sha256(str(number).encode()).hexdigest()[:5].translate(_LETTERS)
    return f"{letters}{number}." if number % 7 == 0 else f"{letters}{number}"


def speech(numbers: Sequence[int]) -> Pcm:
    """Speak words, with short pauses."""
    parts = [part for number in numbers for part in (np.full(WORD, number * STEP / 32768), np.zeros(PAUSE))]
    return np.concatenate([np.zeros(0), *parts]).astype(np.float32)


def silence(seconds: float) -> Pcm:
    """Say nothing, for whole frames."""
    return np.zeros(round(seconds * 16_000 / FRAME) * FRAME, np.float32)


def raw(pcm: Pcm) -> bytes:
    """Return samples as s16le."""
    return np.round(pcm * 32768).astype("<i2").tobytes()


class Energy:
    """A voice detector: a frame is speech where most of it is not silent."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)

    def __call__(self, pcm: Pcm) -> list[float]:
        pcm = np.concatenate([self._rest, pcm])
        count = len(pcm) // FRAME
        self._rest = pcm[count * FRAME :]
        return [float(np.mean(frame != 0)) for frame in pcm[: count * FRAME].reshape(count, FRAME)]


class _Run(msgspec.Struct, frozen=True):
    number: int
    begin: int
    end: int


class FakeEngine:
    """Hears the words of `speech`. A word cut off by the end is heard as a fragment.

    `most` makes it stop after that many words of a sound, forced ones counted, as Whisper does at times.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self.guesses = 0
        self.prompts: list[list[int]] = []
        self.languages: list[str] = []
        self.forced: list[list[str]] = []
        self.lengths: list[int] = []

    @property
    def name(self) -> str:
        return "fake"

    def hears(self, language: str) -> bool:
        return language in {"en", "fr", "es", "zh"}

    def encode(self, pcm: Pcm) -> Sound:
        self.lengths.append(len(pcm))
        clip = pcm[:MAX_SAMPLES]
        return Sound(len(clip), _runs(clip))

    def detect(self, sound: Sound, languages: Sequence[str]) -> Mapping[str, float]:
        spoken = {LANGUAGES[run.number // KINDRED % len(LANGUAGES)] for run in _decoded(sound)}
        return {one: (0.9 if spoken == {one} else 0.4 if one in spoken else 0.0) for one in languages}

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        self.guesses += 1
        self.prompts.append(list(prompt))
        self.languages.append(language)
        self.forced.append([word.text.strip() for word in forced])
        runs = _decoded(sound)[: self._most]
        words = tuple(_heard(run, sound) for run in runs[len(forced) :])
        return Hypothesis(words, -0.2, 0.01, sum(len(word.tokens) for word in words))

    def align(self, sound: Sound, language: str, words: Sequence[Word]) -> list[tuple[int, int]]:
        spans = [(run.begin, run.end) for run in _decoded(sound)][: len(words)]
        last = spans[-1][1] if spans else 0
        return spans + [(last, last)] * (len(words) - len(spans))

    def spell(self, written: Sequence[str], language: str) -> list[Word]:
        return [Word((int("".join(filter(str.isdigit, word)) or 0),), f" {word}") for word in written]


class FakeBatches(FakeEngine):
    """Hears several at once, as CTranslate2 does: it refuses a batch whose calls are not alike.

    `bad` words cannot be heard: their audio fails, and with it the whole batch. `sizes` counts the calls of each.
    """

    def __init__(self, bad: frozenset[int] = frozenset()) -> None:
        super().__init__()
        self.bad = bad
        self.sizes: list[tuple[str, int]] = []

    def window(self, samples: int) -> int:
        return 16_000 * (1 + samples // 160_000)

    def prepare(self, pcm: Pcm) -> Sound:
        return self.encode(pcm)

    def encode_all(self, prepared: Sequence[Sound]) -> list[Sound]:
        self._alike("encode", [self.window(sound.samples) for sound in prepared])
        return [self._good(sound) for sound in prepared]

    def detect_all(self, asked: Sequence[tuple[Sound, Sequence[str]]]) -> list[Mapping[str, float]]:
        self._alike("detect", [self.window(sound.samples) for sound, _ in asked])
        return [self.detect(self._good(sound), languages) for sound, languages in asked]

    def guess_all(self, asked: Sequence[Asked]) -> list[Hypothesis]:
        self._alike("guess", [(self.window(a.sound.samples), len(a.prompt), bool(a.forced)) for a in asked])
        for one in asked:
            self._good(one.sound)
        return [self.guess(one.sound, one.language, prompt=one.prompt, forced=one.forced) for one in asked]

    def align_all(self, sounds: Sequence[tuple[Sound, Sequence[Word]]], language: str) -> list[list[tuple[int, int]]]:
        self._alike("align", [self.window(sound.samples) for sound, _ in sounds])
        return [self.align(sound, language, words) for sound, words in sounds]

    def _alike(self, kind: str, keys: Sequence[object]) -> None:
        self.sizes.append((kind, len(keys)))
        if len(set(keys)) != 1:
            raise EngineFailedError("The calls of a batch are not alike.")

    def _good(self, sound: Sound) -> Sound:
        if any(run.number in self.bad for run in _decoded(sound)):
            raise EngineFailedError("This audio cannot be heard.")
        return sound


def _decoded(sound: Sound) -> list[_Run]:
    return list(sound.encoded) if isinstance(sound.encoded, tuple) else []


def _runs(pcm: Pcm) -> tuple[_Run, ...]:
    levels = np.round(np.abs(pcm) * 32768 / STEP).astype(int)
    edges = [0, *(np.flatnonzero(np.diff(levels)) + 1).tolist(), len(levels)]
    pairs = [(a, b) for a, b in itertools.pairwise(edges) if b > a and levels[a]]
    return tuple(_Run(int(levels[a]), a, b) for a, b in pairs)


def _heard(run: _Run, sound: Sound) -> Word:
    whole = run.end - run.begin >= WORD * 8 // 10 or run.end < sound.samples
    return Word((run.number,), f" {name(run.number)}" if whole else f" x{run.number % 3}")
