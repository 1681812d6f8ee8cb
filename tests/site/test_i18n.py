"""The catalogues: every language says everything, with the placeholders of the message."""

import gettext
import re
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from hearing.lang import NAMES
from hearing.site import i18n, web

ROOT = Path(__file__).parents[2]
_KEYWORDS = {"t": None, "tn": (1, 2), "forms": (1, 2)}
_PLACEHOLDER = re.compile(r"\{\w+\}")
_SOURCES = (("hearing/site", "**.py", "python"), ("web/templates", "**.html", "jinja2.ext:babel_extract"))


def used() -> set[str | tuple[str, ...]]:
    """Return every message that code and templates say."""
    found = set()
    for folder, pattern, method in _SOURCES:
        for row in extract_from_dir(str(ROOT / folder), method_map=[(pattern, method)], keywords=_KEYWORDS):
            found.add(row[2])
    return found


def catalogue_of(language: str) -> Catalog:
    """Read one language's catalogue."""
    with (ROOT / "web/locale" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def strings(value: object) -> list[str]:
    """Return the forms of a message: one, or one for each plural."""
    return [str(form) for form in value] if isinstance(value, list | tuple) else [str(value or "")]


@pytest.mark.parametrize("language", NAMES)
def test_a_catalogue_holds_every_message_and_no_other(language: str) -> None:
    catalogue = catalogue_of(language)
    held = {message.id for message in catalogue if message.id}
    assert used() - held == set(), "add these to every catalogue in web/locale"
    assert held - used() == set(), "nothing says these any more"


@pytest.mark.parametrize("language", NAMES)
def test_a_translation_keeps_the_placeholders_and_has_every_form(language: str) -> None:
    catalogue = catalogue_of(language)
    for message in catalogue:
        if not message.id:
            continue
        assert not message.fuzzy
        many = isinstance(message.id, tuple)
        ids, forms = strings(message.id), strings(message.string)
        assert len(forms) == (catalogue.num_plurals if many else 1)
        wanted = set(_PLACEHOLDER.findall(ids[-1]))
        for form in forms:
            assert form
            assert set(_PLACEHOLDER.findall(form)) <= wanted, form
            assert many or set(_PLACEHOLDER.findall(form)) == wanted, form
        assert not many or set(_PLACEHOLDER.findall(forms[-1])) == wanted


@pytest.mark.parametrize("language", NAMES)
def test_the_script_gets_the_form_that_gettext_would_choose(language: str) -> None:
    words = i18n.load(web.load().folder / "locale").words(language)
    singular, plural = "Jump to live, {n} new passage", "Jump to live, {n} new passages"
    forms = words.forms(singular, plural)
    for n in range(1, 130):
        category = Locale.parse(language).plural_form(n)
        assert forms[category].format(n=n) == str(words.tn(singular, plural, n))


def test_what_is_put_into_a_message_is_escaped() -> None:
    words = i18n.Words("en", gettext.NullTranslations())
    assert words.t("Found {query}", query="<b>") == "Found &lt;b&gt;"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        ("de, ar;q=0.5, en;q=0.2", "ar"),
        ("de", "en"),
        ("", "en"),
        ("zh-Hant-TW", "zh"),
        ("*;q=x, ,;;;", "en"),
        ("ru;q=0", "en"),
    ],
)
def test_the_language_follows_what_the_browser_accepts(header: str, language: str) -> None:
    catalogues = i18n.load(web.load().folder / "locale")
    assert catalogues.choose(None, header).language == language
    assert catalogues.choose("es", header).language == "es"
    assert catalogues.choose("xx", header).language == language
