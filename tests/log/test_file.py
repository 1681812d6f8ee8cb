"""The log and its file: what a crash leaves behind, what others do to it, and a disk that is full."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hearing.errors import Unavailable
from hearing.log import tables
from hearing.log.rules import MAX_BODY
from hearing.log.sqlite import SqliteLog

ERASE_AND_DIE = """
import asyncio, os, pathlib, sys
from hearing import wal
from hearing.log.sqlite import SqliteLog

async def main():
    async with SqliteLog(pathlib.Path(sys.argv[1])) as log:
        await log.append("s", [b"a name that must not survive" * 10, b"kept"])
        wal.checkpoint = lambda _: os.kill(os.getpid(), 9)
        await log.erase("s", 1)

asyncio.run(main())
"""


def holding(folder: Path, needle: bytes) -> list[str]:
    """Look with another process: closing a database's file here would drop SQLite's locks."""
    command = ["grep", "-r", "-l", "-a", "-F", needle.decode(), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


@contextmanager
def disk_with_room_for(more: int, path: Path) -> Iterator[None]:
    """Let no file of this process grow past the size of `path` and so many bytes more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_an_erase_cut_short_by_a_crash_is_finished_when_the_log_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    done = subprocess.run([sys.executable, "-c", ERASE_AND_DIE, str(path)], check=False)
    assert done.returncode == -9
    assert holding(tmp_path, b"must not survive"), "the crash came too late: this shows nothing"
    async with SqliteLog(path) as log:
        assert [record.erased for record in await log.read("s", 0)] == [True, False]
        assert holding(tmp_path, b"must not survive") == []


async def test_a_full_disk_is_unavailable_and_loses_nothing_once_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await log.append("s", [b"0"], key="k0")
        with disk_with_room_for(50_000, path.with_name("log.db-wal")):
            asked = (log.append("s", [b"%d" % n * 1000], key=f"k{n}") for n in range(1, 100))
            answers = [await asyncio.gather(one, return_exceptions=True) for one in asked]
            assert {type(answer) for (answer,) in answers} == {int, Unavailable}
            assert (await log.read("s", 0))[0].body == b"0"
        for n in range(100):
            await log.append("s", [b"%d" % n * 1000], key=f"k{n}")
        assert [record.position for record in await log.read("s", 0)] == list(range(1, 101))
        assert await log.verify("s") is None


@pytest.mark.parametrize("name", ["log.db", "log.db-wal"])
@pytest.mark.parametrize("replaced", [False, True])
async def test_nothing_is_acknowledged_into_a_file_that_was_removed(tmp_path: Path, name: str, replaced: bool) -> None:
    path = tmp_path / "log.db"
    async with SqliteLog(path) as log:
        await log.append("s", [b"a"])
        (tmp_path / name).rename(tmp_path / "elsewhere")
        if replaced:
            (tmp_path / name).touch()
        with pytest.raises(Unavailable, match="removed"):
            await log.append("s", [b"b"])
        with pytest.raises(Unavailable, match="removed"):
            await log.erase("s", 1)
        (tmp_path / "elsewhere").replace(tmp_path / name)
        assert await log.append("s", [b"b"]) == 2


async def test_one_read_holds_a_few_mebibytes_and_tail_goes_on(tmp_path: Path) -> None:
    async with SqliteLog(tmp_path / "log.db") as log:
        for _ in range(20):
            await log.append("s", [bytes(1) * MAX_BODY])
        got: list[int] = []
        while records := await log.read("s", len(got)):
            assert sum(len(record.body) for record in records) <= tables.READ_BYTES
            got += [record.position for record in records]
        assert got == list(range(1, 21))
