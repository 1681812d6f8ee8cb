"""Search: letters match whatever their case, width or accents; the rest of the text is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from hearing.site.found import bare, mark


@pytest.mark.parametrize(
    ("text", "query", "marked"),
    [
        ("L’État partie répond", "etat PARTIE", "L’<mark>État partie</mark> répond"),
        ("احتُجزوا أكثر", "احتجزوا", "<mark>احتُجزوا</mark> أكثر"),
        ("الحـــق", "الحق", "<mark>الحـــق</mark>"),
        ("被拘留者应在", "拘留", "被<mark>拘留</mark>者应在"),
        ("ＡＢＣ ﬁne Straße", "abc fine STRASSE", "<mark>ＡＢＣ ﬁne Straße</mark>"),
        ("<b>48</b> & 48", "48", "&lt;b&gt;<mark>48</mark>&lt;/b&gt; &amp; <mark>48</mark>"),
        ("aaaa", "aa", "<mark>aa</mark><mark>aa</mark>"),
    ],
)
def test_matches_are_marked_and_all_else_is_escaped(text: str, query: str, marked: str) -> None:
    assert mark(text, query) == Markup(marked)  # noqa: S704 - the expected markup itself


@pytest.mark.parametrize("query", ["", "  ", "\u0301", "nothing"])
def test_nothing_is_marked_for_what_is_not_there(query: str) -> None:
    assert mark("some words", query) is None


@given(st.text(max_size=40), st.text(max_size=40), st.text(min_size=1, max_size=8))
def test_marking_never_changes_the_text(before: str, after: str, query: str) -> None:
    text = before + query + after
    marked = mark(text, query)
    if marked is not None:
        assert marked.striptags is not None
        plain = str(marked).replace("<mark>", "").replace("</mark>", "")
        assert Markup(plain).unescape() == text  # noqa: S704 - undone at once
        assert bare(query).strip() in bare(text)
