"""An edge that relays while the home is away: captions, sound and picture go on for who reads it.

What it records is for the time between: the home's recording has a hole there. When the home is back the edge hands the
meeting over and erases what it recorded, so that whatever is redacted later lies in one place.
"""

import asyncio
import logging
from functools import partial
from pathlib import Path

from hearing.attend import Attendant, patiently
from hearing.errors import Refused
from hearing.home import Turns, Whereabouts
from hearing.house import HouseKeeper
from hearing.meeting import Meeting
from hearing.store.base import Store
from hearing.stream.address import Rules, is_address, read

PATIENCE_S = 10.0
"""So long the home must have been away: a restart takes less."""

logger = logging.getLogger(__name__)


class Standby:
    """Attends the public meetings that are open, each while it is this server's turn."""

    def __init__(self, keeper: HouseKeeper, attendant: Attendant, turns: Turns, store: Store) -> None:
        self._keeper = keeper
        self._attendant = attendant
        self._turns = turns
        self._store = store
        self._attended: dict[str, asyncio.Event] = {}

    async def run(self) -> None:
        """Stand by until cancelled. What a server that was killed had recorded is erased first."""
        for meeting_id in self._keeper.house().meetings:
            await patiently(partial(self._store.erase, f"{meeting_id}/"))
        tasks: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                for meeting in self._keeper.house().public().meetings.values():
                    closing = self._attended.get(meeting.id)
                    if closing is None and meeting.phase == "open":
                        self._attended[meeting.id] = closing = asyncio.Event()
                        attending = self._attend(meeting, closing)
                        tasks[meeting.id] = group.create_task(attending, name=f"standby {meeting.id}")
                    if meeting.phase == "closed" and closing:
                        closing.set()
                        if meeting.id not in self._turns.relayed:
                            tasks[meeting.id].cancel()  # it would wait for a turn for ever
                await patiently(self._keeper.changed)

    async def _attend(self, meeting: Meeting, closing: asyncio.Event) -> None:
        sealed = False
        while not sealed and not closing.is_set():
            async with self._turns.held(meeting) as over:
                logger.warning("standby_relays meeting=%s: the home is away", meeting.id)
                sealed = await self._attendant.attend(meeting, closing, over)
                await patiently(partial(self._store.erase, f"{meeting.id}/"))
                logger.warning("standby_hands_over meeting=%s sealed=%s", meeting.id, sealed)


class Able:
    """Tells whether a server can relay a meeting in the home's place: the home is away, and its source is here, too."""

    def __init__(self, whereabouts: Whereabouts, rules: Rules) -> None:
        self._whereabouts = whereabouts
        self._rules = rules

    async def __call__(self, meeting: Meeting) -> bool:
        return self._has(meeting.created.source) and await self._whereabouts.away()

    def _has(self, source: str) -> bool:
        if source.startswith("demo:"):
            return True
        if not is_address(source):
            return Path(source).is_file()
        try:
            read(source, self._rules)
        except Refused:
            return False
        return True
