"""The words of the pages in six languages: gettext catalogues, read once at start.

`t` and `tn` are named so that Babel's extractor finds their calls; the message is the English text itself.
"""

import gettext
import io
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup, escape

from hearing.errors import Unavailable
from hearing.lang import NAMES, direction

DEFAULT = "en"
_SAMPLES = (*range(201), 1000, 1_000_000)
_MAX_HEADER = 512
_LOCALES = {"en": "en_GB"}  # the day before the month, as the United Nations writes it


class Words:
    """One language's words. Placeholders stand in braces: `{time}`; what is put there is escaped, unless Markup."""

    def __init__(self, language: str, translations: gettext.NullTranslations) -> None:
        self.language = language
        self.direction = direction(language)
        self.locale = Locale.parse(_LOCALES.get(language, language))
        self._translations = translations

    def t(self, message: str, **values: object) -> Markup:
        """Say it in this language."""
        return escape(self._translations.gettext(message)).format(**values)

    def tn(self, singular: str, plural: str, n: int, **values: object) -> Markup:
        """Say it in the form that the number asks for; `{n}` is the number."""
        return escape(self._translations.ngettext(singular, plural, n)).format(n=n, **values)

    def plain(self, message: str) -> str:
        """Return the translated message with its placeholders, for the page's script."""
        return self._translations.gettext(message)

    def forms(self, singular: str, plural: str) -> dict[str, str]:
        """Return every plural form by its CLDR category (Intl.PluralRules), for the page's script."""
        forms: dict[str, str] = {}
        for n in _SAMPLES:
            forms.setdefault(self.locale.plural_form(n), self._translations.ngettext(singular, plural, n))
        forms.setdefault("other", self._translations.ngettext(singular, plural, 100))
        return forms


class Catalogues:
    """Every language's words."""

    def __init__(self, words: Mapping[str, Words]) -> None:
        self._words = words
        self.accepted = lru_cache(maxsize=256)(self._accepted)

    def words(self, language: str) -> Words:
        """Return one language's words, English ones where we do not have it."""
        return self._words.get(language) or self._words[DEFAULT]

    def choose(self, asked: str | None, accept_language: str) -> Words:
        """Choose by the address, else by what the browser accepts (RFC 9110, 12.5.4)."""
        if asked and asked in self._words:
            return self._words[asked]
        return self.words(self.accepted(accept_language[:_MAX_HEADER]))

    def _accepted(self, header: str) -> str:
        best, best_weight = DEFAULT, 0.0
        for part in header.split(","):
            tag, _, weight = part.partition(";")
            language = tag.strip().lower().split("-", 1)[0]
            value = _weight(weight)
            if language in self._words and value > best_weight:
                best, best_weight = language, value
        return best


def english() -> Words:
    """Return the words as they stand in the code, where no catalogue is at hand."""
    return Words(DEFAULT, gettext.NullTranslations())


def load(folder: Path) -> Catalogues:
    """Read `{language}.po` for each of the six. Raises Unavailable where one is missing."""
    return Catalogues({language: Words(language, _read(folder / f"{language}.po")) for language in NAMES})


def _read(path: Path) -> gettext.GNUTranslations:
    try:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=path.stem, abort_invalid=True)
    except FileNotFoundError as error:
        raise Unavailable(f"The words of the pages are missing: {path.name}. Install hearing again.") from error
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
