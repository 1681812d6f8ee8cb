"""kill -9 between append and answer: what was acknowledged is there, and what is sent again is there once."""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from hearing.desk_events import ItemAccepted, ItemReceived, ItemWithdrawn, decode_desk, desk_stream
from hearing.log.sqlite import SqliteLog
from hearing.qa import receipt
from tests.qa.support import NEEDLE, OPEN, Clock, holding, office, records

KILLS = 8
ITEMS = 150


def run_until(folder: Path, receipts: list[str], lines: int | None) -> list[tuple[str, int]]:
    """Let a process send them all, or kill it after so many lines; return what it said."""
    command = [sys.executable, "-m", "tests.qa.sender", str(folder), *receipts]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        if lines is None:
            said = process.stdout.readlines()
        else:
            said = [process.stdout.readline() for _ in range(lines)]
            process.kill()
            said += process.stdout.readlines()
    whole = [line.decode().split() for line in said if line.endswith(b"\n") and b" " in line]
    return [(word, int(number)) for word, number in whole]


async def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    chance = random.Random(3)
    receipts = [receipt.mint() for _ in range(ITEMS)]
    said: list[tuple[str, int]] = []
    for _ in range(KILLS):
        said += run_until(tmp_path, receipts, chance.randint(5, 150))
        await check(tmp_path, receipts, set(said))
    said += run_until(tmp_path, receipts, None)
    events = await check(tmp_path, receipts, set(said))
    assert Counter(type(event) for event in events) == {
        ItemReceived: ITEMS,
        ItemAccepted: ITEMS,
        ItemWithdrawn: ITEMS // 3,
    }


async def check(folder: Path, receipts: list[str], said: set[tuple[str, int]]) -> list[object]:
    async with SqliteLog(folder / "data" / "log.db") as log:
        events = [decode_desk(record.body) for record in await records(log, desk_stream(OPEN))]
    happened = Counter((type(event), getattr(event, "item", "")) for event in events)
    assert not happened or max(happened.values()) == 1
    items = [receipt.keys(one).item for one in receipts]
    for word, kind in (("sent", ItemReceived), ("accepted", ItemAccepted), ("withdrawn", ItemWithdrawn)):
        assert all((kind, items[number]) in happened for each, number in said if each == word)
    async with office(folder, Clock()) as (desk, _):
        for number, one in enumerate(receipts):
            if (ItemReceived, items[number]) in happened:
                status = await desk.status(receipt.keys(one))
                gone = (ItemWithdrawn, items[number]) in happened
                assert status.text == ("" if gone else f"{NEEDLE} {number}")
    assert holding(folder, NEEDLE) == []
    return list(events)
