"""What a log does when names are hostile, when it closes, when rows are damaged and when its writer dies."""

import asyncio
import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from hearing.errors import NotFound, Refused, Unavailable
from hearing.log import tables, writer
from hearing.log.base import Log
from hearing.log.sqlite import SqliteLog


@pytest.mark.parametrize("name", ["\ud800", "a\x00", "", "s" * 257])
async def test_a_name_no_store_could_keep_is_refused_everywhere_and_the_log_lives_on(log: Log, name: str) -> None:
    for asked in (
        log.append(name, [b"a"]),
        log.append("s", [b"a"], subject=name),
        log.append("s", [b"a"], key=name),
        log.read(name, 0),
        log.wait(name, 0),
        log.erase(name, 1),
        log.epoch(name),
        log.head(name),
        log.head("s", name),
    ):
        with pytest.raises(Refused):
            await asked
    assert await log.append("s", [b"a"]) == 1


@pytest.mark.parametrize("position", [2**63, 2**200, -(2**200)])
async def test_a_position_beyond_all_numbers_is_only_not_there(log: Log, position: int) -> None:
    await log.append("s", [b"a"])
    with pytest.raises(NotFound):
        await log.erase("s", position)
    assert len(await log.read("s", position)) == (position < 0)
    assert await log.append("s", [b"b"], expect=1) == 2


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_read_of_nothing_is_refused(log: Log, limit: int) -> None:
    with pytest.raises(Refused):
        await log.read("s", 0, limit)


async def test_erasing_waits_its_turn_among_appends(log: Log) -> None:
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for n in range(100):
            group.create_task(log.append("s", [b"%d" % n]))
        for n in range(0, 100, 10):
            group.create_task(log.erase("s", n + 1))
        for n in range(100, 200):
            group.create_task(log.append("s", [b"%d" % n]))
    stored = [(record.position, record.body) for record in await log.read("s", 0)]
    assert stored == [(n + 1, b"" if n < 100 and n % 10 == 0 else b"%d" % n) for n in range(200)]


async def test_a_closed_log_is_unavailable_and_nobody_hangs(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.append("s", [b"a"])
    async with asyncio.timeout(60):
        for asked in (log.append("s", [b"b"]), log.erase("s", 1), log.read("s", 0), log.head("s"), log.wait("s", 0)):
            with pytest.raises(Unavailable, match="closed"):
                await asked


async def test_appends_and_reads_while_it_closes_are_stored_or_unavailable(tmp_path: Path) -> None:
    answers: list[int] = []
    enough = asyncio.Event()

    async def produce(log: Log) -> None:
        with contextlib.suppress(Unavailable):
            while True:
                answers.append(await log.append("s", [b"a"]))
                await log.read("s", 0)
                if len(answers) > 50:
                    enough.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group, SqliteLog(tmp_path / "log.db") as log:
        for _ in range(30):
            group.create_task(produce(log))
        await enough.wait()
    async with SqliteLog(tmp_path / "log.db") as log:
        assert await log.head("s") >= max(answers)
        assert len(set(answers)) == len(answers)


async def test_more_appends_than_there_is_room_for_wait_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "WAITING", 4)
    async with asyncio.timeout(60), SqliteLog(tmp_path / "log.db") as log:
        leaving = [asyncio.ensure_future(log.append("s", [b"left"])) for _ in range(20)]
        await asyncio.sleep(0)
        for one in leaving:
            one.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        given = await asyncio.gather(*(log.append("s", [b"a"]) for _ in range(50)))
        assert sorted(given) == list(range(5, 55))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_writer_that_dies_of_a_bug_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> int:
        raise ZeroDivisionError

    async with asyncio.timeout(60), SqliteLog(tmp_path / "log.db") as log:
        await log.append("s", [b"a"])
        with monkeypatch.context() as broken:
            broken.setattr(tables, "append", break_down)
            waiting = await asyncio.gather(*(log.append("s", [b"b"]) for _ in range(20)), return_exceptions=True)
        assert {type(answer) for answer in waiting} == {Unavailable}
        with pytest.raises(Unavailable, match="restart"):
            await log.append("s", [b"c"])
        assert [record.body for record in await log.read("s", 0)] == [b"a"]
    async with SqliteLog(tmp_path / "log.db") as log:
        assert await log.append("s", [b"b"]) == 2


def test_a_loop_that_ends_before_the_writer_answers_harms_neither(tmp_path: Path) -> None:
    async def leave_at_once() -> SqliteLog:
        log = SqliteLog(tmp_path / "log.db")
        await log.__aenter__()
        asyncio.ensure_future(log.append("s", [b"a"])).cancel()
        leaving = asyncio.ensure_future(log.append("s", [b"b"]))
        await asyncio.sleep(0)
        leaving.cancel()
        return log

    log = asyncio.run(leave_at_once())
    log._writer._jobs.put(None)
    log._writer._thread.join(5)
    assert not log._writer._thread.is_alive()
    log._closing.pop_all()
    log._reading.shutdown()
    log._reader.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "log.db")) as database:
        assert database.execute("SELECT body FROM records").fetchall() == [(b"b",)]


async def test_a_damaged_stream_fails_alone(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.append("bad", [b"a", b"b"])
    with contextlib.closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as database:
        database.execute("UPDATE streams SET head = 1 WHERE stream = 'bad'")
    async with SqliteLog(tmp_path / "log.db") as log:
        answers = await asyncio.gather(
            log.append("good", [b"a"]), log.append("bad", [b"c"]), log.append("good", [b"b"]), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [int, Unavailable, int]
        assert (await log.verify("bad"), await log.verify("good")) == (2, None)


async def test_a_row_that_is_gone_breaks_the_chain(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.append("s", [b"a", b"b", b"c"])
    for position, found in ((3, 3), (2, 2)):
        with contextlib.closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as database:
            database.execute("DELETE FROM records WHERE position = ?", (position,))
        async with SqliteLog(tmp_path / "log.db") as log:
            assert await log.verify("s") == found


async def test_a_file_that_is_no_log_and_a_folder_that_is_not_there_are_unavailable(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"this is no database at all" * 100)
    before = threading.active_count()
    for path in (tmp_path / "log.db", tmp_path / "missing" / "log.db"):
        with pytest.raises(Unavailable):
            async with SqliteLog(path):
                pass
    (tmp_path / "log.db").unlink()
    async with SqliteLog(tmp_path / "log.db") as log:
        assert await log.append("s", [b"a"]) == 1
    assert threading.active_count() <= before + 1
