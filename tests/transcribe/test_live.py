"""Whisper live on recorded speech: words come, times fit, silence and noise stay empty."""

import difflib
import json
import re

import numpy as np
import pytest

from hearing.transcribe.engine import Pcm
from hearing.transcribe.onefile import Line, hear_live
from hearing.transcribe.session import Session, plain
from tests.speech import demo_speech, engine, pcm, speech

pytestmark = pytest.mark.model

BEGINNING = "good morning i call to order the two thousand four hundred and twelfth meeting of the committee"


def live(sound: Pcm, language: str = "en", phase_ms: int = 0) -> list[Line]:
    lines: list[Line] = []
    session = Session(plain(0, language), engine())
    hear_live(sound, session, language=language, clock="cpu", phase_ms=phase_ms, on_event=lines.append)
    return lines


def text(lines: list[Line]) -> str:
    return " ".join(line.text or "" for line in lines if line.kind == "commit")


def test_the_dialogue_is_heard_live() -> None:
    lines = live(demo_speech("en")[: 25 * 16_000])
    said = re.sub(r"[^a-z ]", "", text(lines).lower())
    assert difflib.SequenceMatcher(None, said[: len(BEGINNING)], BEGINNING).ratio() > 0.6
    assert "minister of justice" in said
    assert lines[-1].kind == "end"
    assert all(line.at >= (line.end or 0) for line in lines if line.kind == "commit")
    assert [line for line in lines if line.kind == "draft"]
    closed = [(line.t0 or 0, line.t1 or 0) for line in lines if line.kind == "segment"]
    assert closed == sorted(closed)
    assert all(t0 < t1 <= 25_000 for t0, t1 in closed)


def test_silence_and_noise_give_no_words() -> None:
    noise = (np.random.default_rng(2).standard_normal(10 * 16_000) * 0.01).astype(np.float32)
    assert text(live(np.concatenate([np.zeros(5 * 16_000, np.float32), noise]))) == ""


@pytest.mark.audio
@pytest.mark.parametrize("name", ["hard_silence", "hard_roomnoise", "hard_trumpet", "hard_music_vibe_ace"])
def test_recorded_noise_gives_no_words(name: str) -> None:
    assert text(live(pcm(speech(f"dev/{name}.flac"))[: 30 * 16_000])) == ""


@pytest.mark.audio
def test_chinese_is_shown_in_simplified_characters() -> None:
    sound = pcm(speech("dev/zh_azure_testing_audio.flac"))[: 20 * 16_000]
    said = "".join(line.text or "" for line in live(sound, "zh") if line.kind == "commit")
    assert len(said) > 20
    assert not set(said) & set("這個們說過對國會員")


@pytest.mark.audio
@pytest.mark.slow
def test_a_long_reading_is_heard_as_well_as_offline() -> None:
    jiwer = pytest.importorskip("jiwer")
    from whisper_normalizer.english import EnglishTextNormalizer

    fold = EnglishTextNormalizer()
    lines = live(pcm(speech("bench/ref_en.flac")))
    truth = speech("bench/ref_en.txt").read_text("utf-8")
    assert jiwer.wer(fold(truth), fold(text(lines))) <= 0.06
    ends = json.loads(speech("bench/ref_en.words.json").read_text("utf-8"))
    assert len(text(lines).split()) >= 0.95 * len(ends)
