"""Readers of windows miss nothing and repeat nothing, however they join, and cost the log little."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearing.errors import Refused, Unavailable
from hearing.events import Redacted, encode
from hearing.log.base import Log, Reading, Record
from hearing.log.memory import MemoryLog
from hearing.log.window import Windows


class Watched:
    """A log that counts how often it is asked, lets others run meanwhile, and is unavailable when told to be."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.asked = 0
        self.broken = 0

    async def read(self, stream: str, after: int, limit: int = 256) -> list[Record]:
        await self._meanwhile()
        return await self._log.read(stream, after, limit)

    async def wait(self, stream: str, after: int) -> None:
        await self._meanwhile()
        await self._log.wait(stream, after)

    async def epoch(self, stream: str) -> int:
        await self._meanwhile()
        return await self._log.epoch(stream)

    async def head(self, stream: str, subject: str | None = None) -> int:
        await self._meanwhile()
        return await self._log.head(stream, subject)

    async def _meanwhile(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.broken:
            self.broken -= 1
            raise Unavailable("The disk is away for a moment.")


async def read_to(log: Reading, stream: str, after: int, last: int, limit: int = 256) -> list[Record]:
    """Read as a page does: ask again after Unavailable, stop at the last position."""
    got: list[Record] = []
    while after < last:
        try:
            records = await log.read(stream, after, limit)
            if not records:
                await log.wait(stream, after)
        except Unavailable:
            await asyncio.sleep(0)
            continue
        got += records
        after = records[-1].position if records else after
    return got


class Append(msgspec.Struct, frozen=True):
    stream: int
    count: int


class Join(msgspec.Struct, frozen=True):
    stream: int
    after: int
    limit: int


class Break(msgspec.Struct, frozen=True):
    times: int


class Breathe(msgspec.Struct, frozen=True):
    turns: int


Step = Append | Join | Break | Breathe

streams = st.integers(0, 3)
steps = st.lists(
    st.builds(Append, streams, st.integers(1, 9))
    | st.builds(Join, streams, st.integers(0, 30), st.integers(1, 7))
    | st.builds(Break, st.integers(1, 3))
    | st.builds(Breathe, st.integers(1, 9)),
    max_size=40,
)


@settings(max_examples=5 * settings().max_examples)
@given(steps, st.integers(1, 8), st.integers(1, 4))
def test_readers_who_join_anywhere_miss_nothing_and_repeat_nothing(taken: list[Step], recent: int, room: int) -> None:
    asyncio.run(asyncio.wait_for(play(taken, recent, room), 20))


async def play(taken: list[Step], recent: int, room: int) -> None:
    total = [sum(one.count for one in taken if isinstance(one, Append) and one.stream == n) for n in range(4)]
    reading: list[tuple[range, asyncio.Task[list[Record]]]] = []
    async with MemoryLog() as log:
        watched = Watched(log)
        async with Windows(watched, recent=recent, streams=room, retry_s=0) as windows, asyncio.TaskGroup() as group:
            for step in taken:
                match step:
                    case Append(stream, count):
                        await log.append(f"s{stream}", [b"."] * count)
                    case Join(stream, after, limit):
                        read = read_to(windows, f"s{stream}", after, total[stream], limit)
                        reading.append((range(after + 1, total[stream] + 1), group.create_task(read)))
                    case Break(times):
                        watched.broken += times
                    case Breathe(turns):
                        for _ in range(turns):
                            await asyncio.sleep(0)
    for should, got in reading:
        assert [record.position for record in got.result()] == list(should)


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    async with MemoryLog() as opened:
        yield opened


async def test_a_thousand_readers_cost_the_log_a_few_reads(log: MemoryLog) -> None:
    await log.append("s", [b"before"] * 300)
    watched = Watched(log)
    async with asyncio.timeout(60), Windows(watched) as windows, asyncio.TaskGroup() as group:
        readers = [group.create_task(read_to(windows, "s", 300, 350)) for _ in range(1000)]
        for _ in range(50):
            await log.append("s", [b"live"])
            await asyncio.sleep(0)
        await asyncio.gather(*readers)
    assert all(len(reader.result()) == 50 for reader in readers)
    assert watched.asked < 3 * 50 + 10


async def test_readers_of_more_streams_than_there_is_room_for_do_not_chase_each_other(log: MemoryLog) -> None:
    watched = Watched(log)
    async with asyncio.timeout(60), Windows(watched, streams=2) as windows, asyncio.TaskGroup() as group:
        readers = [group.create_task(read_to(windows, f"s{n}", 0, 1)) for n in range(8)]
        for _ in range(200):
            await asyncio.sleep(0)
        before = watched.asked
        for _ in range(200):
            await asyncio.sleep(0)
        assert watched.asked == before
        for n in range(8):
            await log.append(f"s{n}", [b"a"])
        await asyncio.gather(*readers)


async def test_a_reader_far_behind_reads_the_log_and_then_the_window(log: MemoryLog) -> None:
    await log.append("s", [b"a"] * 100)
    watched = Watched(log)
    async with asyncio.timeout(60), Windows(watched, recent=10) as windows:
        assert [record.position for record in await read_to(windows, "s", 95, 100)] == [96, 97, 98, 99, 100]
        asked = watched.asked
        assert len(await read_to(windows, "s", 0, 100, 5)) == 100
        assert asked + 18 <= watched.asked <= asked + 20


@pytest.mark.parametrize("missed", [0, 3, 10])
async def test_a_read_at_every_edge_begins_with_the_next_record(log: MemoryLog, missed: int) -> None:
    await log.append("s", [b"a"] * 9)
    watched = Watched(log)
    async with asyncio.timeout(60), Windows(watched, recent=4, retry_s=0) as windows:
        assert [record.position for record in await windows.read("s", 7)] == [8, 9]
        watched.broken = 3
        await log.append("s", [b"a"])
        await log.append("s", [b"a"] * missed + [b"last"])
        head = await log.head("s")
        await read_to(windows, "s", head - 1, head)
        for after in range(head + 2):
            got = await windows.read("s", after, 3)
            assert [record.position for record in got] == list(range(after + 1, min(after + 3, head) + 1))


@pytest.mark.parametrize("recent", [4, 100], ids=["from the log", "from memory"])
async def test_a_redacted_record_is_empty_for_every_reader(log: MemoryLog, recent: int) -> None:
    await log.append("s", [b'{"type":"secret"}'] * 20)
    async with asyncio.timeout(60), Windows(log, recent=recent) as windows:
        assert not (await windows.read("s", 2, 1))[0].erased
        await log.erase("s", 3)
        last = await log.append("s", [encode(Redacted(position=3))])
        await read_to(windows, "s", 20, last)
        assert [record.position for record in await windows.read("s", 0) if record.erased] == [3]


async def test_a_redaction_empties_the_window_before_the_log_has_forgotten(log: MemoryLog) -> None:
    await log.append("s", [b"a", b"b"])
    async with asyncio.timeout(60), Windows(log) as windows:
        await windows.read("s", 0)
        await log.append("s", [encode(Redacted(position=2))])
        await read_to(windows, "s", 2, 3)
        assert [record.erased for record in await windows.read("s", 0)] == [False, True, False]


@pytest.mark.parametrize(
    "body", [b'"redacted"', b'not JSON: "redacted"', b'{"type":"redacted"}', b'{"type":"redacted","position":99}']
)
async def test_a_body_that_only_looks_like_a_redaction_passes(log: MemoryLog, body: bytes) -> None:
    await log.append("s", [b"a", body, b"c"])
    async with asyncio.timeout(60), Windows(log) as windows:
        assert [record.body for record in await read_to(windows, "s", 0, 3)] == [b"a", body, b"c"]


async def test_readers_hear_of_it_when_the_windows_close(log: MemoryLog) -> None:
    async with asyncio.timeout(60):
        async with Windows(log) as windows:
            await windows.read("s", 0)
            waiting = asyncio.ensure_future(windows.wait("s", 0))
            await asyncio.sleep(0)
        await waiting
        with pytest.raises(Unavailable):
            await windows.read("s", 0)
        with pytest.raises(Unavailable):
            await windows.wait("s", 0)


async def test_what_the_log_refuses_a_window_refuses_and_follows_nothing(log: MemoryLog) -> None:
    async with Windows(log) as windows:
        for asked in (windows.read("", 0), windows.read("s", 0, 0), windows.wait("\ud800", 0)):
            with pytest.raises(Refused):
                await asked
        assert not windows._windows


class Forgetful(MemoryLog):
    """A log whose stream can lose its end, as a Redis does that fails over to a replica which is behind."""

    def lose(self, stream: str, left: int) -> None:
        kept = self._streams[stream]
        kept.records = kept.records[:left]
        kept.epoch += 1
        self._growth.grew(stream)


async def renewed(log: Forgetful, windows: Windows, epoch: int) -> None:
    """Wait until the window has seen the epoch begin."""
    while await windows.epoch("s") != epoch:
        log._growth.grew("s")
        await asyncio.sleep(0)


async def test_a_window_keeps_nothing_of_an_epoch_that_is_over_and_wakes_who_waits_in_it() -> None:
    async with Forgetful() as log, asyncio.timeout(60), Windows(log) as windows:
        await log.append("s", [b"a", b"b", b"c"])
        assert len(await windows.read("s", 0)) == 3
        assert await windows.epoch("s") == 1
        waiting = asyncio.ensure_future(windows.wait("s", 3))
        await asyncio.sleep(0)
        log.lose("s", 1)
        await waiting
        await renewed(log, windows, 2)
        assert [record.body for record in await windows.read("s", 0)] == [b"a"]
        await log.append("s", [b"d"])
        assert [record.body for record in await read_to(windows, "s", 1, 2)] == [b"d"]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=12), st.integers(1, 4))
@settings(max_examples=40)
async def test_what_a_window_gives_is_of_the_epoch_that_it_names(steps: list[tuple[int, int]], recent: int) -> None:
    """Each body names the epoch in which it was written, and those of before that are left."""
    async with Forgetful() as log, asyncio.timeout(60), Windows(Watched(log), recent=recent) as windows:
        epoch = 1
        for count, lost in steps:
            if count:
                await log.append("s", [b"%d" % epoch] * count)
            head = await log.head("s")
            await read_to(windows, "s", 0, head)
            if lost and lost < head:
                log.lose("s", head - lost)
                epoch += 1
                await renewed(log, windows, epoch)
            seen = await read_to(windows, "s", 0, await log.head("s"))
            assert [record.body for record in seen] == [record.body for record in await log.read("s", 0)]
