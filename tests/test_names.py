"""The list of who may speak: lines to names and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.lang import NAMES
from hearing.names import MOST, MOST_LETTERS, SIDES, Name, Unreadable, checked, line, parse, write
from hearing.site import exporting
from hearing.site.deskwords import SIDES as SAID

words = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=30)


def test_a_line_is_a_name_a_title_and_a_side_of_which_the_last_two_may_be_left_out() -> None:
    rows = (
        "Maria Rossi; Head of delegation; delegation\n",
        "  Awa  Diallo ;; COMMITTEE\r",
        "مريم السالم؛ رئيسة الوفد",
        "王小明；；",
    )
    text = "\n".join(rows)
    assert parse(text) == (
        Name("Maria Rossi", "Head of delegation", "delegation"),
        Name("Awa Diallo", "", "committee"),
        Name("مريم السالم", "رئيسة الوفد"),
        Name("王小明"),
    )


@given(st.lists(st.tuples(words, words, st.sampled_from(SIDES)), max_size=8))
def test_what_is_written_is_read_back(rows: list[tuple[str, str, str]]) -> None:
    try:
        listed = parse("\n".join("; ".join(row) for row in rows))
    except Unreadable:
        return
    assert parse(write(listed)) == listed
    assert checked(listed) == listed
    assert all(one.name.strip() == one.name and "\u202e" not in one.name + one.title for one in listed)


@pytest.mark.parametrize("language", NAMES)
def test_the_sides_can_be_written_in_the_language_of_the_page(language: str) -> None:
    page = exporting.catalogues().words(language)
    said = {side: page.plain(word) for side, word in SAID.items()}
    called = {word.casefold(): side for side, word in said.items()}
    assert len(called) == len(SIDES)
    for side in SIDES:
        one = Name("Maria Rossi", "", side)
        assert parse(line(one, said), called) == parse(line(one), called) == (one,)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Rossi\n; Head", 2),
        ("a; b; delegation; more", 1),
        ("Rossi; Head; nowhere", 1),
        ("x" * (MOST_LETTERS + 1), 1),
        ("\n\nRossi; " + "x" * (MOST_LETTERS + 1), 3),
        ("Rossi; Head\nRossi;  Head ;", 0),
        ("\n".join(f"Rossi {n}" for n in range(MOST + 1)), 0),
    ],
)
def test_what_cannot_be_read_names_its_line(text: str, number: int) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(text)
    assert refused.value.number == number


def test_a_name_does_not_turn_the_line_it_stands_in() -> None:
    assert parse("\u202eevil\u202c; \u2066x\u0007") == (Name("evil", "x"),)


@pytest.mark.parametrize("name", ["", " ", "Rossi; Head", "Rossi؛"])
def test_a_name_that_no_line_can_hold_is_refused(name: str) -> None:
    with pytest.raises(Unreadable):
        checked([Name(name)])
