"""One contract, every log."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearing.errors import Conflict, NotFound, Refused, Unavailable
from hearing.log.base import Log, tail
from hearing.log.sqlite import SqliteLog

READ_ON = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
print("reading", flush=True)
while True:
    database.execute("SELECT count(*), sum(length(body)) FROM records").fetchall()
    time.sleep(0.002)
"""
HOLD_ON = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN")
database.execute("SELECT count(*) FROM records").fetchall()
print("reading", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def second_process(code: str, path: Path) -> Iterator[None]:
    reader = subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert reader.stdout
    assert reader.stdin
    try:
        assert reader.stdout.readline() == b"reading\n"
        yield
    finally:
        reader.kill()
        reader.wait()
        reader.stdout.close()
        reader.stdin.close()


def meddle(path: Path, statement: str) -> None:
    """Change the file behind the log's back, as another program would."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement)


def found_in(folder: Path, needle: bytes) -> list[str]:
    """Look with another process: closing a database's file in this one drops SQLite's locks (its howtocorrupt, 2.2).

    A file that is erased meanwhile is not found.
    """
    assert folder.exists()
    command = ["grep", "--recursive", "--text", "--files-with-matches", "--fixed-strings", needle.decode(), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    failed = [line for line in done.stderr.splitlines() if not line.endswith(": No such file or directory")]
    assert not failed, failed
    return done.stdout.split()


async def test_erased_bytes_are_in_no_file_while_a_second_process_reads(tmp_path: Path) -> None:
    needle = b"a name that must not survive"
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.append("s", [b"before", needle * 400, b"after"])
        await log.append("s", [needle])
        assert found_in(tmp_path, needle)
        with second_process(READ_ON, tmp_path / "log.db"):
            await log.erase("s", 2)
            await log.erase("s", 4)
            assert found_in(tmp_path, needle) == []
        assert [record.erased for record in await log.read("s", 0)] == [False, True, False, True]
        assert await log.verify("s") is None


async def test_an_erase_that_a_reader_holds_up_says_so_and_is_finished_when_repeated(tmp_path: Path) -> None:
    needle = b"a name that must not survive"
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.append("s", [needle, b"kept"])
        with second_process(HOLD_ON, tmp_path / "log.db"):
            with pytest.raises(Unavailable, match="erase again"):
                await log.erase("s", 1)
            assert (await log.read("s", 0))[0].erased
        await log.erase("s", 1)
        assert found_in(tmp_path, needle) == []


async def bodies(log: Log, stream: str = "s") -> list[tuple[int, bytes]]:
    return [(record.position, record.body) for record in await log.read(stream, 0)]


async def test_positions_count_from_one_without_gaps(log: Log) -> None:
    assert await log.append("s", [b"a", b"b"]) == 2
    assert await log.append("s", [b"c"]) == 3
    assert await bodies(log) == [(1, b"a"), (2, b"b"), (3, b"c")]


async def test_read_resumes_after_a_position(log: Log) -> None:
    await log.append("s", [b"a", b"b", b"c"])
    assert [record.body for record in await log.read("s", 1, 1)] == [b"b"]
    assert await log.read("s", 3) == []
    assert await log.read("nothing", 0) == []


async def test_streams_are_separate(log: Log) -> None:
    await log.append("s", [b"a"], key="k")
    assert await log.append("t", [b"b"], key="k") == 1
    assert await log.epoch("s") == await log.epoch("t") == 1


async def test_a_stale_expectation_stores_nothing(log: Log) -> None:
    await log.append("s", [b"a"], expect=0)
    with pytest.raises(Conflict, match="expected position 0, found 1"):
        await log.append("s", [b"b", b"c"], expect=0)
    assert await bodies(log) == [(1, b"a")]


async def test_an_expectation_on_a_subject_ignores_the_rest_of_the_stream(log: Log) -> None:
    first = await log.append("s", [b"a"], subject="x", expect=0)
    await log.append("s", [b"b"], subject="y", expect=0)
    await log.append("s", [b"c"])
    assert await log.append("s", [b"d"], subject="x", expect=first) == 4
    with pytest.raises(Conflict):
        await log.append("s", [b"e"], subject="x", expect=first)
    assert (await log.head("s", "x"), await log.head("s", "y"), await log.head("s")) == (4, 2, 4)
    assert [record.subject for record in await log.read("s", 0)] == ["x", "y", "", "x"]


async def test_the_same_key_again_gives_the_first_answer_whatever_else_is_asked(log: Log) -> None:
    assert await log.append("s", [b"a"], subject="x", expect=0, key="k") == 1
    assert await log.append("s", [b"b"], subject="x", expect=1) == 2
    assert await log.append("s", [b"a"], subject="x", expect=0, key="k") == 1
    assert await log.append("s", [b"other", b"bodies"], key="k") == 1
    assert len(await bodies(log)) == 2


async def test_a_refused_append_leaves_its_key_free(log: Log) -> None:
    await log.append("s", [b"a"])
    with pytest.raises(Conflict):
        await log.append("s", [b"b"], expect=0, key="k")
    assert await log.append("s", [b"b"], expect=1, key="k") == 2


async def test_concurrent_appends_never_share_a_position(log: Log) -> None:
    given = await asyncio.gather(*(log.append("s", [b"%d" % n]) for n in range(200)))
    assert sorted(given) == list(range(1, 201))


async def test_one_conflict_in_a_group_fails_only_itself(log: Log) -> None:
    await log.append("s", [b"0"], subject="x")
    answers = await asyncio.gather(
        *(log.append("s", [b"%d" % n], subject="x", expect=1) for n in range(20)),
        *(log.append("s", [b"free"]) for _ in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 19
    assert len(await bodies(log)) == 22


async def test_of_many_repeats_with_one_key_one_is_stored(log: Log) -> None:
    answers = await asyncio.gather(*(log.append("s", [b"a"], key="k") for _ in range(50)))
    assert set(answers) == {1}
    assert await bodies(log) == [(1, b"a")]


async def test_tail_has_no_seam_between_history_and_live(log: Log) -> None:
    await log.append("s", [b"0"])
    got: list[bytes] = []

    async def read() -> None:
        async with contextlib.aclosing(tail(log, "s", 0)) as records:
            async for record in records:
                got.append(record.body)
                if len(got) == 100:
                    return

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(read())
        for n in range(1, 100):
            await log.append("s", [b"%d" % n])
            if n % 7 == 0:
                await asyncio.sleep(0)
    assert got == [b"%d" % n for n in range(100)]


async def test_wait_returns_at_once_when_the_stream_is_past(log: Log) -> None:
    await log.append("s", [b"a"])
    async with asyncio.timeout(60):
        await log.wait("s", 0)


async def test_a_caller_who_leaves_neither_stops_the_append_nor_the_readers(log: Log) -> None:
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        waiting = group.create_task(log.wait("s", 0))
        await asyncio.sleep(0)
        leaving = group.create_task(log.append("s", [b"a"], key="k"))
        await asyncio.sleep(0)
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving
        await log.append("s", [b"a"], key="k")
        await waiting
    assert await bodies(log) == [(1, b"a")]


async def test_an_erased_record_keeps_its_place_and_its_position_is_never_used_again(log: Log) -> None:
    await log.append("s", [b"a", b"b"], subject="x")
    await log.erase("s", 2)
    await log.erase("s", 2)
    assert await log.append("s", [b"c"], subject="x", expect=2) == 3
    assert await bodies(log) == [(1, b"a"), (2, b""), (3, b"c")]


@pytest.mark.parametrize("position", [-1, 0, 2])
async def test_a_position_never_used_cannot_be_erased(log: Log, position: int) -> None:
    await log.append("s", [b"a"])
    with pytest.raises(NotFound):
        await log.erase("s", position)


@pytest.mark.parametrize(
    ("stream", "given", "options"),
    [
        ("s", [], {}),
        ("s", [b""], {}),
        ("s", [b"a", b""], {}),
        ("s", [b"a" * (1024 * 1024 + 1)], {}),
        ("s", [b"a" * (1024 * 1024)] * 8 + [b"a"], {}),
        ("", [b"a"], {}),
        ("s" * 257, [b"a"], {}),
        ("s", [b"a"], {"key": ""}),
        ("s", [b"a"], {"subject": "x\x00"}),
    ],
)
async def test_what_no_log_stores_is_refused(
    log: Log, stream: str, given: list[bytes], options: dict[str, str]
) -> None:
    with pytest.raises(Refused):
        await log.append(stream, given, subject=options.get("subject"), key=options.get("key"))
    assert await bodies(log) == []


async def test_the_log_is_there_again_after_it_was_closed(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.append("s", [b"a"], subject="x", key="k")
        await log.append("s", [b"b"])
        await log.erase("s", 2)
    async with SqliteLog(tmp_path / "log.db") as log:
        assert await log.append("s", [b"a"], key="k") == 1
        assert await log.append("s", [b"c"], subject="x", expect=1) == 3
        assert await bodies(log) == [(1, b"a"), (2, b""), (3, b"c")]


async def test_what_was_submitted_before_closing_is_stored(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        late = [asyncio.ensure_future(log.append("s", [b"%d" % n])) for n in range(50)]
        await asyncio.sleep(0)
    assert sorted(await asyncio.gather(*late)) == list(range(1, 51))


async def test_a_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db"):
        with pytest.raises(Unavailable, match="Another process writes this log"):
            async with SqliteLog(tmp_path / "log.db"):
                pass
    async with SqliteLog(tmp_path / "log.db") as log:
        assert await log.append("s", [b"a"]) == 1


async def test_a_log_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db"):
        pass
    meddle(tmp_path / "log.db", "PRAGMA user_version = 99")
    with pytest.raises(Unavailable, match="later release"):
        async with SqliteLog(tmp_path / "log.db"):
            pass


async def test_a_changed_record_breaks_the_chain(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.append("s", [b"a", b"b", b"c"])
    meddle(tmp_path / "log.db", "UPDATE records SET body = x'78' WHERE position = 2")
    async with SqliteLog(tmp_path / "log.db") as log:
        assert await log.verify("s") == 2
