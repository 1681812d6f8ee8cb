"""A captioner's lines: which count, what they become, and when they were said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing import transcript
from hearing.errors import Refused
from hearing.events import SegmentClosed, SegmentKept, WordsCommitted
from hearing.house_events import Channel
from hearing.transcribe import typed
from hearing.transcribe.typed import Counts, Hand, Line
from hearing.transcript import Spoken

TEXTS = st.text(st.sampled_from("ab .\n,é"), max_size=40)


def posted(seq: int, text: str, *, source: str = "cart", ends: bool = False) -> Line:
    """Return a line as software posts it."""
    return Line(text, source, seq, ends=ends)


# --- numbers ----------------------------------------------------------------------------------------------------------


def taken(counts: Counts, seq: int, text: str) -> bool:
    """Tell whether a numbered line counts, and count it."""
    found = counts.name(posted(seq, text))
    if found is not None:
        counts.take(found)
    return found is not None


def test_a_number_counts_once_whatever_the_order() -> None:
    counts = Counts()
    found = [taken(counts, seq, f"line {seq}") for seq in (1, 3, 2, 3, 1, 2, 4)]
    assert found == [True, True, True, False, False, False, True]
    assert counts.last("cart") == 4
    assert counts.last("another") == 0


def test_a_number_that_was_used_for_another_text_is_refused() -> None:
    counts = Counts()
    for seq in range(1, 6):
        taken(counts, seq, f"line {seq}")
    with pytest.raises(Refused, match="Number 4 was used"):
        counts.name(posted(4, "something else"))


@pytest.mark.parametrize("first", [0, 1])
def test_software_that_was_started_anew_counts_from_its_beginning(first: int) -> None:
    counts = Counts()
    for seq in range(first, 40):
        assert taken(counts, seq, f"before {seq}")
    for seq in range(first, 10):
        assert taken(counts, seq, f"after {seq}")
        assert not taken(counts, seq, f"after {seq}")
    assert counts.last("cart") == 9


def test_software_that_was_started_anew_may_begin_with_the_same_words() -> None:
    counts = Counts()
    for seq, text in enumerate(("Testing.", "One.", "Two."), 1):
        assert taken(counts, seq, text)
    assert not taken(counts, 1, "Testing.")
    assert not taken(counts, 2, "One.")
    assert taken(counts, 3, "Good morning.")
    assert counts.last("cart") == 3


@pytest.mark.parametrize("text", ["Neverspoken.", "something else"])
def test_whatever_comes_under_the_number_of_a_redacted_line_was_taken_before(text: str) -> None:
    counts = Counts()
    counts.know(SegmentKept("r", "privacy", "en", "en.0", ("", ""), 16, entries=("cart:0:1:", "cart:0:2:", "p:0123")))
    assert counts.last("cart") == 2
    assert counts.name(posted(2, text)) is None
    assert counts.name(Line(text, name="p:0123")) is None
    assert counts.name(posted(3, text)) is not None


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["a", "b"])), max_size=40))
def test_a_line_that_was_taken_is_known_from_its_name_alone(lines: list[tuple[int, str]]) -> None:
    counts, names = Counts(), []
    for seq, text in lines:
        try:
            found = counts.name(posted(seq, text))
        except Refused:
            continue
        if found is not None:
            counts.take(found)
            names.append(found)
            assert counts.name(posted(seq, text)) is None
    again = Counts()
    for found in names:
        again.take(found)
    assert again.last("cart") == counts.last("cart")
    assert len(set(names)) == len(names)


# --- words and times --------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(TEXTS, st.integers(0, 5000), st.booleans()), max_size=20), st.sampled_from(["en", "zh"]))
def test_times_never_run_back_and_every_word_stands_once(lines: list[tuple[str, int, bool]], language: str) -> None:
    hand, folded, now_t = Hand(), transcript.Transcript(), 0
    expected: list[str] = []
    spoken = folded.channels.setdefault("x", Spoken())
    for n, (text, later, ends) in enumerate(lines):
        now_t += later
        got = typed.written(hand, Line(text, ends=ends), str(n), ("x", language), spoken, now_t=now_t)
        hand.segment, hand.times = got.segment, got.times
        expected += typed.words_of(text, language)
        for fact in got.facts:
            transcript.apply(folded, fact)
    for fact in typed.closed(hand, "x", spoken).facts:
        transcript.apply(folded, fact)
    assert [word for segment in spoken.segments for word in segment.words] == expected
    edges = [edge for segment in spoken.segments for pair in segment.times or () for edge in pair]
    assert edges == sorted(edges)
    assert all(edge <= now_t for edge in edges)
    assert all(len(segment.times or ()) == len(segment.words) and segment.closed for segment in spoken.segments)


def test_a_line_is_given_the_time_before_it_was_typed() -> None:
    got = typed.written(Hand(), Line("Good morning, all.\n"), "n", ("en", "en"), Spoken(), now_t=20_000)
    closed = got.facts[-1]
    assert isinstance(closed, SegmentClosed)
    assert closed.t1 == 17_000
    assert 15_000 < closed.t0 < 17_000


def test_a_line_of_who_hears_late_is_given_the_time_that_they_heard() -> None:
    got = typed.written(Hand(), Line("Good.", lag_ms=11_000), "n", ("en", "en"), Spoken(), now_t=20_000)
    assert got.facts[0].through_sample == 6_000 * 16  # type: ignore[union-attr]


SEVERAL = Channel("floor", "fr", 0, "floor", ("en", "fr", "zh-Hans"))


@pytest.mark.parametrize(
    ("said", "found"),
    [("en", "en"), ("EN-us", "en"), ("fr_CH", "fr"), ("zh-CN", "zh-Hans"), ("zh-hans", "zh-Hans"), ("", "fr")],
)
def test_a_line_is_in_the_language_that_it_says(said: str, found: str) -> None:
    assert typed.language_of(Line("x", language=said), SEVERAL, Spoken()) == found


@pytest.mark.parametrize("said", ["es", "e", "english", "-", "x" * 5000])
def test_a_language_that_is_not_the_floors_is_refused_with_those_that_are(said: str) -> None:
    with pytest.raises(Refused) as told:
        typed.language_of(Line("x", language=said), SEVERAL, Spoken())
    assert str(told.value) == "This channel is in en, fr, zh-Hans: set your captions to one of these languages."


def test_a_line_that_says_no_language_is_in_the_last_that_was_spoken() -> None:
    folded = transcript.Transcript()
    transcript.apply(folded, WordsCommitted("floor", "floor.0", 0, ("Yes.",), 16, language="en"))
    assert typed.language_of(Line("x"), SEVERAL, folded.channel("floor")) == "en"


def test_a_channel_of_one_language_does_not_ask_for_it() -> None:
    assert typed.language_of(Line("x", language="en-US"), Channel("fr", "fr", 1), Spoken()) == ""


def test_no_character_that_cannot_be_shown_becomes_a_word() -> None:
    assert typed.words_of("a\u0007b \u202eleft […] " + "x" * 250, "en") == (
        "a",
        "b",
        "left",
        "...",
        "x" * 100,
        "x" * 100,
        "x" * 50,
    )
    assert typed.words_of("你好，世界。", "zh") == ("你", "好，", "世", "界。")
