"""The acts of staff, on a log that others write too."""

import asyncio

import msgspec
import pytest

from hearing.errors import Conflict
from hearing.events import encode
from hearing.house import HouseKeeper
from hearing.house_events import HOUSE, MeetingCreated
from hearing.log.memory import MemoryLog
from tests.test_meeting import CREATED


async def keeper(log: MemoryLog) -> HouseKeeper:
    return await HouseKeeper(log, lambda: 7).start()


def numbered(n: int) -> MeetingCreated:
    return msgspec.structs.replace(CREATED, meeting=f"m{n}")


async def test_two_keepers_of_one_log_see_each_others_acts() -> None:
    log = MemoryLog()
    one, two = await keeper(log), await keeper(log)
    await one.create(CREATED)
    await two.open(CREATED.meeting)
    with pytest.raises(Conflict):
        await two.create(CREATED)
    assert (await one.refresh()).meeting(CREATED.meeting).opened_ms == 7


async def test_of_racing_creations_each_id_is_made_once() -> None:
    log = MemoryLog()
    keepers = [await keeper(log) for _ in range(4)]
    acts = [each.create(numbered(n)) for each in keepers for n in range(2)]
    answers = await asyncio.gather(*acts, return_exceptions=True)
    assert sum(answer is None for answer in answers) == 2
    assert all(isinstance(answer, Conflict) for answer in answers if answer is not None)
    assert len(await log.read(HOUSE, 0)) == 2


async def test_opening_twice_is_recorded_once() -> None:
    log = MemoryLog()
    staff = await keeper(log)
    await staff.create(CREATED)
    await staff.open(CREATED.meeting)
    await staff.open(CREATED.meeting)
    await staff.close(CREATED.meeting)
    await staff.close(CREATED.meeting)
    assert len(await log.read(HOUSE, 0)) == 3


async def test_changed_returns_when_somebody_else_acts() -> None:
    log = MemoryLog()
    staff = await keeper(log)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        waiting = group.create_task(staff.changed())
        await asyncio.sleep(0)
        await log.append(HOUSE, [encode(CREATED)])
    assert list(waiting.result().meetings) == [CREATED.meeting]
