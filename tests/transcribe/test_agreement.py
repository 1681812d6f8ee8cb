"""What two hypotheses agree on, and no more, may become final."""

from hypothesis import given
from hypothesis import strategies as st

from hearing.transcribe.agreement import agreed
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


def test_a_token_of_two_characters_is_not_split() -> None:
    assert agreed(words(["我"]), words(["我们", "好"]), "zh") == 0
