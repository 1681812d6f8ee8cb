"""The analyser, the queries and the excerpts of the browser give what those of the server give."""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hearing.archive import analyse, excerpt, query
from hearing.lang import NAMES
from tests.archive.test_analyse import SOME, VECTORS
from tests.archive.test_recall import QUERIES, TEXTS, articles
from tests.needs import program
from tests.site.serving import HOSTILE, SPEECH

ROOT = Path(__file__).parents[2]
LETTERS = {
    "en": "abcdefghijklmnopqrstuvwxyz",
    "fr": "abcdefghijklmnopqrstuvwxyzéèàçüï",
    "es": "abcdefghijklmnopqrstuvwxyzáéíóúñü",
    "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
}
ENDINGS = json.loads(Path(__file__).with_name("endings.json").read_text("utf-8"))


class Browser:
    """Asks the modules that a browser loads."""

    def __init__(self, folder: Path) -> None:
        (folder / "package.json").write_text('{"type": "module"}')
        (folder / "find").symlink_to(ROOT / "web/src/find")
        (folder / "parity.mjs").write_bytes(Path(__file__).with_name("parity.mjs").read_bytes())
        program("node")
        command = ["node", "--preserve-symlinks", str(folder / "parity.mjs")]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what: str, **asked: object) -> Any:  # noqa: ANN401 - JSON
        """Ask one thing."""
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.write(json.dumps({"what": what, **asked}) + "\n")
        self._child.stdin.flush()
        return json.loads(self._child.stdout.readline())

    def leave(self) -> None:
        """End the child."""
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait(10)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("parity"))
    yield made
    made.leave()


def test_they_name_the_same_version(browser: Browser) -> None:
    assert browser.ask("version") == analyse.VERSION


def test_the_shared_vectors_hold(browser: Browser) -> None:
    for one in VECTORS["tokens"]:
        assert browser.ask("tokens", text=one["text"], language=one["language"]) == one["tokens"], one["text"]
    for one in VECTORS["queries"]:
        assert browser.ask("parse", text=one["query"], language=one["language"]) == one["phrases"], one["query"]


@pytest.mark.parametrize("language", LETTERS)
def test_words_made_of_every_ending_have_the_same_terms(language: str, browser: Browser) -> None:
    chance = random.Random(7)
    endings = ENDINGS[language]
    made = []
    for _ in range(12_000):
        begin = "".join(chance.choices(LETTERS[language], k=chance.randint(0, 4)))
        made.append(begin + "".join(chance.choices(endings, k=chance.randint(0, 3))))
    _same(browser, made, language)


@pytest.mark.parametrize("language", [*NAMES, "other"])
def test_the_words_of_real_texts_have_the_same_terms(language: str, browser: Browser) -> None:
    texts = [text for spoken in NAMES for text in _texts(spoken)]
    _same(browser, sorted({word for text in texts for word in text.split()}), language)


@pytest.mark.parametrize("language", NAMES)
def test_texts_are_cut_marked_and_excerpted_the_same(language: str, browser: Browser) -> None:
    asked = [text for text, _ in QUERIES[language]] + ["“48 hours” лет 人", "a"]
    said = [" ".join(_texts(language)[at : at + 3]) for at in range(0, 12, 3)]
    for text in [*said, *SPEECH.get(language, ()), SOME, HOSTILE, "A 𠮷𠮷 b. 豈 c. Mr. X of No. 5. Yes? no! 好。好"]:
        tokens = [list(one) for one in analyse.tokens(text, language)]
        assert browser.ask("tokens", text=text, language=language) == tokens
        for wanted in asked:
            marks = query.marks(text, language, query.parse(wanted, language))
            assert browser.ask("marks", text=text, query=wanted, language=language) == [list(one) for one in marks]
            part = excerpt.around(text, marks)
            expected = [part.start, part.end, part.cut_before, part.cut_after]
            assert browser.ask("excerpt", text=text, query=wanted, language=language) == expected, (text, wanted)


def test_every_letter_that_python_knows_is_a_letter_in_the_browser(browser: Browser) -> None:
    letters = [chr(point) for point in range(0x110000) if chr(point).isalnum()]
    for start in range(0, len(letters), 500):
        text = " ".join(letters[start : start + 500])
        ours = [list(one) for one in analyse.tokens(text, "other")]
        assert browser.ask("tokens", text=text, language="other") == ours


def _texts(language: str) -> list[str]:
    """Return real text: of the Declaration where it is at hand, else what the tests say."""
    if TEXTS.is_dir():
        return [text for _, text in articles(language)]
    return list(SPEECH.get(language, SOME.split()))


def _same(browser: Browser, words: list[str], language: str) -> None:
    made = browser.ask("terms", words=words, language=language)
    ours = [analyse.term_of(word, language) for word in words]
    assert [one for one in zip(words, made, ours, strict=True) if one[1] != one[2]] == []
