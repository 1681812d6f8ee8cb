"""Hearings of one recording, compared: which words one has and the other lacks, and what is said more than once."""

import re
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest

from hearing.transcript import Spoken
from tests.speech import speech


class Timed(msgspec.Struct, frozen=True):
    """A word and its times, in ms from the start of the recording."""

    text: str
    t0: int
    t1: int


class Passage(msgspec.Struct, frozen=True):
    """One hearing of the recording: its words in order, and its gaps, in ms from its start."""

    words: list[Timed]
    gaps: list[tuple[int, int]]


def parted(spoken: Spoken, length_ms: int, passes: int) -> list[Passage]:
    """Part what was heard into the passages of the recording, each with times from its own start."""
    timed = [
        Timed(word, t0, t1)
        for segment in spoken.segments
        for word, (t0, t1) in zip(segment.words, segment.times or (), strict=True)
    ]
    return [
        Passage(
            [
                Timed(word.text, word.t0 - n * length_ms, word.t1 - n * length_ms)
                for word in timed
                if n * length_ms <= word.t0 < (n + 1) * length_ms
            ],
            [
                (gap.t0 - n * length_ms, gap.t1 - n * length_ms)
                for gap in spoken.gaps
                if n * length_ms <= gap.t0 < (n + 1) * length_ms
            ],
        )
        for n in range(passes)
    ]


def folded(words: Sequence[Timed]) -> list[Timed]:
    """Return words without case and punctuation."""
    plain = [Timed(re.sub(r"[^\w']", "", word.text.lower()), word.t0, word.t1) for word in words]
    return [word for word in plain if word.text]


def lost(undisturbed: Passage, disturbed: Passage) -> list[int]:
    """Return the lengths of the runs of words that the undisturbed hearing has and the other lacks, gaps left out."""
    jiwer = pytest.importorskip("jiwer")
    before, after = folded(undisturbed.words), folded(disturbed.words)
    aligned = jiwer.process_words(text(before), text(after)).alignments[0]
    gaps = disturbed.gaps
    runs = [before[one.ref_start_idx : one.ref_end_idx] for one in aligned if one.type == "delete"]
    missing = [[word for word in run if not any(word.t0 < t1 and t0 < word.t1 for t0, t1 in gaps)] for run in runs]
    return [len(run) for run in missing if run]


def text(words: Sequence[Timed]) -> str:
    return " ".join(word.text for word in words)


def error_rate(passage: Passage) -> float:
    """Return the share of words that are wrong, by the text that was read."""
    jiwer = pytest.importorskip("jiwer")
    from whisper_normalizer.english import EnglishTextNormalizer

    fold = EnglishTextNormalizer()
    truth = speech("bench/ref_en.txt").read_text("utf-8")
    return float(jiwer.wer(fold(truth), fold(text(passage.words))))


def doubled(undisturbed: Passage, disturbed: Passage) -> list[tuple[str, ...]]:
    """Return what is said more often than it was: five words in a row."""
    counts = [
        Counter(zip(*(said[n:] for n in range(5)), strict=False))
        for said in ([word.text for word in folded(one.words)] for one in (undisturbed, disturbed))
    ]
    return [five for five, count in counts[1].items() if count > max(1, counts[0][five])]
