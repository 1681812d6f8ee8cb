"""What the question queues know of the house."""

from hearing.house import HouseKeeper
from hearing.log.memory import MemoryLog
from hearing.qa.rooms import Rooms
from tests.qa.support import OPEN, meeting


async def test_a_rehearsal_is_no_meeting_of_its_dialogue() -> None:
    log = MemoryLog()
    keeper = await HouseKeeper(log, lambda: 7).start()
    await keeper.create(meeting("first", starts_ms=1_800_000_000_000))
    rooms = await Rooms(log).refresh()
    rehearsal = await keeper.rehearse("first")
    await rooms.refresh()
    assert [one.id for one in rooms.meetings(OPEN)] == ["first"]
    assert rooms.dialogues() == [OPEN]
    current = rooms.current(OPEN)
    assert current is not None
    assert (current.id, current.phase) == ("first", "planned")
    await keeper.purge(rehearsal)
    await keeper.open("first")
    current = (await rooms.refresh()).current(OPEN)
    assert current is not None
    assert (current.id, current.phase) == ("first", "open")
