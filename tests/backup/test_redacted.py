"""A backup made before a redaction brings nothing back of what was taken out."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from hearing.backup import make
from hearing.backup.restore import restore
from hearing.board.memory import MemoryBoard
from hearing.events import Cut, WordRange
from hearing.house import HouseKeeper
from hearing.log.base import Log
from hearing.log.sqlite import SqliteLog
from hearing.redacting import Redactor
from hearing.redaction import Wanted
from hearing.site.folds import Folds
from hearing.store.folder import FolderStore
from tests.redacting import HELD, NAME, held, loudest, nothing_else, sound

T = TypeVar("T")
WANTED = Wanted(
    "a" * 16,
    "person-at-risk",
    (Cut("en", 0, 0, (WordRange("en.1", 4, 4),)), Cut("fr", 0, 0, (WordRange("fr.1", 5, 5),))),
)
Texts = dict[str, list[str]]


async def test_an_older_backup_brings_back_neither_words_nor_sound(tmp_path: Path) -> None:
    data, out, new = tmp_path / "data", tmp_path / "out", tmp_path / "new"
    await held(data)
    before = make.make(data, out, now_ms=1_800_000_000_000, keep=0).id
    told = await redacting(data, redacted)
    make.make(data, out, now_ms=1_800_000_100_000, keep=0)

    restore(out, new, now_ms=1_800_000_200_000, at=before)

    assert await redacting(new, carried_out) == told
    assert not [file for file in new.rglob("*") if file.is_file() and NAME.encode() in file.read_bytes()]
    for channel in ("en", "fr"):
        samples, rate = sound(new / "media", channel)
        assert loudest(samples, rate, *HELD[channel]) < -60 < loudest(samples, rate, 1000, 3000)
    async with SqliteLog(new / "log.db") as log:
        assert await log.verify("public:one") is None


async def redacted(redactor: Redactor, log: Log) -> Texts:
    await redactor.ask("one", WANTED)
    return await carried_out(redactor, log)


async def carried_out(redactor: Redactor, log: Log) -> Texts:
    async with asyncio.timeout(60):
        await redactor.ended("one", WANTED.redaction)
    fold = await Folds(log, log).of("one")
    return {
        channel: [" ".join(segment.words) for segment in fold.transcript.channel(channel).segments]
        for channel in ("en", "fr")
    }


async def redacting(data: Path, act: Callable[[Redactor, Log], Awaitable[T]]) -> T:
    async with SqliteLog(data / "log.db") as log, FolderStore(data / "media") as store, MemoryBoard() as board:
        keeper = await HouseKeeper(log, lambda: 9).start()
        redactor = Redactor(log, store, board, house=keeper.house, forget=nothing_else, now_ms=lambda: 9)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(redactor.run())
            try:
                return await act(redactor, log)
            finally:
                running.cancel()
