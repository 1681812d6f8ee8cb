"""kill -9 in the middle of appends: what was acknowledged is there, and what is sent again is there once."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import msgspec

from hearing.log.base import Log, Record
from hearing.log.sqlite import SqliteLog

KILLS = 20
PRODUCERS = 30
WRITER = """
import asyncio, sys
from pathlib import Path
from hearing.log.sqlite import SqliteLog

async def produce(log, name):
    n = 0
    expect = await log.head("s", name)
    while True:
        n += 1
        key = f"{sys.argv[2]}/{name}/{n}"
        expect = await log.append("s", [key.encode()], subject=name, expect=expect, key=key)
        print(key, expect, flush=True)

async def main():
    async with SqliteLog(Path(sys.argv[1])) as log:
        await asyncio.gather(*(produce(log, f"p{n}") for n in range(int(sys.argv[3]))))

asyncio.run(main())
"""


class Said(msgspec.Struct, frozen=True):
    """One acknowledgement that left the writer's process."""

    key: str
    position: int


def test_nothing_acknowledged_is_lost_and_nothing_is_stored_twice(tmp_path: Path) -> None:
    chance = random.Random(7)
    said: list[Said] = []
    for life in range(KILLS):
        heard = write_until_killed(tmp_path / "log.db", life, after=chance.randint(1, 200))
        said += heard
        unanswered = [f"{life}/p{n}/{1 + answers(heard, f'{life}/p{n}/')}" for n in range(PRODUCERS)]
        said += asyncio.run(asyncio.wait_for(check_and_send_again(tmp_path / "log.db", said, unanswered), 20))


def write_until_killed(path: Path, life: int, after: int) -> list[Said]:
    """Let a process write, and kill it as soon as it has acknowledged so many; return all it acknowledged."""
    command = [sys.executable, "-c", WRITER, str(path), str(life), str(PRODUCERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        lines = [writer.stdout.readline() for _ in range(after)]
        writer.kill()
        lines += writer.stdout.readlines()
    assert writer.returncode == -9
    whole = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return [Said(key, int(position)) for key, position in whole]


def answers(heard: list[Said], prefix: str) -> int:
    return sum(one.key.startswith(prefix) for one in heard)


async def check_and_send_again(path: Path, said: list[Said], unanswered: list[str]) -> list[Said]:
    async with SqliteLog(path) as log:
        before = await everything(log)
        check(before, said)
        given = await asyncio.gather(*(send_again(log, key) for key in unanswered))
        after = await everything(log)
        check(after, said + given)
        assert after[: len(before)] == before
        assert len(after) == len(said) + len(given)
        assert await log.verify("s") is None
    return given


async def everything(log: Log) -> list[Record]:
    records: list[Record] = []
    while more := await log.read("s", len(records), 4096):
        records += more
    return records


def check(records: list[Record], said: list[Said]) -> None:
    """No gap, no double, and each acknowledged one where it was said to be."""
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    assert len({record.body for record in records}) == len(records)
    for one in said:
        assert records[one.position - 1].body == one.key.encode()


async def send_again(log: Log, key: str) -> Said:
    producer = key.split("/")[1]
    expect = await log.head("s", producer)
    return Said(key, await log.append("s", [key.encode()], subject=producer, expect=expect, key=key))
