"""Whisper on CTranslate2: the engine that runs by default.

`encode` and `generate` are driven directly, with short encoder windows: 1000 frames cost a fifth of 3000, for the
same text. A forced prefix needs suppress_blank off, or the last clause is said again.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import msgspec
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer

from hearing.errors import Unavailable
from hearing.lang import spaced
from hearing.transcribe.engine import MAX_SAMPLES, Hypothesis, Pcm, Sound
from hearing.transcribe.guard import MAX_TOKENS, max_tokens
from hearing.transcribe.words import Word, tokens

_WINDOWS = (800, 1000, 1200, 1600, 2000, 3000)
"""Encoder windows, in frames of 10 ms; the audio plus one second must fit."""
_FRAME = 160
_ALIGN_STEP = 320
"""One step of the alignment, in samples."""


class TimedWord(msgspec.Struct, frozen=True):
    """A word heard offline between t0 and t1, in ms."""

    text: str
    t0: int
    t1: int


class Passage(msgspec.Struct, frozen=True):
    """Text heard offline between t0 and t1, in ms; with its words, where they were asked for."""

    t0: int
    t1: int
    text: str
    words: tuple[TimedWord, ...] = ()


class Whisper:
    """One loaded model; its calls may come from `threads` threads at once."""

    def __init__(
        self, folder: Path, *, name: str, device: str = "auto", compute: str = "auto", threads: int = 1
    ) -> None:
        device = _device(device)
        compute = ("int8" if device == "cpu" else "int8_float16") if compute == "auto" else compute
        try:
            self._whisper: Any = WhisperModel(
                str(folder),
                device=device,
                compute_type=compute,
                cpu_threads=1,
                num_workers=threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError) as error:
            raise Unavailable(
                f"The speech model does not load on {device} with {compute}: {error}. "
                "Try --device cpu --compute-type int8."
            ) from error
        self._name = f"{name} ({compute}, {device})"
        self._multilingual = bool(self._whisper.model.is_multilingual)
        self._tokenizers: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self._name

    def hears(self, language: str) -> bool:
        return _base(language) in self._whisper.supported_languages

    def encode(self, pcm: Pcm) -> Sound:
        clip = pcm[:MAX_SAMPLES]
        frames = len(clip) // _FRAME
        window = next((width for width in _WINDOWS if frames + 100 <= width), _WINDOWS[-1])
        features = self._whisper.feature_extractor(clip)[:, :frames]
        return Sound(len(clip), self._whisper.encode(pad_or_trim(features, window)))

    def detect(self, sound: Sound, languages: Sequence[str]) -> Mapping[str, float]:
        if not self._multilingual:
            return dict.fromkeys(languages, 0.0)
        known = dict(self._whisper.model.detect_language(sound.encoded)[0])
        return {language: known.get(f"<|{_base(language)}|>", 0.0) for language in languages}

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        tokenizer = self._tokenizer(language)
        prefix = tokens(forced)
        asked = [tokenizer.sot_prev, *prompt] if prompt else []
        asked += [*tokenizer.sot_sequence, tokenizer.no_timestamps, *prefix]
        if len(asked) >= MAX_TOKENS:
            return Hypothesis((), 0.0, 0.0, 0)
        result = self._whisper.model.generate(
            sound.encoded,
            [asked],
            beam_size=1,
            max_length=max_tokens(len(asked), sound.samples // _FRAME),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=not prefix,
        )[0]
        ids = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        ids = ids[len(prefix) :] if ids[: len(prefix)] == prefix else ids
        return Hypothesis(tuple(_split(tokenizer, ids)), result.scores[0], result.no_speech_prob, len(ids))

    def align(self, sound: Sound, language: str, words: Sequence[Word]) -> list[tuple[int, int]]:
        if not words:
            return []
        tokenizer = self._tokenizer(language)
        aligned = self._whisper.model.align(
            sound.encoded, list(tokenizer.sot_sequence), [tokens(words)], [sound.samples // _FRAME]
        )
        pairs = np.array(aligned[0].alignments)
        first = np.pad(np.diff(pairs[:, 0]), (1, 0), constant_values=1).astype(bool)
        starts = pairs[first, 1] * _ALIGN_STEP
        edges = np.cumsum([0, *(len(word.tokens) for word in words)])
        at = [int(starts[min(edge, len(starts) - 1)]) for edge in edges]
        return list(itertools.pairwise(at))

    def spell(self, written: Sequence[str], language: str) -> list[Word]:
        tokenizer = self._tokenizer(language)
        lead = " " if spaced(language) else ""
        return [Word(tuple(tokenizer.encode(lead + word)), lead + word) for word in written]

    def whole(self, pcm: Pcm, language: str, *, beam: int = 1, words: bool = False) -> Iterator[Passage]:
        """Hear a whole recording offline, with all the context a window of 30 s gives: greedily, or with a beam.

        With `words` each passage has its words, which costs about a third more.
        """
        heard, _ = self._whisper.transcribe(
            pcm,
            language=_base(language),
            beam_size=beam,
            vad_filter=True,
            condition_on_previous_text=False,
            word_timestamps=words,
        )
        for passage in heard:
            timed = tuple(_timed(passage.words or (), language)) if words else ()
            yield Passage(round(passage.start * 1000), round(passage.end * 1000), passage.text.strip(), timed)

    def _tokenizer(self, language: str) -> Any:  # noqa: ANN401 - faster-whisper has no types
        key = _base(language)
        if key not in self._tokenizers:
            self._tokenizers[key] = Tokenizer(
                self._whisper.hf_tokenizer, self._multilingual, task="transcribe", language=key
            )
        return self._tokenizers[key]


def _split(tokenizer: Any, ids: list[int]) -> list[Word]:  # noqa: ANN401 - faster-whisper has no types
    """Split tokens into words; punctuation stays with the word before it."""
    words: list[Word] = []
    spaced = tokenizer.language_code not in {"zh", "ja", "th", "lo", "my", "yue"}
    for text, ours in list(zip(*tokenizer.split_to_word_tokens([*ids, tokenizer.eot]), strict=True))[:-1]:
        joins = words and not text.startswith(" ") and (spaced or not any(c.isalnum() for c in text))
        before = words.pop() if joins else Word((), "")
        words.append(Word((*before.tokens, *ours), before.text + text))
    return words


def _timed(heard: Iterable[Any], language: str) -> Iterator[TimedWord]:
    """Yield words with their times; what begins without a space belongs to the word before it."""
    last: TimedWord | None = None
    for one in heard:
        t0, t1 = round(one.start * 1000), round(one.end * 1000)
        if last and spaced(language) and not one.word.startswith(" "):
            last = TimedWord(last.text + one.word.strip(), last.t0, max(last.t1, t1))
            continue
        if last and last.text:
            yield last
        last = TimedWord(one.word.strip(), t0, max(t0, t1))
    if last and last.text:
        yield last


def _base(language: str) -> str:
    return language.split("-", 1)[0]


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
