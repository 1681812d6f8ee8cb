"""Languages: their own names, their direction, and how their words are joined into text."""

from collections.abc import Iterable

NAMES = {
    "ar": "العربية",
    "zh": "中文",
    "en": "English",
    "fr": "Français",
    "ru": "Русский",
    "es": "Español",
}
"""The six official languages, in the order the pages list them, each in its own name."""

FLOOR = ("en", "fr", "es", "ru", "zh", "ar")
"""What may be spoken on the floor, where nothing else is said; the first is taken until another is heard."""

SAME_LETTERS = str.maketrans("أإآٱىةؤئ٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹ё", "اااايهوي01234567890123456789е", "ـ")
"""Letters and digits that are written now this way, now that: Arabic's hamza, alef, ya, ta marbuta; Russian's yo."""

TAKEN = "[…]"
"""What stands in a text where words were taken out of the record."""

_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
_UNSPACED = frozenset({"zh", "ja", "yue", "th", "lo", "my", "km"})


def name(language: str) -> str:
    """Return the language's name in itself, or its code where we do not know it."""
    return NAMES.get(language, language)


def direction(language: str) -> str:
    """Return `rtl` or `ltr`."""
    return "rtl" if language.split("-", 1)[0] in _RIGHT_TO_LEFT else "ltr"


def spaced(language: str) -> bool:
    """Tell whether words of this language are set apart by spaces."""
    return language.split("-", 1)[0] not in _UNSPACED


def join(words: Iterable[str], language: str) -> str:
    """Set words as text: with spaces between them where the language has them.

    Empty words were taken out of the record: a mark stands for as many as follow each other.
    """
    said = tuple(words)
    if "" in said:
        said = tuple(word or TAKEN for n, word in enumerate(said) if word or not n or said[n - 1])
    return (" " if spaced(language) else "").join(said)
