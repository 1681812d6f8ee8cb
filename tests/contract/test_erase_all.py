"""One contract, every log: a stream forgotten as a whole."""

import asyncio
from pathlib import Path

import pytest

from hearing.errors import Conflict, Refused, Unavailable
from hearing.log.base import Log
from hearing.log.sqlite import SqliteLog
from hearing.log.window import Windows
from tests.contract.test_log import HOLD_ON, READ_ON, found_in, second_process

NEEDLE = b"a name that must not survive"
MANY = 2_500


async def fill(log: Log, stream: str, count: int = MANY) -> None:
    await asyncio.gather(
        *(
            log.append(
                stream, [NEEDLE + b" %d" % n], subject=f"{NEEDLE.decode()} x{n % 3}", key=f"{NEEDLE.decode()} {n}"
            )
            for n in range(count)
        )
    )


async def test_every_body_goes_and_every_position_stays(log: Log) -> None:
    await fill(log, "s", 5)
    await log.append("t", [b"kept"], subject="x", key="k")
    await log.erase_all("s")
    assert [(one.position, one.erased) for one in await log.read("s", 0)] == [(n, True) for n in range(1, 6)]
    assert await log.append("s", [b"after"]) == 6
    assert [one.body for one in await log.read("t", 0)] == [b"kept"]
    assert (await log.head("t", "x"), await log.append("t", [b"again"], key="k"), await log.epoch("t")) == (1, 1, 1)


async def test_keys_and_subjects_go_too_so_that_a_late_writer_is_told(log: Log) -> None:
    await log.append("s", [b"a"], subject="x", key="k")
    await log.erase_all("s")
    assert await log.head("s", "x") == 0
    with pytest.raises(Conflict):
        await log.append("s", [b"b"], subject="x", expect=1)
    assert await log.append("s", [b"a"], key="k") == 2


async def test_a_cursor_of_before_means_nothing_and_a_repeat_changes_nothing(log: Log) -> None:
    await log.append("s", [b"a"])
    await log.erase_all("s")
    await log.erase_all("s")
    assert await log.epoch("s") == 2
    await log.append("s", [b"b"])
    await log.erase_all("s")
    assert (await log.epoch("s"), await log.head("s")) == (3, 2)


async def test_a_stream_that_never_was_is_no_error_and_a_bad_name_is_refused(log: Log) -> None:
    await log.erase_all("never")
    assert (await log.epoch("never"), await log.head("never")) == (1, 0)
    with pytest.raises(Refused):
        await log.erase_all("")


async def test_who_waits_on_it_is_woken(log: Log) -> None:
    await log.append("s", [b"a"])
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        waiting = group.create_task(log.wait("s", 1))
        await asyncio.sleep(0.05)
        await log.erase_all("s")
        await waiting


async def test_a_window_that_was_told_reads_what_is_left(log: Log) -> None:
    async with Windows(log) as windows:
        await log.append("s", [NEEDLE, NEEDLE])
        assert [one.body for one in await windows.read("s", 0)] == [NEEDLE, NEEDLE]
        await log.erase_all("s")
        windows.forget("s")
        assert [one.erased for one in await windows.read("s", 0)] == [True, True]
        windows.forget("never read")


async def test_thousands_of_bodies_and_their_keys_are_in_no_file_while_a_second_process_reads(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await log.append("other", [b"before"])
        await fill(log, "s")
        assert found_in(tmp_path, NEEDLE)
        with second_process(READ_ON, tmp_path / "log.db"):
            await log.erase_all("s")
            assert found_in(tmp_path, NEEDLE) == []
        assert await log.verify("s") is None
        assert [one.body for one in await log.read("other", 0)] == [b"before"]


async def test_an_erasure_that_a_reader_holds_up_says_so_and_is_finished_when_repeated(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill(log, "s", 3)
        with second_process(HOLD_ON, tmp_path / "log.db"):
            with pytest.raises(Unavailable, match="erase again"):
                await log.erase_all("s")
            assert all(one.erased for one in await log.read("s", 0))
        await log.erase_all("s")
        assert found_in(tmp_path, NEEDLE) == []


async def test_appends_to_other_streams_go_on_meanwhile(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        await fill(log, "s")
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(log.erase_all("s"))
            given = [group.create_task(log.append("t", [b"%d" % n])) for n in range(200)]
        assert sorted(one.result() for one in given) == list(range(1, 201))
        assert all(one.erased for one in await log.read("s", 0, MANY))
