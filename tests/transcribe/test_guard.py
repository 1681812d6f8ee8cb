"""Loops are cut to one copy, real words stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.transcribe import guard
from hearing.transcribe.words import Word


def words(text: str) -> list[Word]:
    return [Word((k,), f" {word}") for k, word in enumerate(text.split())]


def text(said: list[Word]) -> str:
    return "".join(word.text for word in said).strip()


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(0, 30))
def test_unloop_keeps_the_start_and_all_that_is_final(said: list[str], done: int) -> None:
    whole = words(" ".join(said))
    done = min(done, len(whole))
    kept = guard.unloop(whole, done)
    assert kept == whole[: len(kept)]
    assert len(kept) >= done


def test_four_words_said_again_at_once_are_cut() -> None:
    assert text(guard.unloop(words("we thank the chair we thank the chair we thank"), 0)) == "we thank the chair"


def test_a_word_said_four_times_is_cut_but_three_times_stays() -> None:
    assert text(guard.unloop(words("no no no no"), 0)) == "no"
    assert text(guard.unloop(words("no no no"), 0)) == "no no no"


def test_final_words_are_never_cut() -> None:
    assert len(guard.unloop(words("no no no no no"), 3)) == 3


def test_thank_you_is_not_on_any_list() -> None:
    assert not guard.tripped(" Thank you.", score=-0.4, no_speech=0.3, new_tokens=3, forced=False)


def test_a_hypothesis_that_is_not_speech_trips() -> None:
    assert guard.tripped(" you", score=-0.9, no_speech=0.7, new_tokens=1, forced=False)
    assert not guard.tripped(" you", score=-0.9, no_speech=0.7, new_tokens=1, forced=True)
    assert guard.tripped(" la" * 200, score=-0.1, no_speech=0.0, new_tokens=200, forced=True)
    assert guard.tripped(" a b c d", score=-1.7, no_speech=0.0, new_tokens=4, forced=True)
    assert not guard.tripped(" a", score=-1.7, no_speech=0.0, new_tokens=1, forced=True)


def test_what_may_be_generated_grows_with_the_audio_to_a_limit() -> None:
    assert guard.max_tokens(4, 1000) == 4 + 12 + 80
    assert guard.max_tokens(400, 3000) == guard.MAX_TOKENS


@pytest.mark.parametrize(
    ("word", "found"),
    [("xi-xi-xi-xi-xi", True), ("hahahaha", True), ("100000000000", False), ("Mississippi", False), ("oui", False)],
)
def test_a_word_that_loops_in_itself_stutters(word: str, found: bool) -> None:
    assert guard.stutters(words(f"the {word} said")) is found
