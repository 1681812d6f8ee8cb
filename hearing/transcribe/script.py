"""The script a language is shown in. Whisper writes some Mandarin in Traditional characters; we show Simplified."""

import functools

from hearing.transcribe.words import Convert


def shown_script(language: str) -> Convert:
    """Return how text of this language is turned into the script it is shown in."""
    return _simplified() if language.split("-", 1)[0] == "zh" else str


@functools.cache
def _simplified() -> Convert:
    from opencc import OpenCC  # noqa: PLC0415 - its dictionaries take a while: only where Chinese is heard

    convert: Convert = OpenCC("t2s").convert
    return convert
