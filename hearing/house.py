"""The house: every meeting, folded from its stream, and the acts of staff upon it."""

from collections.abc import Callable
from typing import Self

from hearing import meeting
from hearing.errors import Conflict
from hearing.events import encode
from hearing.house_events import HOUSE, CloseReason, HouseEvent, MeetingCreated, decode_house
from hearing.log.base import Log
from hearing.meeting import House

_TRIES = 8


class HouseKeeper:
    """Keeps the fold of `house` current and appends to it, each decision on the newest state.

    `now_ms` gives UTC milliseconds since the Unix epoch.
    """

    def __init__(self, log: Log, now_ms: Callable[[], int]) -> None:
        self._log = log
        self._now_ms = now_ms
        self._house = House()
        self._position = 0

    async def start(self) -> Self:
        """Fold what the log holds."""
        await self.refresh()
        return self

    def house(self) -> House:
        """Return the state as last folded."""
        return self._house

    async def refresh(self) -> House:
        """Fold what has come since, and return the state."""
        while records := await self._log.read(HOUSE, self._position):
            for record in records:
                if record.position > self._position:
                    self._house = meeting.apply(self._house, decode_house(record.body))
                    self._position = record.position
        return self._house

    async def changed(self) -> House:
        """Wait until the stream grows, and return the state."""
        await self._log.wait(HOUSE, self._position)
        return await self.refresh()

    async def create(self, wanted: MeetingCreated) -> None:
        """Create a meeting. Raises Refused or Conflict as hearing.meeting.create does."""
        await self._decide(lambda house: meeting.create(house, wanted))

    async def change(self, wanted: MeetingCreated) -> None:
        """Set a meeting up anew. Raises Refused or Conflict as hearing.meeting.change does."""
        await self._decide(lambda house: meeting.change(house, wanted, self._now_ms()))

    async def begin_block(self, meeting_id: str, block: str) -> None:
        """Go on to a block of the agenda."""
        await self._decide(lambda house: meeting.begin_block(house, meeting_id, block, self._now_ms()))

    async def rehearse(self, meeting_id: str) -> str:
        """Rehearse a planned meeting; return the id of the rehearsal, which is open."""
        await self._decide(lambda house: meeting.rehearse(house, meeting_id, self._now_ms()))
        return self._house.rehearsals(meeting_id)[-1].id

    async def purge(self, meeting_id: str) -> None:
        """Purge a rehearsal: whoever attends it erases everything of it."""
        await self._decide(lambda house: meeting.purge(house, meeting_id, self._now_ms()))

    async def open(self, meeting_id: str) -> None:
        """Open a meeting; the relay follows its source from then on."""
        await self._decide(lambda house: meeting.open_meeting(house, meeting_id, self._now_ms()))

    async def close(self, meeting_id: str, reason: CloseReason = "staff") -> None:
        """Close a meeting; what was said stays."""
        await self._decide(lambda house: meeting.close_meeting(house, meeting_id, self._now_ms(), reason))

    async def _decide(self, decide: Callable[[House], list[HouseEvent]]) -> None:
        for _ in range(_TRIES):
            events = decide(await self.refresh())
            if not events:
                return
            try:
                await self._log.append(HOUSE, [encode(event) for event in events], expect=self._position)
            except Conflict:
                continue
            await self.refresh()
            return
        raise Conflict("Others keep changing the list of meetings. Try again.")
