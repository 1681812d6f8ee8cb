"""Who is told Unavailable may ask again: what was stored all the same is not stored twice."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from hearing.errors import Conflict, Unavailable
from hearing.house import HouseKeeper
from hearing.house_events import HOUSE, decode_house
from hearing.log.base import Log, Record
from hearing.qa.invites import Invites
from hearing.qa.rooms import Rooms
from tests.qa.support import OPEN, Clock, house, meeting


class Losing:
    """A log that stores what it is given. Its first answer is lost, or waits until `together` appends have come."""

    def __init__(self, log: Log, *, together: int = 0) -> None:
        self._lose = not together
        self._together = asyncio.Barrier(together or 1)
        self._log = log
        self.read, self.wait, self.epoch, self.head = log.read, log.wait, log.epoch, log.head
        self.erase, self.erase_all = log.erase, log.erase_all

    async def append(
        self,
        stream: str,
        bodies: Sequence[bytes],
        *,
        subject: str | None = None,
        expect: int | None = None,
        key: str | None = None,
    ) -> int:
        await self._together.wait()
        position = await self._log.append(stream, bodies, subject=subject, expect=expect, key=key)
        if self._lose:
            self._lose = False
            raise Unavailable("The answer was lost.")
        return position


async def test_an_act_on_a_meeting_whose_answer_was_lost_is_decided_again(log: Log) -> None:
    def keeper() -> HouseKeeper:
        return HouseKeeper(Losing(log), Clock())

    wanted, creating, opening, closing = meeting("one", starts_ms=Clock().ms), keeper(), keeper(), keeper()
    with pytest.raises(Unavailable):
        await creating.create(wanted)
    with pytest.raises(Conflict, match="exists already"):
        await creating.create(wanted)
    for act in (opening.open, closing.close):
        with pytest.raises(Unavailable):
            await act("one")
        await act("one")
    assert _stored(await log.read(HOUSE, 0)) == {"MeetingCreated": 1, "MeetingOpened": 1, "MeetingClosed": 1}


async def test_an_invitation_is_revoked_once_whoever_asks_while_it_is_not_told_yet(log: Log) -> None:
    await house(log, meeting("one"))
    token = await Invites(log, Rooms(log), Clock()).create("moderator", OPEN)
    both = Losing(log, together=2)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(Invites(both, Rooms(both), Clock()).revoke(token.split(".")[0]))
    assert _stored(await log.read(HOUSE, 0))["InviteRevoked"] == 1


def _stored(records: Sequence[Record]) -> Counter[str]:
    return Counter(type(decode_house(record.body)).__name__ for record in records)
