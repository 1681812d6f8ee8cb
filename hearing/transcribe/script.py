"""The script a language is shown in. Whisper writes some Mandarin in Traditional characters; we show Simplified."""

import functools
from collections.abc import Callable

Convert = Callable[[str], str]
"""Text in one script -> the same in the script that is shown."""

_KEPT = 4096


def shown_script(language: str) -> Convert:
    """Return how text of this language is turned into the script it is shown in."""
    return _simplified() if language.split("-", 1)[0] == "zh" else str


@functools.cache
def _simplified() -> Convert:
    from opencc import OpenCC  # noqa: PLC0415 - its dictionaries take a while: only where Chinese is heard

    convert: Convert = OpenCC("t2s").convert
    return functools.lru_cache(_KEPT)(convert)
