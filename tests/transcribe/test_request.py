"""Where a guess is unsure, and that it is looked at again."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hearing.transcribe.agreement import SURE
from hearing.transcribe.engine import Asked, Hypothesis, Sound
from hearing.transcribe.request import Request, unsure
from hearing.transcribe.whisper import Whisper
from hearing.transcribe.words import EVEN, UNTOLD, Word
from tests.speech import demo_speech, engine

EOT = 9
SAID = {1: " he", 2: "llo", 3: ",", 4: " wor", 5: "\ufffd", 6: " last"}


class Tokenizer:
    """As much of faster-whisper's as a request asks for."""

    sot_prev, sot_sequence, no_timestamps, eot, language_code = 20, (21,), 22, EOT, "en"

    def decode(self, ids: list[int]) -> str:
        return "".join(SAID.get(one, "") for one in ids)

    def split_to_word_tokens(self, ids: list[int]) -> tuple[list[str], list[list[int]]]:
        words: list[list[int]] = []
        for one in ids:
            if words and not SAID.get(one, " ").startswith(" "):
                words[-1].append(one)
            else:
                words.append([one])
        return [self.decode(word) for word in words], words


def guessed(chances: dict[int, float], forced: tuple[int, ...] = (), then: tuple[int, ...] = ()) -> Hypothesis:
    """Return an answer; each token of it has its chance, or 0.9. With `then`, a second look said that."""
    asked = Asked(Sound(160_000, None), "en", (), tuple(Word((one,), SAID[one]) for one in forced))
    told = {"scores": [-0.2], "no_speech_prob": 0.0}
    first = SimpleNamespace(sequences_ids=[list(SAID)], logits=[[_logits(one, chances) for one in SAID]], **told)
    request = Request(Tokenizer(), asked)
    if not then:
        return request.answer(first)
    return request.answer(SimpleNamespace(sequences_ids=[list(then)], logits=[], **told), first)


def _logits(token: int, chances: dict[int, float]) -> Any:  # noqa: ANN401 - as CTranslate2 gives them
    chance = chances.get(token, 0.9)
    odds = np.full(10, (1 - chance) / 9)
    odds[token] = chance
    return np.log(odds)[None].astype(np.float32) + 7


@pytest.mark.parametrize("token", [1, 2, 4, 5])
def test_a_word_of_little_chance_is_unsure(token: int) -> None:
    assert unsure(guessed({token: 0.4}))
    assert not unsure(guessed({token: 0.6}))


def test_the_last_word_and_punctuation_are_never_unsure() -> None:
    assert not unsure(guessed({3: 0.1, 6: 0.1}))


def test_words_that_were_forced_are_never_unsure() -> None:
    assert not unsure(guessed({1: 0.1, 2: 0.1}, forced=(1, 2)))
    assert unsure(guessed({1: 0.1, 4: 0.4}, forced=(1, 2)))


def test_a_word_has_the_chance_of_its_least_probable_part() -> None:
    words = guessed({1: 0.95, 2: 0.7, 3: 0.1, 4: 0.99, 5: 0.6, 6: 0.8}).words
    assert [round(word.chance, 2) for word in words] == [0.7, 0.6, 0.8]


def test_a_second_look_has_the_chances_of_the_first_as_far_as_both_say_the_same() -> None:
    words = guessed({1: 0.97, 2: 0.96}, then=(1, 2, 6)).words
    assert [round(word.chance, 2) for word in words] == [0.96, 0.5]
    words = guessed({1: 0.97, 2: 0.96, 4: 0.99}, forced=(1, 2), then=(1, 2, 3, 4)).words
    assert [(word.text, round(word.chance, 2)) for word in words] == [(",", 1.0), (" wor", 0.99)]


def test_where_no_chance_is_told_nothing_is_doubted_and_nothing_sure() -> None:
    answer = SimpleNamespace(sequences_ids=[list(SAID)], logits=[], scores=[-0.2], no_speech_prob=0.0)
    heard = Request(Tokenizer(), Asked(Sound(160_000, None), "en", (), ())).answer(answer)
    assert [word.chance for word in heard.words] == [UNTOLD] * 3
    assert not unsure(heard)
    assert EVEN < UNTOLD < SURE


@pytest.mark.model
@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_is_unsure_is_heard_with_a_beam(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    decoded = Whisper._decoded

    def counted(self: Whisper, requests: Any, *, beam: int) -> list[Any]:  # noqa: ANN401 - CTranslate2 has no types
        looks.append(beam)
        return decoded(self, requests, beam=beam)

    monkeypatch.setattr(Whisper, "_decoded", counted)
    one, sound = engine(), demo_speech(language)
    doubtful = []
    for begin in range(0, 60 * 16_000, 6 * 16_000):
        looks.clear()
        heard = one.guess(one.encode(sound[begin : begin + 6 * 16_000]), language, prompt=(), forced=())
        assert all(0 <= word.chance <= 1 for word in heard.words)
        doubtful.append(looks == [1, 3])
        assert looks in ([1], [1, 3])
    assert any(doubtful)
    assert language == "fr" or not all(doubtful)
