"""Whisper on CTranslate2: the engine that runs by default. It guesses greedily, and where that is unsure, with a beam.

`encode` and `generate` are driven directly, with short encoder windows: 1000 frames cost a fifth of 3000, for the
same text. A forced prefix needs suppress_blank off, or the last clause is said again.
"""

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import msgspec
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer

from hearing.errors import Unavailable
from hearing.lang import spaced
from hearing.transcribe.engine import MAX_SAMPLES, Asked, EngineFailedError, Hypothesis, Pcm, Sound
from hearing.transcribe.guard import MAX_TOKENS, stutters
from hearing.transcribe.request import FRAME, Request, unsure
from hearing.transcribe.words import Word, tokens

_WINDOWS = (800, 1000, 1200, 1600, 2000, 3000)
"""Encoder windows, in frames of 10 ms; the audio plus one second must fit."""
_WINDOWS_GPU = (1400, 2000, 3000)
"""Fewer, where padding costs less than a batch of its own."""
_BEAM = 3
"""Hypotheses kept at a second look."""
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
        device = device_of(device)
        compute = _compute(device) if compute == "auto" else compute
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
        self.device = device
        self._looks_again = device == "cpu"  # on a GPU neither its gain nor what the logits cost is measured
        self._windows = _WINDOWS if device == "cpu" else _WINDOWS_GPU
        if self._whisper.feature_extractor.mel_filters.shape[0] != self._whisper.model.n_mels:
            # A folder without preprocessor_config.json says nothing of it; large-v3 and turbo take 128.
            self._whisper.feature_extractor = FeatureExtractor(feature_size=self._whisper.model.n_mels)
        self._multilingual = bool(self._whisper.model.is_multilingual)
        self._tokenizers: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self._name

    def hears(self, language: str) -> bool:
        return _base(language) in self._whisper.supported_languages

    def encode(self, pcm: Pcm) -> Sound:
        return self.encode_all([self.prepare(pcm)])[0]

    def detect(self, sound: Sound, languages: Sequence[str]) -> Mapping[str, float]:
        return self.detect_all([(sound, languages)])[0]

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        return self.guess_all([Asked(sound, language, tuple(prompt), tuple(forced))])[0]

    def align(self, sound: Sound, language: str, words: Sequence[Word]) -> list[tuple[int, int]]:
        return self.align_all([(sound, words)], language)[0] if words else []

    def window(self, samples: int) -> int:
        frames = min(samples, MAX_SAMPLES) // FRAME
        return next((width for width in self._windows if frames + 100 <= width), self._windows[-1])

    def prepare(self, pcm: Pcm) -> Sound:
        clip = pcm[:MAX_SAMPLES]
        features = self._whisper.feature_extractor(clip)[:, : len(clip) // FRAME]
        return Sound(len(clip), pad_or_trim(features, self.window(len(clip))))

    def encode_all(self, prepared: Sequence[Sound]) -> list[Sound]:
        with _failing():
            features = np.stack([np.asarray(one.encoded, np.float32) for one in prepared])
            encoded = self._whisper.model.encode(ctranslate2.StorageView.from_array(features), to_cpu=True)
        apart = _apart(encoded, len(prepared))
        return [Sound(before.samples, one) for before, one in zip(prepared, apart, strict=True)]

    def detect_all(self, asked: Sequence[tuple[Sound, Sequence[str]]]) -> list[Mapping[str, float]]:
        if not self._multilingual:
            return [dict.fromkeys(languages, 0.0) for _, languages in asked]
        with _failing():
            found = self._whisper.model.detect_language(_together([sound for sound, _ in asked]))
        return [
            {language: known.get(f"<|{_base(language)}|>", 0.0) for language in languages}
            for known, (_, languages) in zip(map(dict, found), asked, strict=True)
        ]

    def guess_all(self, asked: Sequence[Asked]) -> list[Hypothesis]:
        requests = [Request(self._tokenizer(one.language), one) for one in asked]
        fit = [one for one in requests if len(one.tokens) < MAX_TOKENS]
        if not fit:
            return [_NOTHING for _ in requests]
        results = self._decoded(fit, beam=1)
        answers = [one.answer(result) for one, result in zip(fit, results, strict=True)]
        again = [k for k, answer in enumerate(answers) if self._looks_again and unsure(answer)]
        if again:
            better = self._decoded([fit[k] for k in again], beam=_BEAM)
            for k, result in zip(again, better, strict=True):
                second = fit[k].answer(result, results[k])
                if not stutters(second.words):
                    answers[k] = second
        heard = iter(answers)
        return [next(heard) if len(one.tokens) < MAX_TOKENS else _NOTHING for one in requests]

    def _decoded(self, requests: Sequence[Request], *, beam: int) -> list[Any]:
        with _failing():
            return list(
                self._whisper.model.generate(
                    _together([one.asked.sound for one in requests]),
                    [one.tokens for one in requests],
                    beam_size=beam,
                    max_length=max(one.most for one in requests),
                    return_scores=True,
                    return_logits_vocab=beam == 1 and self._looks_again,
                    return_no_speech_prob=True,
                    suppress_blank=not requests[0].asked.forced,
                )
            )

    def align_all(self, sounds: Sequence[tuple[Sound, Sequence[Word]]], language: str) -> list[list[tuple[int, int]]]:
        with _failing():
            aligned = self._whisper.model.align(
                _together([sound for sound, _ in sounds]),
                list(self._tokenizer(language).sot_sequence),
                [tokens(words) for _, words in sounds],
                [sound.samples // FRAME for sound, _ in sounds],
            )
        return [_spans(one.alignments, words) for one, (_, words) in zip(aligned, sounds, strict=True)]

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


def device_of(wanted: str) -> str:
    """Return the device: the one that is wanted, or, with auto, a GPU where there is one."""
    if wanted != "auto":
        return wanted
    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


_NOTHING = Hypothesis((), 0.0, 0.0, 0)


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """Say it our way where CTranslate2 cannot: out of memory, a device that is gone, a batch of unequal shape."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise EngineFailedError(
            f"The speech model failed ({error}). Where it does so again and again, start the worker anew with fewer "
            "channels, or with --device cpu."
        ) from error


def _apart(encoded: Any, count: int) -> list[Any]:  # noqa: ANN401 - CTranslate2 has no types
    """Split an encoded batch, so that each sound can be let go alone."""
    if count == 1:
        return [encoded]
    whole = np.asarray(encoded)
    return [ctranslate2.StorageView.from_array(whole[k : k + 1].copy()) for k in range(count)]


def _together(sounds: Sequence[Sound]) -> Any:  # noqa: ANN401 - CTranslate2 has no types
    """Join encoded sounds to a batch."""
    if len(sounds) == 1:
        return sounds[0].encoded
    return ctranslate2.StorageView.from_array(np.concatenate([np.asarray(one.encoded) for one in sounds]))


def _spans(alignments: Sequence[tuple[int, int]], words: Sequence[Word]) -> list[tuple[int, int]]:
    if not alignments:  # the audio is shorter than a step
        return [(0, 0)] * len(words)
    pairs = np.array(alignments)
    first = np.pad(np.diff(pairs[:, 0]), (1, 0), constant_values=1).astype(bool)
    starts = pairs[first, 1] * _ALIGN_STEP
    edges = np.cumsum([0, *(len(word.tokens) for word in words)])
    at = [int(starts[min(edge, len(starts) - 1)]) for edge in edges]
    return list(itertools.pairwise(at))


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


def _compute(device: str) -> str:
    """Return the fastest type that the device knows."""
    known = ctranslate2.get_supported_compute_types(device)
    wanted = ("int8",) if device == "cpu" else ("int8_float16", "float16", "int8")
    return next((one for one in wanted if one in known), "float32")
