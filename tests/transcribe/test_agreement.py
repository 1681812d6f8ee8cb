"""What two hypotheses agree on, and no more, may become final."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.transcribe.agreement import SURE, Agreement, agreed
from hearing.transcribe.words import Word

TEXTS = st.lists(st.sampled_from([" a", " b", " c.", " d,", " —"]), max_size=12)


def words(texts: list[str]) -> list[Word]:
    return [Word((k,), text) for k, text in enumerate(texts)]


@given(TEXTS, TEXTS, st.integers(0, 2))
def test_what_is_agreed_stands_at_the_start_of_both(before: list[str], now: list[str], hold: int) -> None:
    count = agreed(words(before), words(now), "en", hold)
    folds = [word.fold for word in words(before) if word.fold]
    sure = [word.fold for word in words(now)[:count] if word.fold]
    assert folds[: len(sure)] == sure


@given(TEXTS)
def test_the_last_word_is_held_back(now: list[str]) -> None:
    assert agreed(words(now), words(now), "en", 1) < max(1, len(now))


def test_case_and_punctuation_do_not_count() -> None:
    assert agreed(words([" The", " State."]), words([" the", " State", " party"]), "en") == 2


def test_chinese_agrees_by_characters_though_tokens_differ() -> None:
    assert agreed(words(["我们", "谢谢"]), words(["我", "们谢", "谢", "你"]), "zh") == 3


def test_chinese_agrees_though_one_hypothesis_is_in_traditional_characters() -> None:
    assert agreed(words(["謝", "謝"]), words(["谢谢", "你"]), "zh") == 1


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (" إلى", " الى"),
        (" دولـة", " دوله"),
        (" الدَّوْلَة", " الدولة"),
        (" شيء،", " شيء"),
        (" على", " علي"),
        (" ٢٠٢٤", " 2024"),
    ],
)
def test_arabic_agrees_however_a_letter_is_written(before: str, now: str) -> None:
    assert agreed(words([before, " ا"]), words([now, " ا"]), "ar") == 1


def test_arabic_words_of_other_letters_do_not_agree() -> None:
    assert agreed(words([" دول", " ا"]), words([" دور", " ا"]), "ar") == 0


def test_a_token_of_two_characters_is_not_split() -> None:
    assert agreed(words(["我"]), words(["我们", "好"]), "zh") == 0


@given(TEXTS, TEXTS, st.integers(0, 2), st.data())
def test_what_follows_is_final_while_it_is_sure(
    before: list[str], now: list[str], hold: int, data: st.DataObject
) -> None:
    chances = [data.draw(st.sampled_from([0.2, 0.5, SURE, 1.0])) for _ in now]
    guess = [msgspec.structs.replace(word, chance=chance) for word, chance in zip(words(now), chances, strict=True)]
    count, common = agreed(words(before), guess, "en", hold), agreed(words(before), words(now), "en", hold)
    assert common <= count <= max(0, len(now) - hold)
    assert all(word.chance >= SURE or not word.fold for word in guess[common:count])
    rest = [word for word in guess[count : max(0, len(now) - hold)] if word.fold]
    assert not rest or rest[0].chance < SURE


def test_sure_words_after_a_doubtful_one_wait() -> None:
    guess = [Word((1,), " The", 0.99), Word((2,), " State", 0.4), Word((3,), " party", 0.99), Word((4,), " is", 0.99)]
    assert agreed([], guess, "en") == 1
    assert agreed(words([" the", " state"]), guess, "en") == 3


@given(TEXTS, TEXTS, TEXTS, st.integers(0, 2), st.data())
def test_a_doubtful_word_must_stand_in_three(
    older: list[str], before: list[str], now: list[str], hold: int, data: st.DataObject
) -> None:
    chances = [data.draw(st.sampled_from([0.2, 0.5, SURE])) if word.fold else 1.0 for word in words(now)]
    guess = [msgspec.structs.replace(word, chance=chance) for word, chance in zip(words(now), chances, strict=True)]
    two = agreed(words(before), guess, "en", hold)
    three = agreed(words(before), guess, "en", hold, words(older))
    assert three <= two
    stood = agreed(words(older), words(now), "en", 0)
    assert all(word.chance >= 0.5 for word in guess[stood:three])
    waiting = next((word for word in guess[three:] if word.fold), None)
    assert three == two or (three >= stood and waiting is not None and waiting.chance < 0.5)


def test_a_doubtful_word_waits_for_a_third_hypothesis_and_keeps_what_follows_waiting() -> None:
    guess = [Word((1,), " the", 0.7), Word((2,), " State", 0.4), Word((3,), " party", 0.9), Word((4,), " is", 0.99)]
    said = words([" the", " state", " party", " is"])
    assert agreed(said, guess, "fr", 1, []) == 1
    assert agreed(said, guess, "fr", 1, words([" the", " state"])) == 3
    assert agreed(said, guess, "fr", 1) == 3


def test_not_fewer_words_are_shown_than_were() -> None:
    agreement = Agreement(hold=1, apart=16000)
    first = [Word((1,), " it", 0.9), Word((2,), " was", 0.9), Word((3,), " so", 0.9)]
    assert agreement.keep(first, 0, "fr", 0, whole=False) == 3
    other = [Word((1,), " its", 0.3), Word((2,), " was", 0.4), Word((3,), " so", 0.4), Word((4,), " far", 0.4)]
    assert agreement.keep(other, 1, "fr", 9600, whole=False) == 3
    assert agreement.keep(other[1:], 0, "fr", 19200, whole=False) == 3
    assert agreement.keep(other[1:2], 0, "fr", 28800, whole=False) == 1


def test_of_the_last_three_words_a_doubtful_one_waits() -> None:
    sure = [Word((k,), f" {k}", 0.9) for k in range(3)]
    doubted = Word((9,), " nine", 0.5)
    assert shown([], [doubted, *sure[:2]]) == 0
    assert shown([], [doubted, *sure]) == 4


def test_a_dash_is_no_last_word() -> None:
    assert shown([], [Word((1,), " the", 0.9), Word((2,), " gov", 0.6), Word((3,), " —", 1.0)]) == 1


def shown(before: Sequence[Word], now: Sequence[Word], final: int = 0, *, whole: bool = False) -> int:
    agreement = Agreement(hold=1, apart=16000)
    agreement.keep(before, 0, "en", 0, whole=False)
    return agreement.keep(now, final, "en", 0, whole=whole)


@pytest.mark.parametrize(("chance", "count"), [(0.3, 2), (0.5, 2), (0.6, 4)])
def test_a_doubtful_word_near_the_end_is_shown_once_it_stood(chance: float, count: int) -> None:
    guess = [Word((1,), " the", 0.2), Word((2,), " State", 0.7), Word((3,), " party", chance), Word((4,), " is", 0.9)]
    assert shown([], guess) == count
    assert shown(words([" the", " State", " party"]), guess) == 4
    assert shown(words([" a", " State", " party"]), guess) == count


@pytest.mark.parametrize(("chance", "count"), [(0.6, 1), (0.79, 1), (0.8, 2)])
def test_the_last_word_is_shown_if_it_is_likely_or_stood_or_nothing_is_cut_off(chance: float, count: int) -> None:
    guess = [Word((1,), " the", 0.7), Word((2,), " State", chance)]
    assert shown([], guess) == count
    assert shown(guess, guess) == 2
    assert shown([], guess, whole=True) == 2


@given(TEXTS, TEXTS, st.booleans(), st.data())
def test_what_is_final_is_shown_and_only_the_end_is_not(
    before: list[str], now: list[str], whole: bool, data: st.DataObject
) -> None:
    chances = [data.draw(st.sampled_from([0.2, 0.5, 0.7, SURE])) for _ in now]
    guess = [msgspec.structs.replace(word, chance=chance) for word, chance in zip(words(now), chances, strict=True)]
    final = data.draw(st.integers(0, len(now)))
    count = shown(words(before), guess, final, whole=whole)
    spoken = [k for k, word in enumerate(guess) if word.fold]
    assert max([final, *spoken[-3:-2]]) <= count <= len(now)
    assert count == len(now) or (not whole and guess[count].chance < 0.8)


@pytest.mark.parametrize(
    ("language", "apart", "waits"), [("fr", 9600, True), ("fr", 16000, False), ("en-GB", 9600, False)]
)
def test_a_third_hypothesis_is_asked_for_where_two_lie_close_together(
    language: str, apart: int, *, waits: bool
) -> None:
    agreement = Agreement(hold=1, apart=16000)
    agreement.keep(words([" a"]), 0, language, 100, whole=False)
    assert agreement.waits(language, 100 + apart) is waits
