"""Measure the search: feed an index with synthetic speech in six languages, and ask it."""

import os
import random
import sqlite3
import time
from array import array
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import msgspec

from hearing.archive import tables
from hearing.archive.lookup import look_up
from hearing.archive.passages import Passage
from hearing.archive.tables import Feed, Stored
from hearing.archive.wanted import Wanted
from hearing.house_events import Channel, MeetingCreated
from hearing.lang import NAMES, join
from hearing.meeting import Meeting
from hearing.wal import checkpoint

_PER_PASSAGE = 25
_PER_CHANNEL = 160
_VOCABULARY = 20_000
_LETTERS = {
    "ar": ("ابتجحدرسشعفقكلمنه", "ايو"),
    "zh": ("".join(map(chr, range(0x4E00, 0x4E00 + 2500))), ""),
    "en": ("bcdfghlmnprstvw", "aeio"),
    "fr": ("bcdéfghlmnprstv", "aeio"),
    "ru": ("бвгджзклмнпрстх", "аеио"),
    "es": ("bcdfglmnñprstvj", "aeio"),
}
_ENDINGS = {
    "ar": ("", "ة", "ات", "هم"),
    "zh": ("",),
    "en": ("", "s", "ed", "ing"),
    "fr": ("e", "es", "ement", "ité"),
    "ru": ("а", "ов", "ами", "ение"),
    "es": ("o", "os", "idad", "idades"),
}


class Asked(msgspec.Struct, frozen=True):
    """One kind of query. `hits` is the median count."""

    queries: str
    p50_ms: float
    p95_ms: float
    hits: int


class SearchFigures(msgspec.Struct, frozen=True, tag_field="bench", tag="search"):
    """Words fed in passages of 25, six languages in equal parts. `index_mb` holds the text and the times too."""

    words: int
    passages: int
    build_s: float
    build_cpu_s: float
    index_mb: float
    terms_mb: float
    erase_s: float
    asked: list[Asked]
    load_average: float
    limited_by: str


def measure(folder: Path, *, words: int, queries: int) -> SearchFigures:
    """Build an index of so many words and ask it so many queries of each kind."""
    chance = random.Random(1)  # noqa: S311 - speech, not a secret
    speech = {language: Speech(language, chance) for language in NAMES}
    path = folder / "index.db"
    database = tables.connect(path)
    build_s, build_cpu_s, passages, meetings = 0.0, 0.0, 0, dict[str, Meeting]()
    while passages * _PER_PASSAGE < words:
        name = f"m{len(meetings)}"
        meetings[name] = _meeting(name, len(meetings))
        said = [one for language in NAMES for one in speech[language].passages()]
        said = said[: max(1, words // _PER_PASSAGE - passages)]
        passages += len(said)
        began, began_cpu = time.perf_counter(), time.process_time()
        database.execute("BEGIN IMMEDIATE")
        tables.feed(database, Feed(name, said, None, Stored(1, 1), len(meetings) * 86_400_000))
        database.execute("COMMIT")
        build_s += time.perf_counter() - began
        build_cpu_s += time.process_time() - began_cpu
    checkpoint(database)
    reader = tables.connect_to_read(path)
    asked = [
        _ask(reader, meetings, "one word, every language", [Wanted(s.word()) for s in _turns(speech, queries)]),
        _ask(reader, meetings, "two words, one language", [s.wanted(2) for s in _turns(speech, queries)]),
        _ask(reader, meetings, "one frequent word", [Wanted(s.frequent()) for s in _turns(speech, queries)]),
        _ask(reader, meetings, "newest first", [Wanted(s.word(), order="newest") for s in _turns(speech, queries)]),
    ]
    reader.close()
    size_mb = path.stat().st_size / 1e6
    terms_mb = sum(
        database.execute(f"SELECT sum(length(block)) FROM said_{table}_data").fetchone()[0] or 0  # noqa: S608 - a table
        for table in tables.TABLES
    )
    erase_s = _erase(database)
    database.close()
    return SearchFigures(
        words=passages * _PER_PASSAGE,
        passages=passages,
        build_s=round(build_s, 2),
        build_cpu_s=round(build_cpu_s, 2),
        index_mb=round(size_mb, 1),
        terms_mb=round(terms_mb / 1e6, 1),
        erase_s=round(erase_s, 2),
        asked=asked,
        load_average=round(os.getloadavg()[0], 2),
        limited_by="Building: Python's analyser on one thread. Asking: counting every hit of every language, so that a "
        "frequent word takes longest.",
    )


class Speech:
    """One language's made-up words, spoken as often as real ones are (Zipf)."""

    def __init__(self, language: str, chance: random.Random) -> None:
        letters, vowels = _LETTERS[language]
        self._language = language
        self._chance = chance
        self._words = [self._made(letters, vowels) for _ in range(_VOCABULARY)]
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(_VOCABULARY)))

    def passages(self) -> Iterator[Passage]:
        """Yield what is said on one channel of a meeting."""
        for number in range(_PER_CHANNEL):
            words = tuple(self._chance.choices(self._words, cum_weights=self._weights, k=_PER_PASSAGE))
            starts = array("H", range(0, 40 * _PER_PASSAGE, 40)).tobytes()
            t0 = number * 11_000
            yield Passage(self._language, self._language, f"{self._language}.{number}", t0, t0 + 10_000, words, starts)

    def word(self) -> str:
        """Return a word that somebody would look for: none of the hundred most frequent."""
        return self._chance.choice(self._words[100:5000])

    def frequent(self) -> str:
        """Return one of the ten most frequent words."""
        return self._chance.choice(self._words[:10])

    def wanted(self, count: int) -> Wanted:
        """Return a query of some words of the thousand most frequent."""
        chosen = self._chance.choices(self._words[20:1000], k=count)
        return Wanted(join(chosen, "en"), language=self._language)

    def _made(self, letters: str, vowels: str) -> str:
        pick = self._chance.choice
        size = self._chance.randint(2, 3) if vowels else 2
        stem = "".join(pick(letters) + (pick(vowels) if vowels else "") for _ in range(size))
        return stem + pick(_ENDINGS[self._language])


def _turns(speech: dict[str, Speech], queries: int) -> list[Speech]:
    return [list(speech.values())[number % len(speech)] for number in range(queries)]


def _ask(reader: sqlite3.Connection, meetings: dict[str, Meeting], name: str, queries: list[Wanted]) -> Asked:
    took: list[tuple[float, int]] = []
    for wanted in queries:
        began = time.perf_counter()
        found = look_up(reader, wanted, meetings)
        took.append(((time.perf_counter() - began) * 1000, found.total))
    took_ms = sorted(one for one, _ in took)
    hits = sorted(many for _, many in took)
    p50, p95 = (round(took_ms[len(took_ms) * part // 100], 2) for part in (50, 95))
    return Asked(name, p50, p95, hits[len(hits) // 2])


def _erase(database: sqlite3.Connection) -> float:
    """Take one passage out until none of its bytes is left."""
    gone = Passage("en", "en", "en.0", 0, 1, ())
    began = time.perf_counter()
    tables.feed(database, Feed("m0", [gone], None, None, 0))
    tables.rewrite(database)
    tables.settle(database)
    return time.perf_counter() - began


def _meeting(name: str, number: int) -> Meeting:
    channels = tuple(Channel(language, language, track) for track, language in enumerate(NAMES))
    return Meeting(
        MeetingCreated(name, f"d{number // 3}", f"Meeting {number}", "treaty-body", channels, "-", body="CCPR")
    )
