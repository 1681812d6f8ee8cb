"""Segments partition the words: each stands once, in order, in a segment of caption length."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.lang import join
from hearing.transcribe.segment import LONGEST, Placed, Segments, Timed
from hearing.transcribe.words import Word, reading, written

WORDS = st.lists(
    st.tuples(st.sampled_from(["a", "State,", "party.", "international", "Why?", "№5", "x" * 90]), st.booleans()),
    max_size=60,
)


def spread(count: int) -> list[tuple[int, int]]:
    return [(k * 1600, k * 1600 + 1600) for k in range(count)]


@given(WORDS, st.integers(1, 7))
def test_words_stand_once_and_in_order(said: list[tuple[str, bool]], group: int) -> None:
    segments, placed, closed = Segments("en"), list[Placed](), list[Timed]()
    texts = [word for word, _ in said]
    for at in range(0, len(said), group):
        placed += segments.commit(texts[at : at + group])
        if said[at][1]:
            closed += segments.time(spread(at + group)[at : at + min(group, len(said) - at)])
        else:
            closed += segments.time(spread(at + group)[at : at + min(group, len(said) - at)])
            closed += segments.end_utterance()
    closed += segments.end_utterance()
    assert [word for one in placed for word in one.words] == texts
    lengths: dict[int, int] = {}
    for one in placed:
        assert one.first_word == lengths.get(one.segment, 0)
        lengths[one.segment] = one.first_word + len(one.words)
    assert list(lengths) == list(range(len(lengths)))
    assert {one.segment: len(one.word_times) for one in closed} == lengths
    assert not segments.waiting


SAID = {
    "en": ["a", "State,", "party.", "international"],
    "ar": ["في", "الدولة", "الاتفاقية", "التمييز؟", "اللجنة"],
    "zh": ["的", "国", "约", "会。", "CEDAW"],
}
MOST = {"en": LONGEST, "ar": LONGEST, "zh": 33}
"""Characters in two lines; a Chinese one is as wide as two and a half letters."""


@pytest.mark.parametrize("language", SAID)
@given(data=st.data())
def test_a_segment_is_at_most_two_caption_lines(language: str, data: st.DataObject) -> None:
    said = data.draw(st.lists(st.sampled_from(SAID[language]), min_size=40, max_size=120))
    segments, lines = Segments(language), dict[int, list[str]]()
    for one in segments.commit(said):
        lines.setdefault(one.segment, []).extend(one.words)
    assert all(len(join(words, language)) <= MOST[language] for words in lines.values())


@pytest.mark.parametrize("language", SAID)
def test_a_segment_without_a_mark_takes_all_the_words_that_fit(language: str) -> None:
    word = SAID[language][0]
    first, second = Segments(language).commit([word] * 50)
    assert len(join(first.words, language)) <= MOST[language] < len(join([*first.words, *second.words[:1]], language))


@pytest.mark.parametrize(
    ("language", "word", "mark", "least"),
    [("ar", "التمييز", "؟", 3), ("ar", "التمييز", "؛", 8), ("ar", "الاتفاقية", "،", 6)]
    + [("zh", "国", mark, 7) for mark in "。？！"]
    + [("zh", "国", mark, 23) for mark in "，、；"],
)
def test_marks_of_every_script_end_a_segment_once_it_is_long_enough(
    language: str, word: str, mark: str, least: int
) -> None:
    for count, placed in ((least - 1, [least]), (least, [least, 1])):
        said = [*[word] * (count - 1), word + mark, word]
        assert [len(one.words) for one in Segments(language).commit(said)] == placed


def test_a_sentence_ends_a_segment_unless_it_is_very_short() -> None:
    placed = Segments("en").commit(["Yes.", "The", "delegation", "thanks", "the", "Committee.", "It"])
    assert [len(one.words) for one in placed] == [6, 1]


def test_a_place_is_what_the_next_word_gets() -> None:
    segments = Segments("en", 7)
    assert segments.place("The") == (7, 0)
    segments.commit(["The", "delegation", "thanks", "the", "Committee."])
    assert segments.place("It") == (8, 0)


def test_the_last_segment_waits_for_the_end_of_its_utterance() -> None:
    segments = Segments("en")
    segments.commit(["The", "delegation", "thanks", "the", "Committee."])
    assert segments.time(spread(5)) == []
    assert segments.waiting
    assert [one.segment for one in segments.end_utterance()] == [0]
    assert not segments.waiting


def test_times_never_run_backwards() -> None:
    segments = Segments("en")
    segments.commit(["one", "two"])
    segments.time([(3200, 1600), (0, 800)])
    timed = segments.end_utterance()[0]
    assert timed.word_times == ((200, 200), (200, 200))


def test_punctuation_that_comes_after_its_word_is_final_is_not_written() -> None:
    assert reading([Word((1,), "."), Word((2,), " The")], "en") == ["The"]
    assert reading([Word((1,), " Pourquoi"), Word((2,), " ?")], "fr") == ["Pourquoi", "?"]


def test_chinese_is_written_by_characters_in_simplified_script() -> None:
    simple = {"謝": "谢"}
    convert = "".join
    word = Word((1, 2), "謝謝。AI")
    assert written(word, "zh", lambda said: convert(simple.get(c, c) for c in said)) == ("谢", "谢。", "AI")


@given(st.text(max_size=20))
def test_what_is_written_has_no_space_and_is_never_empty(said: str) -> None:
    for language in ("en", "zh"):
        for shown in written(Word((1,), f" {said}"), language):
            assert shown
            assert not any(unicodedata.category(c) in {"Zs", "Zl", "Zp"} for c in shown)
