"""What a corrected text keeps of the text before it: which words are the same ones, and when the new ones were said.

A word keeps its ordinal, and so its address, for as long as it stands in the text, be it with another case, accent or
comma. A new word takes an ordinal that none ever had. Pure.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

import msgspec

from hearing.errors import Refused
from hearing.lang import TAKEN, spaced

# A word of a script that sets none apart: letters and digits of other scripts hold together, signs follow a letter.
_PIECE = re.compile(r"[A-Za-z0-9À-ɏ]+[^\w\s]*|\S[^\w\s]*")


class Said(msgspec.Struct, frozen=True):
    """A word as it is read. `n` is its ordinal in its segment, for good. Without text: it was taken out."""

    n: int
    text: str
    t0: int | None = None
    t1: int | None = None


class Kept(msgspec.Struct, frozen=True):
    """A word of a corrected text, before it has times."""

    n: int
    text: str


def realign(
    before: Sequence[Said], text: str, language: str, spare: int, heard: Sequence[Said] = ()
) -> tuple[Kept, ...]:
    """Cut a text into words, each with its ordinal: the one it had `before`, or a new one from `spare` on.

    A word of the machine's text, `heard`, that comes back to its place is the one it was. Where words were taken out
    of the record, `[…]` stands in the text, and stays. Raises Refused where it does not.
    """
    kept: list[Kept] = []
    parts, given = _parts(before), text.split(TAKEN)
    if len(given) != len(parts):
        raise Refused(f"{TAKEN} stands where words were taken out of the record. Leave each where it is, and add none.")
    new = spare
    for (said, taken), part in zip(parts, given, strict=True):
        words = list(_aligned(said, part, language, new))
        new = max([new, *(word.n + 1 for word in words)])
        kept += [*words, *(Kept(word.n, "") for word in taken)]
    return _renumbered(_restored(kept, heard, spare), spare)


def timed(
    before: Sequence[Said], words: Iterable[Kept], t0: int, t1: int, heard: Sequence[Said] = ()
) -> tuple[Said, ...]:
    """Give each word its time: the one it had, or its share of the time of what it replaces.

    A word put between two that stayed gets what lies between them, however short; t0 and t1 are the segment's.
    """
    places = {word.n: at for at, word in enumerate(before)}
    known = {word.n: word for word in (*heard, *before)}
    made: list[Said] = []
    run: list[Kept] = []
    last: Said | None = None
    for word in words:
        if word.n not in known:
            run.append(word)
            continue
        here = known[word.n]
        made += _spread(run, *_room(before, places, last, here, (t0, t1)))
        made.append(Said(word.n, word.text, here.t0, here.t1))
        run, last = [], here
    return (*made, *_spread(run, *_room(before, places, last, None, (t0, t1))))


@lru_cache(1 << 14)
def folded(text: str) -> str:
    """Return what makes two spellings one word: letters and digits, without case and accents."""
    parted = unicodedata.normalize("NFKD", text).casefold()
    return "".join(one for one in parted if one.isalnum()) or text


def _parts(before: Sequence[Said]) -> list[tuple[list[Said], list[Said]]]:
    """Part the words where some were taken out: (those before, those taken), and the rest with none."""
    parts: list[tuple[list[Said], list[Said]]] = [([], [])]
    for word in before:
        if not word.text:
            parts[-1][1].append(word)
        elif parts[-1][1]:
            parts.append(([word], []))
        else:
            parts[-1][0].append(word)
    return [*parts, ([], [])] if parts[-1][1] else parts


def _aligned(before: Sequence[Said], text: str, language: str, spare: int) -> Iterator[Kept]:
    if spaced(language):
        yield from _by_words(before, text.split(), spare)
    else:
        yield from _by_letters(before, "".join(text.split()), spare)


def _by_words(before: Sequence[Said], words: Sequence[str], spare: int) -> Iterator[Kept]:
    same = _matching([one.text for one in before], words)
    for at, word in enumerate(words):
        if at in same:
            yield Kept(before[same[at]].n, word)
        else:
            yield Kept(spare, word)
            spare += 1


def _by_letters(before: Sequence[Said], text: str, spare: int) -> Iterator[Kept]:
    """Match letter by letter: a word stays where all its letters do, and what stands between is cut anew."""
    old = "".join(one.text for one in before)
    blocks = SequenceMatcher(None, old, text, False).get_matching_blocks()
    end, start = 0, 0
    for word in before:
        at = next((b + start - a for a, b, size in blocks if a <= start and start + len(word.text) <= a + size), None)
        start += len(word.text)
        if at is None:
            continue
        for piece in _PIECE.findall(text[end:at]):
            yield Kept(spare, piece)
            spare += 1
        end = at + len(word.text)
        yield Kept(word.n, word.text)
    for piece in _PIECE.findall(text[end:]):
        yield Kept(spare, piece)
        spare += 1


def _restored(kept: Iterable[Kept], heard: Sequence[Said], spare: int) -> list[Kept]:
    """Give new words that stand where the machine heard the same ones the ordinals of those."""
    made: list[Kept] = []
    run: list[Kept] = []
    left = -1
    for word in kept:
        if word.n >= spare:
            run.append(word)
            continue
        made += [*_same(run, _between(heard, left, word.n)), word]
        run, left = [], word.n
    return [*made, *_same(run, _between(heard, left, None))]


def _between(heard: Sequence[Said], left: int, right: int | None) -> Sequence[Said]:
    """Return what the machine heard between two words; nothing beside one that an earlier correction brought."""
    if left >= len(heard) or (right is not None and right >= len(heard)):
        return ()
    return heard[left + 1 : right]


def _same(run: Sequence[Kept], gone: Sequence[Said]) -> list[Kept]:
    if not run or not gone:
        return list(run)
    same = _matching([one.text for one in gone], [one.text for one in run])
    return [Kept(gone[same[at]].n, word.text) if at in same else word for at, word in enumerate(run)]


def _matching(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return which of the new words are which of the old ones, by their places."""
    matcher = SequenceMatcher(None, [folded(one) for one in old], [folded(one) for one in new], False)
    return {there + n: here + n for here, there, size in matcher.get_matching_blocks() for n in range(size)}


def _renumbered(kept: Iterable[Kept], spare: int) -> tuple[Kept, ...]:
    """Leave no ordinal out between the new ones."""
    new = itertools.count(spare)
    return tuple(Kept(next(new), word.text) if word.n >= spare else word for word in kept)


def _spread(run: Sequence[Kept], start: int, end: int) -> Iterator[Said]:
    """Share a time among words by their length."""
    total = max(1, sum(len(word.text) for word in run))
    passed = 0
    for word in run:
        t0 = start + (end - start) * passed // total
        passed += len(word.text)
        yield Said(word.n, word.text, t0, start + (end - start) * passed // total)


def _room(
    before: Sequence[Said],
    places: Mapping[int, int],
    left: Said | None,
    right: Said | None,
    bounds: tuple[int, int],
) -> tuple[int, int]:
    """Return the time of what was taken away between two words; where nothing was, what lies between them."""
    first = -1 if left is None else places.get(left.n)
    last = len(before) if right is None else places.get(right.n)
    gone = [] if first is None or last is None else before[first + 1 : last]
    starts = [word.t0 for word in gone if word.t0 is not None]
    ends = [word.t1 for word in gone if word.t1 is not None]
    if starts and ends:
        return starts[0], max(starts[0], ends[-1])
    start = bounds[0] if left is None or left.t1 is None else left.t1
    end = bounds[1] if right is None or right.t0 is None else right.t0
    return start, max(start, end)
