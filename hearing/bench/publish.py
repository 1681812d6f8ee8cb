"""Measure a site of files: publish synthetic meetings in six languages, and add up what a search in them fetches."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from hearing.archive import analyse, shards
from hearing.archive.finding_aid import Directory
from hearing.archive.passages import Passage
from hearing.archive.record import Channel, Release, Segment, Word
from hearing.bench.search import Speech
from hearing.house_events import Channel as Heard
from hearing.house_events import MeetingCreated
from hearing.lang import NAMES
from hearing.meeting import Meeting
from hearing.publishing.choice import Candidate
from hearing.publishing.run import Published, Wanted, make
from hearing.qa.profile import rules_of
from hearing.qa.shown import Shown
from hearing.site.copy.edition import Edition, Setting

_DAY_MS = 86_400_000
_PER_PASSAGE = 25
_ZERO_MS = 1_750_000_000_000


class Fetched(msgspec.Struct, frozen=True):
    """What searches fetch in all languages beside the directory, in kB: terms and the lists of where they stand."""

    queries: str
    p50_kb: float
    p95_kb: float


class PublishFigures(msgspec.Struct, frozen=True, tag_field="bench", tag="publish"):
    """Words in passages of 25, six languages in equal parts. `disk_mb` counts whole blocks, as the disk does.

    `again_s` publishes the same again, so that nothing is written; `texts_kb` is what ten hits fetch at the most.
    """

    words: int
    passages: int
    meetings: int
    make_s: float
    again_s: float
    files: int
    site_mb: float
    disk_mb: float
    files_by_passage: int
    disk_mb_by_passage: float
    index_mb: float
    shards: int
    shard_p50_kb: float
    directory_kb: float
    texts_kb: float
    fetched: list[Fetched]
    load_average: float
    limited_by: str


class _Spoken:
    """A source of meetings that were never held."""

    def __init__(self, words: int) -> None:
        chance = random.Random(1)  # noqa: S311 - speech, not a secret
        self.speech = {language: Speech(language, chance) for language in NAMES}
        self._editions: dict[str, Edition] = {}
        self._per_channel = max(1, words // _PER_PASSAGE // len(NAMES))
        made = 0
        while made < words:
            edition = self._edition(len(self._editions))
            self._editions[edition.id] = edition
            made += sum(len(one.words) for channel in edition.release.channels for one in channel.segments)
        self.words = made

    async def candidates(self) -> list[Candidate]:
        return [Candidate(one, "closed") for one in self._editions]

    async def edition(self, meeting: str) -> Edition:
        return self._editions[meeting]

    async def sound(self, meeting: str, channel: str) -> AsyncIterator[bytes]:
        for part in list[bytes]():
            yield part

    def _said(self, language: str) -> Iterator[Passage]:
        return islice(self.speech[language].passages(), self._per_channel)

    def _edition(self, number: int) -> Edition:
        name, title, body = f"m{number}", f"State {number // 3}, meeting {number % 3 + 1}", "Committee, 1st session"
        heard = tuple(Heard(language, language, track) for track, language in enumerate(NAMES))
        created = MeetingCreated(name, f"d{number // 3}", title, "treaty-body", heard, "-", body)
        channels = tuple(
            Channel(language, language, "interpretation", tuple(map(_segment, self._said(language))))
            for language in NAMES
        )
        zero_ms = _ZERO_MS + number * _DAY_MS
        end_t = channels[0].segments[-1].t1
        release = Release("r1", False, name, created.dialogue, title, body, zero_ms, end_t, channels)
        return Edition(Meeting(created, "closed"), release, Shown(), rules_of("treaty-body"))


def measure(folder: Path, *, words: int, queries: int) -> PublishFigures:
    """Publish so many words, and ask so many queries of each kind."""
    source = _Spoken(words)
    make_s, done = _publish(source, folder / "site", passages=True)
    again_s, _ = _publish(source, folder / "site", passages=True)
    _, lean = _publish(source, folder / "lean", passages=False)
    disk_mb, lean_mb = _disk_mb(folder / "site"), _disk_mb(folder / "lean")
    aid = next(path.parent for path in (folder / "lean/find").glob("*/index.json"))
    index = _Index(aid)
    sizes = sorted(path.stat().st_size for path in aid.glob("*/[0-9]*.bin"))
    rare = [list(source.speech.values())[n % len(NAMES)].word() for n in range(queries)]
    frequent = [list(source.speech.values())[n % len(NAMES)].frequent() for n in range(queries)]
    texts = max(path.stat().st_size for path in (folder / "lean/find/text").rglob("*.json"))
    return PublishFigures(
        words=source.words,
        passages=done.passages,
        meetings=done.meetings,
        make_s=make_s,
        again_s=again_s,
        files=lean.changes.files,
        site_mb=round(lean.changes.bytes / 1e6, 1),
        disk_mb=lean_mb,
        files_by_passage=done.changes.files,
        disk_mb_by_passage=disk_mb,
        index_mb=round(sum(path.stat().st_size for path in aid.rglob("*.bin")) / 1e6, 1),
        shards=len(sizes),
        shard_p50_kb=round(sizes[len(sizes) // 2] / 1000, 1),
        directory_kb=round((aid / "index.json").stat().st_size / 1000, 1),
        texts_kb=round(10 * texts / 1000, 1),
        fetched=[index.fetched("one word", rare), index.fetched("one frequent word", frequent)],
        load_average=round(os.getloadavg()[0], 2),
        limited_by="Making: Python fills a template and writes a file for each passage. Asking: a file of terms for "
        "each language.",
    )


class _Index:
    """The terms of a site as a browser fetches them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._directory = msgspec.json.decode((folder / "index.json").read_bytes(), type=Directory)

    def fetched(self, queries: str, words: list[str]) -> Fetched:
        """Add up, for each word, what its search fetches."""
        kb = sorted(self._bytes(word) / 1000 for word in words)
        return Fetched(queries, *(round(kb[len(kb) * part // 100], 1) for part in (50, 95)))

    def _bytes(self, word: str) -> int:
        total = 0
        for language, known in self._directory.languages.items():
            for term in analyse.terms(word, language):
                number = max(0, sum(first <= term for first in known.firsts) - 1)
                content = (self._folder / language / f"{number}.bin").read_bytes()
                total += len(content)
                for found, _, held in shards.read(content):
                    if found == term and isinstance(held, int):
                        total += (self._folder / language / f"long-{held}.bin").stat().st_size
        return total


def _publish(source: _Spoken, folder: Path, *, passages: bool) -> tuple[float, Published]:
    began = time.perf_counter()
    done = asyncio.run(make(source, folder, Wanted(Setting("https://hearing.example.org", "en", passages))))
    return round(time.perf_counter() - began, 2), done


def _disk_mb(folder: Path) -> float:
    return round(sum(path.stat().st_blocks for path in folder.rglob("*")) * 512 / 1e6, 1)


def _segment(said: Passage) -> Segment:
    words = tuple(Word(n, word) for n, word in enumerate(said.words))
    return Segment(said.segment, int(said.segment.partition(".")[2]), said.t0, said.t1, True, words, said.text)
