"""How long nobody must speak for the record to say so, and what it says where a part of that is taken out. Pure."""

from collections.abc import Iterable, Iterator

QUIET_MS = 20_000
"""So much was heard without a word, and it is said that nobody is heard to speak: music, applause or a pause."""

Span = tuple[int, int]
"""From when to when, in ms."""


def without(span: Span, taken: Iterable[Span], least: int = QUIET_MS) -> Iterator[Span]:
    """Yield what is left of a stretch without others, in order, where that is as long as the `least` to be said."""
    begin, end = span
    for t0, t1 in sorted(taken):
        if min(end, t0) - begin >= least:
            yield begin, min(end, t0)
        begin = max(begin, t1)
    if end - begin >= least:
        yield begin, end
