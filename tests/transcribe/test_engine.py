"""The contract of an engine, run on the fake of the tests and on Whisper, each alone and in batches."""

import numpy as np
import pytest

from hearing.transcribe.batching import Batching
from hearing.transcribe.engine import Engine, Pcm
from hearing.transcribe.words import reading, text
from tests.speech import demo_speech, engine
from tests.transcribe.fakes import FakeBatches, FakeEngine, silence, speech

Heard = tuple[Engine, Pcm]


@pytest.fixture(
    params=["fake", "batched fake", *(pytest.param(name, marks=pytest.mark.model) for name in ("whisper", "batched"))]
)
def heard(request: pytest.FixtureRequest) -> Heard:
    """Return an engine and some seconds of speech it understands."""
    if "fake" in request.param:
        fake = FakeEngine() if request.param == "fake" else Batching(FakeBatches())
        return fake, np.concatenate([speech(range(1, 13)), silence(0.5)])
    return (engine() if request.param == "whisper" else Batching(engine())), demo_speech("en")[16_000 : 9 * 16_000]


def test_the_same_audio_gives_the_same_words(heard: Heard) -> None:
    one, pcm = heard
    first, again = (one.guess(one.encode(pcm), "en", prompt=(), forced=()) for _ in range(2))
    assert first == again
    assert len(first.words) > 5


def test_forced_words_are_not_said_again(heard: Heard) -> None:
    one, pcm = heard
    sound = one.encode(pcm)
    words = one.guess(sound, "en", prompt=(), forced=()).words
    rest = one.guess(sound, "en", prompt=(), forced=words[:4]).words
    assert text(rest) == text(words[4:])


def test_nothing_follows_when_all_is_forced(heard: Heard) -> None:
    one, pcm = heard
    sound = one.encode(pcm)
    words = one.guess(sound, "en", prompt=(), forced=()).words
    assert one.guess(sound, "en", prompt=(), forced=words).words == ()


def test_every_word_gets_a_time_within_the_audio_and_in_order(heard: Heard) -> None:
    one, pcm = heard
    sound = one.encode(pcm)
    words = one.guess(sound, "en", prompt=(), forced=()).words
    spans = one.align(sound, "en", words)
    edges = [edge for span in spans for edge in span]
    assert len(spans) == len(words)
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(pcm)
    assert one.align(sound, "en", ()) == []


def test_written_words_can_be_spelled_again(heard: Heard) -> None:
    one, pcm = heard
    words = one.guess(one.encode(pcm), "en", prompt=(), forced=()).words
    shown = reading(words, "en")
    spelled = one.spell(shown, "en")
    assert reading(spelled, "en") == shown
    assert all(word.tokens for word in spelled)


def test_it_knows_its_languages(heard: Heard) -> None:
    one, _ = heard
    assert one.hears("en")
    assert one.hears("fr")
    assert not one.hears("xx")
