"""SQLite leaves copies of rows in the gaps of its pages when it moves them; the log's rows must never move."""

import asyncio
import random
from pathlib import Path

from hearing.log.sqlite import SqliteLog

STREAMS = 20
SIZES = (1, 5, 30, 80, 300, 1000)  # of 8 bytes each: in a page, most of a page, and pages of their own


def needle(number: int) -> bytes:
    return b"<%06d>" % number


async def test_whatever_is_erased_in_whichever_order_leaves_no_byte_in_the_file(tmp_path: Path) -> None:
    chance = random.Random(0)
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        where: dict[int, tuple[str, int]] = {}
        erased: set[int] = set()
        for _ in range(6):
            fresh = range(len(where), len(where) + 150)
            streams = [f"s{chance.randrange(STREAMS)}" for _ in fresh]
            sizes = [chance.choice(SIZES) for _ in fresh]
            appends = zip(fresh, streams, sizes, strict=True)
            given = await asyncio.gather(*(log.append(stream, [needle(n) * size]) for n, stream, size in appends))
            where |= dict(zip(fresh, zip(streams, given, strict=True), strict=True))
            leaving = chance.sample(sorted(where.keys() - erased), 25)
            await asyncio.gather(*(log.erase(*where[n]) for n in leaving))
            erased.update(leaving)
        assert all([await log.verify(f"s{n}") is None for n in range(STREAMS)])
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [n for n in erased if needle(n) in content] == []
    assert all(needle(n) in content for n in where.keys() - erased)


async def test_no_row_moves_when_others_are_erased_or_appended(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    bodies = [needle(n) * SIZES[n % len(SIZES)] for n in range(60)]
    async with SqliteLog(path) as log:
        await log.append("s", bodies)
    before = path.read_bytes()
    async with SqliteLog(path) as log:
        for position in range(2, 60, 3):
            await log.erase("s", position)
        for n in range(60):
            await log.append("t", [b"another" * n or b"empty"])
        assert await log.verify("s") is None
    after = path.read_bytes()
    kept = [n for n in range(60) if (n + 1) % 3 != 2]
    assert [after.find(needle(n)) for n in kept] == [before.find(needle(n)) for n in kept]
