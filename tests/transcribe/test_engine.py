"""The contract of an engine, run on the fake of the tests and on Whisper, each alone and in batches."""

import threading
from concurrent.futures import ThreadPoolExecutor

import ctranslate2
import numpy as np
import pytest

from hearing.transcribe.batching import Batching
from hearing.transcribe.engine import MAX_SAMPLES, Engine, EngineFailedError, Pcm, Sound
from hearing.transcribe.words import reading, text, tokens
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


def test_with_a_prompt_forced_words_are_not_said_again_either(heard: Heard) -> None:
    one, pcm = heard
    sound, prompt = one.encode(pcm), tokens(one.spell(["Committee", "CEDAW"], "en"))
    words = one.guess(sound, "en", prompt=prompt, forced=()).words
    rest = one.guess(sound, "en", prompt=prompt, forced=words[:4]).words
    assert len(words) > 5
    assert text(rest) == text(words[4:])
    assert one.guess(sound, "en", prompt=prompt, forced=words).words == ()


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


@pytest.mark.parametrize("languages", [("en", "fr", "es"), ("fr",), ()])
def test_it_tells_how_probable_the_asked_languages_are_of_all_it_knows(
    heard: Heard, languages: tuple[str, ...]
) -> None:
    one, pcm = heard
    told = one.detect(one.encode(pcm), languages)
    assert told.keys() == set(languages)
    assert all(0 <= chance <= 1 for chance in told.values())
    assert sum(told.values()) <= 1 + 1e-4
    assert [language for language, chance in told.items() if chance > 0.5] == [
        spoken for spoken in languages if spoken == "en"
    ]


@pytest.mark.parametrize("samples", [0, 1, 400, MAX_SAMPLES, MAX_SAMPLES + 16_000])
def test_no_audio_and_half_a_minute_of_it_are_heard_too(heard: Heard, samples: int) -> None:
    one, pcm = heard
    sound = one.encode(np.resize(pcm, samples))
    words = one.guess(sound, "en", prompt=(), forced=()).words
    edges = [edge for span in one.align(sound, "en", words) for edge in span]
    assert len(edges) == 2 * len(words)
    assert all(0 <= edge <= min(samples, MAX_SAMPLES) for edge in edges)
    assert one.detect(sound, ("en",)).keys() == {"en"}
    if samples >= MAX_SAMPLES:
        assert len(words) > 5


def test_four_threads_get_the_answers_that_each_would_get_alone(heard: Heard) -> None:
    one, pcm = heard
    clips, met = [pcm[: len(pcm) * k // 4] for k in (1, 2, 3, 4)], threading.Barrier(4, timeout=60)

    def answer(clip: Pcm) -> tuple[str, str, int]:
        sound = one.encode(clip)
        words = one.guess(sound, "en", prompt=(), forced=()).words
        rest = one.guess(sound, "en", prompt=(), forced=words[:2]).words
        return text(words), text(rest), len(one.align(sound, "en", words))

    def at_once(clip: Pcm) -> tuple[str, str, int]:
        met.wait()
        return answer(clip)

    alone = [answer(clip) for clip in clips]
    assert len({said for said, _, _ in alone}) == 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(at_once, clips, timeout=300)) == alone


@pytest.mark.model
@pytest.mark.parametrize("batched", [False, True])
def test_a_model_that_cannot_take_what_it_is_given_is_an_engine_that_failed(batched: bool) -> None:
    one: Engine = Batching(engine()) if batched else engine()
    bad = Sound(16_000, ctranslate2.StorageView.from_array(np.zeros((1, 7, 800), np.float32)))
    words = one.spell(["Good"], "en")
    for ask in (
        lambda: one.guess(bad, "en", prompt=(), forced=()),
        lambda: one.detect(bad, ("en",)),
        lambda: one.align(bad, "en", words),
    ):
        with pytest.raises(EngineFailedError, match="failed"):
            ask()
    assert one.encode(demo_speech("en")[:16_000]).samples == 16_000, "the next call may go well"


def test_it_knows_its_languages(heard: Heard) -> None:
    one, _ = heard
    assert one.hears("en")
    assert one.hears("fr")
    assert not one.hears("xx")
