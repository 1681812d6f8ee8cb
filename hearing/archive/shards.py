"""The search index of a site without a server: one language's terms, with where they stand, in files of a few kB.

A browser fetches the files of the terms it is asked for, and no others. Terms are sorted by UTF-16 code units, as
JavaScript compares strings, and cut into files of about SHARD bytes; the list of each file's first term tells which to
fetch, and a range of them answers for all terms that begin alike. A list of more than APART bytes has a file of its
own, so that nobody fetches a frequent word for the sake of a rare one beside it. docs/archive.md tells the format.
"""

from collections.abc import Iterator

from hearing.archive import analyse
from hearing.archive.tables import table_of

LAYOUT = 1
"""Grows with every change of the format."""

SHARD = 4096
APART = 2048


class Terms:
    """One language's index as it grows. Passages come in the order of their numbers."""

    def __init__(self, language: str) -> None:
        self.passages = 0
        self._language = table_of(language)
        self._lists: dict[str, _List] = {}

    def add(self, passage: int, text: str) -> None:
        """Take a passage in."""
        places: dict[str, list[int]] = {}
        for place, term in enumerate(analyse.terms(text, self._language)):
            places.setdefault(term, []).append(place)
        for term, at in places.items():
            self._lists.setdefault(term, _List()).add(passage, at)
        self.passages += bool(places)

    def files(self) -> tuple[list[str], list[tuple[str, bytes]]]:
        """Return the first term of each file, and the files: `0.bin`, `1.bin`, ..., `long-0.bin`, ..."""
        firsts: list[str] = []
        shards: list[bytearray] = []
        apart: list[bytes] = []
        for term in sorted(self._lists, key=lambda one: one.encode("utf-16-be")):
            if not shards or len(shards[-1]) > SHARD:
                firsts.append(term)
                shards.append(bytearray())
            one = self._lists[term]
            _put_term(shards[-1], term, one.passages)
            if len(one.content) > APART:
                _put(shards[-1], 0)
                _put(shards[-1], len(apart))
                apart.append(bytes(one.content))
            else:
                _put(shards[-1], len(one.content))
                shards[-1] += one.content
        files = [(f"{number}.bin", bytes(shard)) for number, shard in enumerate(shards)]
        return firsts, files + [(f"long-{number}.bin", content) for number, content in enumerate(apart)]


class _List:
    """Where one term stands: per passage twice the step from the one before it, plus one where it stands there more
    than once; then the count. Places follow, each as the step from the one before."""

    __slots__ = ("content", "last", "passages")

    def __init__(self) -> None:
        self.content = bytearray()
        self.last = -1
        self.passages = 0

    def add(self, passage: int, places: list[int]) -> None:
        """Take in the places of a term in a passage."""
        content, many = self.content, len(places) > 1
        _put(content, (passage - self.last) * 2 + many)
        if many:
            _put(content, len(places))
        before = 0
        for place in places:
            _put(content, place - before)
            before = place
        self.last = passage
        self.passages += 1


def read(content: bytes) -> Iterator[tuple[str, int, bytes | int]]:
    """Yield the terms of a file: each with how many passages have it, and its list or the number of the list's file."""
    at = 0
    while at < len(content):
        size, at = _take(content, at)
        term, at = content[at : at + size].decode(), at + size
        passages, at = _take(content, at)
        length, at = _take(content, at)
        if length:
            yield term, passages, content[at : at + length]
            at += length
        else:
            number, at = _take(content, at)
            yield term, passages, number


def places(content: bytes) -> Iterator[tuple[int, list[int]]]:
    """Yield the passages of a list, each with the places of the term."""
    at, passage = 0, -1
    while at < len(content):
        step, at = _take(content, at)
        passage += step >> 1
        count, at = _take(content, at) if step & 1 else (1, at)
        found, place = [], 0
        for _ in range(count):
            step, at = _take(content, at)
            place += step
            found.append(place)
        yield passage, found


def _put_term(shard: bytearray, term: str, passages: int) -> None:
    written = term.encode()
    _put(shard, len(written))
    shard += written
    _put(shard, passages)


def _put(content: bytearray, number: int) -> None:
    """Write a number in base 128, its low digits first; a byte above 127 says that more follow."""
    while number > 127:
        content.append(number & 127 | 128)
        number >>= 7
    content.append(number)


def _take(content: bytes, at: int) -> tuple[int, int]:
    number, shift = 0, 0
    while content[at] > 127:
        number |= (content[at] & 127) << shift
        shift, at = shift + 7, at + 1
    return number | content[at] << shift, at + 1
