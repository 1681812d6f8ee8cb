"""What a corrected text keeps: ordinals, times and order; what was taken out stays out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.errors import Refused
from hearing.lang import TAKEN, join
from hearing.realign import Kept, Said, realign, timed

WORD_MS = 400
_WORDS = st.lists(st.sampled_from(["the", "Committee", "thanks", "Kovaleva", "Covaleva", "48", "é,"]), min_size=1)
_LETTERS = st.text(alphabet="人权委员会谢谢主席，。A4", min_size=1, max_size=20)


def said(words: list[str]) -> tuple[Said, ...]:
    return tuple(Said(n, word, n * WORD_MS, n * WORD_MS + 350) for n, word in enumerate(words))


def end_of(words: tuple[Said, ...]) -> int:
    return len(words) * WORD_MS


def texts(kept: tuple[Kept, ...]) -> list[str]:
    return [word.text for word in kept]


def test_a_misheard_name_is_replaced_in_its_own_time_and_all_others_stay() -> None:
    before = said(["Ms.", "Covaleva", "has", "the", "floor"])
    kept = realign(before, "Ms. Kovaleva has the floor", "en", 5)
    assert kept == (Kept(0, "Ms."), Kept(5, "Kovaleva"), Kept(2, "has"), Kept(3, "the"), Kept(4, "floor"))
    after = timed(before, kept, 0, 2000)
    assert after[1] == Said(5, "Kovaleva", 400, 750)
    assert [after[n] for n in (0, 2, 3, 4)] == [before[n] for n in (0, 2, 3, 4)]


def test_case_accents_and_commas_leave_a_word_what_it_was() -> None:
    before = said(["merci", "madame", "la", "presidente", "j'ai"])
    kept = realign(before, "Merci, Madame la Présidente. J’ai", "fr", 5)
    assert [word.n for word in kept] == [0, 1, 2, 3, 4]


def test_a_word_that_the_machine_missed_lies_between_its_neighbours() -> None:
    before = said(["we", "thank", "you"])
    after = timed(before, realign(before, "we do thank you all", "en", 3), 0, 1300)
    assert [(word.n, word.t0, word.t1) for word in after] == [
        (0, 0, 350),
        (3, 350, 400),
        (1, 400, 750),
        (2, 800, 1150),
        (4, 1150, 1300),
    ]


def test_a_word_of_the_machine_that_comes_back_is_the_one_it_was() -> None:
    heard = said(["thank", "you", "Chair.", "We", "go"])
    first = timed(heard, realign(heard, "thank you Chairperson. We do go", "en", 5), 0, 2000)
    assert [word.n for word in first] == [0, 1, 5, 3, 6, 4]
    again = realign(first, "thank you all, Chair. We do go", "en", 7, heard)
    assert [word.n for word in again] == [0, 1, 7, 2, 3, 6, 4]
    back = timed(first, again, 0, 2000, heard)
    assert back[3] == heard[2]
    assert (back[2].t0, back[2].t1) == (750, 800)


def test_chinese_is_matched_letter_by_letter() -> None:
    before = (Said(0, "谢谢", 0, 400), Said(1, "王", 400, 600), Said(2, "主席。", 600, 1000))
    kept = realign(before, "谢谢汪主席。", "zh", 3)
    assert kept == (Kept(0, "谢谢"), Kept(3, "汪"), Kept(2, "主席。"))
    assert timed(before, kept, 0, 1000)[1] == Said(3, "汪", 400, 600)


def test_what_was_taken_out_stays_out_wherever_it_stood() -> None:
    before = (Said(0, "", 0, 1), Said(1, "said", 1, 2), Said(2, "", 2, 3), Said(3, "", 3, 4), Said(4, "so", 4, 5))
    shown = join((word.text for word in before), "en")
    assert shown == f"{TAKEN} said {TAKEN} so"
    kept = realign(before, f"{TAKEN} told {TAKEN} so", "en", 5)
    assert kept == (Kept(0, ""), Kept(5, "told"), Kept(2, ""), Kept(3, ""), Kept(4, "so"))
    for mended in ("he said so", f"{TAKEN} said so", f"{shown} {TAKEN}"):
        with pytest.raises(Refused, match="taken out"):
            realign(before, mended, "en", 5)


@given(st.one_of(st.tuples(st.just("en"), _WORDS), st.tuples(st.just("zh"), _LETTERS.map(list))), st.data())
def test_however_often_a_text_is_edited_words_that_stay_keep_ordinal_and_time(
    first: tuple[str, list[str]], data: st.DataObject
) -> None:
    language, words = first
    now, spare = said(words), len(words)
    end = end_of(now)
    heard, ever = now, {word.n: word for word in now}
    for _ in range(data.draw(st.integers(1, 4))):
        text = data.draw(_WORDS.map(" ".join) if language == "en" else _LETTERS)
        kept = realign(now, text, language, spare, heard)
        after = timed(now, kept, 0, end, heard)
        assert "".join(word.text for word in after) == text.replace(" ", "")
        numbers = [word.n for word in after]
        assert len(set(numbers)) == len(numbers)
        known = [n for n in numbers if n < spare]
        stayed = [n for n in known if n in {word.n for word in now}]
        assert [word.n for word in now if word.n in stayed] == stayed
        assert all(n < len(heard) for n in known if n not in stayed)
        for word in after:
            assert 0 <= (word.t0 or 0) <= (word.t1 or 0) <= end
            if word.n in known:
                assert (word.t0, word.t1) == (ever[word.n].t0, ever[word.n].t1)
            else:
                assert word.n not in ever
        assert [word.t0 for word in after] == sorted(word.t0 or 0 for word in after)
        ever |= {word.n: word for word in after}
        now, spare = after, max([spare, *(n + 1 for n in numbers)])
