"""The analyser and the queries: shared vectors, and what holds for any text."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.archive import query, tables
from hearing.archive.analyse import MAX_TEXT, is_ideographic, terms, tokens
from hearing.archive.excerpt import MAX_EXCERPT, around
from hearing.archive.passages import Passage
from hearing.archive.tables import Feed

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text("utf-8"))
LANGUAGES = st.sampled_from(tables.TABLES)
SOME = (
    "The State party’s 48 hours l’État n'a QU’IL libertades адвоката Ёлка المحامون والأسرة ٤٨ 人权委员会 人 权 48小时 "
    "CCPR/C/ARL/3 ﬁgures naïve_test — “ ” \" ' * NEAR OR ﷺ ½ \u202e \u0301 豈 œuvre"
)
WORDS = st.sampled_from(SOME.split())
TEXTS = st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=60)


@pytest.mark.parametrize("vector", VECTORS["tokens"], ids=lambda one: f"{one['language']}:{one['text'][:20]}")
def test_a_text_gives_the_shared_tokens(vector: dict[str, Any]) -> None:
    assert [list(token) for token in tokens(vector["text"], vector["language"])] == vector["tokens"]


@pytest.mark.parametrize("vector", VECTORS["queries"], ids=lambda one: f"{one['language']}:{one['query'][:20]}")
def test_a_query_gives_the_shared_phrases(vector: dict[str, Any]) -> None:
    phrases = query.parse(vector["query"], vector["language"])
    assert [{"said": one.said, "terms": list(one.terms), "open": one.open} for one in phrases] == vector["phrases"]


@given(TEXTS, LANGUAGES)
def test_tokens_are_letters_and_digits_at_places_of_the_text(text: str, language: str) -> None:
    last = 0
    for term, start, end in tokens(text, language):
        assert term.isalnum() or is_ideographic(term)  # Python may be older than an ideograph
        assert term == term.lower()
        assert last <= start < end <= len(text)
        last = start


@given(TEXTS, TEXTS, LANGUAGES)
def test_the_index_finds_exactly_what_is_marked(text: str, wanted: str, language: str) -> None:
    phrases = query.parse(wanted, language)
    if not phrases:
        return
    database = sqlite3.connect(":memory:")
    database.executescript(tables.SCHEMA)
    channel = "pt" if language == tables.OTHER else language
    words = tuple(text.split()) or ("-",)
    passage = Passage(channel, channel, f"{channel}.0", 0, 1, words)
    tables.feed(database, Feed("m", [passage], None, None, 0))
    rows = database.execute(tables.COUNTED.format(language), (query.expression(phrases),)).fetchall()
    each = [query.marks(passage.text, language, [phrase]) for phrase in phrases]
    assert bool(rows) == all(each)
    database.close()


@given(TEXTS, TEXTS, LANGUAGES)
def test_marks_stand_apart_and_in_order(text: str, wanted: str, language: str) -> None:
    last = -1
    for start, end in query.marks(text, language, query.parse(wanted, language)):
        assert last < start < end <= len(text)
        last = end


@given(TEXTS, st.integers(0, 60), st.integers(1, 40))
def test_an_excerpt_holds_what_was_found_and_has_a_bound(text: str, start: int, size: int) -> None:
    text += "x" * (start + size)
    span = (start, start + size)
    part = around(text, [span])
    assert part.start <= span[0] < span[1] <= part.end
    assert part.end - part.start <= MAX_EXCERPT


@pytest.mark.parametrize(
    ("text", "found", "sentence"),
    [
        ("Thank you, Ms. Pak. I turn to art. 9. It says 48 hours.", "art", "I turn to art. 9. "),
        ("第一句。第二句有人权！第三句。", "人权", "第二句有人权！"),
        ("هل هذا صحيح؟ نعم، صحيح تماما. شكرا.", "نعم", "نعم، صحيح تماما. "),
        ("Он сказал: да. Потом ушёл.", "ушёл", "Потом ушёл."),
        ("no end and no stop", "end", "no end and no stop"),
    ],
)
def test_the_sentence_around_is_chosen(text: str, found: str, sentence: str) -> None:
    at = text.index(found)
    part = around(text, [(at, at + len(found))])
    assert text[part.start : part.end] == sentence


def test_a_long_sentence_is_cut_at_words_on_both_sides() -> None:
    text = "word " * 200 + "lawyer " + "more " * 200
    at = text.index("lawyer")
    part = around(text, [(at, at + 6)])
    assert (part.cut_before, part.cut_after) == (True, True)
    assert text[part.start : part.end].startswith("word ")
    assert text[part.start : part.end].endswith(" more")


def test_inputs_have_a_bound() -> None:
    assert len(terms("a " * MAX_TEXT, "en")) == MAX_TEXT // 2
    assert len(query.parse("a b c d e f g h i j k l m n o p q r", "en")) == query.MAX_PHRASES
    assert query.parse("x" * 1000, "en")[0].said == "x" * query.MAX_QUERY
