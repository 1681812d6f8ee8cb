"""Measure this machine: `hearing bench NAME`. Files are made in the current folder, so that its disk is measured."""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec

from hearing.bench.desk import DeskFigures, measure
from hearing.bench.publish import PublishFigures
from hearing.bench.publish import measure as measure_publish
from hearing.bench.search import SearchFigures
from hearing.bench.search import measure as measure_search
from hearing.bench.shape import ShapeFigures
from hearing.bench.transcribe import Spoken, TranscribeFigures
from hearing.bench.transcribe import measure as measure_transcribe
from hearing.errors import Refused
from hearing.events import WordsCommitted, encode
from hearing.log.base import Log, Reading
from hearing.log.memory import MemoryLog
from hearing.log.sqlite import SqliteLog
from hearing.log.window import Windows

STREAM = "bench"
_WORDS = ("the", "committee", "thanks", "the", "delegation", "for", "its", "report")
_BODY = encode(WordsCommitted(channel="en", segment="en.12", first_word=3, words=_WORDS, through_sample=1_600_000))


class Size(msgspec.Struct, frozen=True):
    """How much to do."""

    seconds: float = 2.0
    producers: tuple[int, ...] = (1, 70)
    flushes: int = 100
    readers: int = 1000
    events: int = 40
    alone_events: int = 10
    clients: int = 6
    items: int = 300
    published: int = 60
    words: int = 6_000_000
    queries: int = 200
    published_words: int = 600_000
    spoken: Spoken = Spoken()


class Appends(msgspec.Struct, frozen=True):
    """What one kind of log did for so many producers, each waiting for its answer before the next append."""

    log: str
    producers: int
    appends_per_s: float
    p50_ms: float
    p99_ms: float
    mean_group: float | None = None


class LogFigures(msgspec.Struct, frozen=True, tag_field="bench", tag="log"):
    """`flush_ms` is the median of one small write and fsync on the same disk."""

    runs: list[Appends]
    flush_ms: float
    body_bytes: int
    load_average: float
    limited_by: str


class WindowFigures(msgspec.Struct, frozen=True, tag_field="bench", tag="window"):
    """Milliseconds from an append until every reader has its record; `ratio` is alone / window."""

    readers: int
    window_ms_per_event: float
    alone_ms_per_event: float
    ratio: float
    load_average: float
    limited_by: str


Figures = LogFigures | WindowFigures | DeskFigures | SearchFigures | PublishFigures | TranscribeFigures | ShapeFigures


def run(name: str, size: Size | None = None) -> bytes:
    """Run one benchmark and return its figures as JSON. Raises Refused for a name there is not."""
    if name not in NAMES:
        raise Refused(f"There is no benchmark of this name. There are: {', '.join(NAMES)}.")
    with tempfile.TemporaryDirectory(prefix="hearing-bench-", dir=".") as folder:
        return msgspec.json.encode(NAMES[name](Path(folder), size or Size()))


def log(folder: Path, size: Size) -> LogFigures:
    """Measure appends to each kind of log."""
    flush_ms = _flush_ms(folder / "flushed", size.flushes)
    runs = [asyncio.run(_append(MemoryLog(), "memory", count, size.seconds)) for count in size.producers]
    for count in size.producers:
        runs.append(asyncio.run(_append(SqliteLog(folder / f"{count}.db"), "sqlite", count, size.seconds)))
    return LogFigures(runs, flush_ms, len(_BODY), _load(), _what_limits(runs, flush_ms))


def window(folder: Path, size: Size) -> WindowFigures:
    """Measure many readers through one window, then each reading SQLite itself."""
    through_ms, alone_ms = asyncio.run(_read_both_ways(folder / "log.db", size))
    return WindowFigures(
        readers=size.readers,
        window_ms_per_event=through_ms,
        alone_ms_per_event=alone_ms,
        ratio=round(alone_ms / through_ms, 1),
        load_average=_load(),
        limited_by="The event loop, which wakes every reader once for an event; alone, each also asks the one reading"
        " thread of SQLite twice.",
    )


def desk(folder: Path, size: Size) -> DeskFigures:
    """Measure the question queue: clients who race over the same items, and what the log holds afterwards."""
    return measure(folder, clients=size.clients, items=size.items, published=size.published)


def search(folder: Path, size: Size) -> SearchFigures:
    """Measure the search index: building it, asking it, and taking one passage out."""
    return measure_search(folder, words=size.words, queries=size.queries)


def publish(folder: Path, size: Size) -> PublishFigures:
    """Measure a site of files: making it, bringing it up to date, and what a search in it fetches."""
    return measure_publish(folder, words=size.published_words, queries=size.queries)


def transcribe(folder: Path, size: Size) -> TranscribeFigures | ShapeFigures:
    """Measure captions: how many channels keep up, and how late their words are."""
    return measure_transcribe(folder, size.spoken)


NAMES: dict[str, Callable[[Path, Size], Figures]] = {
    "log": log,
    "window": window,
    "desk": desk,
    "search": search,
    "publish": publish,
    "transcribe": transcribe,
}


async def _append(made: AbstractAsyncContextManager[Log], name: str, producers: int, seconds: float) -> Appends:
    async with made as opened:
        took_ms: list[float] = []
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(producers):
                group.create_task(_produce(opened, began + seconds, took_ms))
        elapsed = time.perf_counter() - began
        commits = opened.commits if isinstance(opened, SqliteLog) else None
    took_ms.sort()
    return Appends(
        log=name,
        producers=producers,
        appends_per_s=round(len(took_ms) / elapsed, 1),
        p50_ms=round(statistics.median(took_ms), 3),
        p99_ms=round(took_ms[len(took_ms) * 99 // 100], 3),
        mean_group=round(len(took_ms) / commits, 1) if commits else None,
    )


async def _produce(log: Log, until: float, took_ms: list[float]) -> None:
    while True:
        asked = time.perf_counter()
        await log.append(STREAM, [_BODY])
        answered = time.perf_counter()
        took_ms.append((answered - asked) * 1000)
        if answered >= until:
            return
        await asyncio.sleep(0)  # the memory log never waits: let the others have their turn


def _flush_ms(path: Path, times: int) -> float:
    took: list[float] = []
    with path.open("ab", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(took), 3)


def _what_limits(runs: list[Appends], flush_ms: float) -> str:
    alone = max(one.p50_ms for one in runs if one.log == "sqlite" and one.producers == min(n.producers for n in runs))
    if flush_ms > alone / 2:
        return "The disk: an append waits for a flush; many producers share one, until Python's work per append counts."
    return "Python's work per append and its two changes of thread, not the disk, which flushes faster than that."


async def _read_both_ways(path: Path, size: Size) -> tuple[float, float]:
    async with SqliteLog(path) as opened:
        async with Windows(opened) as windows:
            through_ms = await _deliver(opened, windows, size.readers, size.events)
        return through_ms, await _deliver(opened, opened, size.readers, size.alone_events)


async def _deliver(log: Log, reading: Reading, readers: int, events: int) -> float:
    """Append one event after another, each when all readers have the one before; return the mean ms of one."""
    head = await log.head(STREAM)
    tally = _Tally(readers)
    async with asyncio.TaskGroup() as group:
        for _ in range(readers):
            group.create_task(_follow(reading, head, head + events, tally))
        await asyncio.sleep(0)
        began = time.perf_counter()
        for _ in range(events):
            everybody = tally.next()
            await log.append(STREAM, [_BODY])
            await everybody.wait()
        return round((time.perf_counter() - began) * 1000 / events, 3)


async def _follow(log: Reading, after: int, last: int, tally: "_Tally") -> None:
    while after < last:
        records = await log.read(STREAM, after)
        if records:
            after = records[-1].position
            tally.count()
        else:
            await log.wait(STREAM, after)


class _Tally:
    """Tells when all readers have counted once."""

    def __init__(self, readers: int) -> None:
        self._readers = readers
        self._missing = readers
        self._everybody = asyncio.Event()

    def next(self) -> asyncio.Event:
        self._missing = self._readers
        self._everybody = asyncio.Event()
        return self._everybody

    def count(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._everybody.set()


def _load() -> float:
    return round(os.getloadavg()[0], 2)
