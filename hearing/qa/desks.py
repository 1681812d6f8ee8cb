"""One open desk per dialogue, with what belongs to it."""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from hearing.access import Action, Capability, require
from hearing.errors import Gone, HearingError, NotFound, Unavailable
from hearing.log.base import Log
from hearing.qa.desk import Desk
from hearing.qa.intake import Intake, not_found
from hearing.qa.publish import Publisher
from hearing.qa.quota import Quota
from hearing.qa.receipt import Keys
from hearing.qa.rooms import Rooms
from hearing.qa.shown import PublicFold
from hearing.qa.support import Support
from hearing.qa.vault import Vault

logger = logging.getLogger(__name__)

_BURST, _PER_S = 600, 2.0


class Room(msgspec.Struct, frozen=True):
    """A dialogue's desk, what takes in for it, publishes for it, and reads what is published and who supports it."""

    desk: Desk
    intake: Intake
    publisher: Publisher
    shown: PublicFold
    support: Support

    async def supporters(self) -> dict[str, int]:
        """Return how many support each item that is public."""
        counts = await self.support.counts()
        return {item: counts.get(public, 0) for item, public in self.publisher.public_ids().items()}

    async def publish_now(self) -> None:
        """Take out of the public view what must be out, before answering; what fails now `run` tries again."""
        try:
            await self.publisher.step()
        except HearingError as error:
            logger.warning("publish_failed code=%s", error.code)


class Desks:
    """Opens desks when they are asked for."""

    def __init__(self, rooms: Rooms, *, log: Log, vault: Vault, now_ms: Callable[[], int]) -> None:
        self._rooms = rooms
        self._log = log
        self._vault = vault
        self._now_ms = now_ms
        self._opened: dict[str, Room] = {}
        self._opening = asyncio.Lock()

    async def open_all(self) -> None:
        """Open those there are, and finish what a server that died had begun."""
        for dialogue in (await self._rooms.refresh()).dialogues():
            await self._check_vault((await self.of(dialogue)).desk)

    async def _check_vault(self, desk: Desk) -> None:
        """Raise Unavailable where this is not the vault that the items of a desk were sealed with."""
        kept = [item for item in desk.state.items.values() if not item.withdrawn]
        for item in kept[-1:]:
            try:
                await self._vault.open(desk.key_name(item.id), item.received.body)
            except Gone:  # restored without the vault of then: this one knows that the key is lost
                return
            except NotFound as error:
                raise Unavailable(
                    "The vault (vault.db) is not the one of this data folder: what was sent cannot be read with it. "
                    "Put back the one that belongs to it."
                ) from error

    async def of(self, dialogue: str) -> Room:
        """Return a dialogue's, caught up with its stream. Raises NotFound."""
        (await self._rooms.refresh()).meetings(dialogue)
        async with self._opening:
            if dialogue not in self._opened:
                room = self._make(dialogue)
                await room.desk.finish_withdrawals()
                self._opened[dialogue] = room
        room = self._opened[dialogue]
        await room.desk.refresh()
        return room

    async def allowed(self, who: Capability | None, action: Action, dialogue: str) -> Room:
        """Return the dialogue's, for whoever may do this in it. Raises as `access.require`, and NotFound."""
        require(who, action, dialogue)
        return await self.of(dialogue)

    async def having(self, dialogue: str, meeting: str) -> Room:
        """Return the dialogue's that has this meeting. Raises NotFound."""
        if meeting not in (await self._rooms.refresh()).meeting_ids(dialogue):
            raise NotFound("This dialogue has no such meeting.")
        return await self.of(dialogue)

    async def holding(self, item_id: str) -> Room | None:
        """Return the one that has this item; None where none has."""
        for dialogue in (await self._rooms.refresh()).dialogues():
            room = await self.of(dialogue)
            if item_id in room.desk.state.items:
                return room
        return None

    async def of_keys(self, keys: Keys) -> Room:
        """Return the one that has the item of a receipt. Raises NotFound."""
        room = await self.holding(keys.item)
        if room is None:
            raise not_found()
        return room

    def _make(self, dialogue: str) -> Room:
        desk = Desk(dialogue, log=self._log, vault=self._vault, now_ms=self._now_ms)
        return Room(
            desk,
            Intake(desk, self._vault, Quota(_BURST, _PER_S, self._now_ms), self._now_ms),
            Publisher(desk, self._rooms, log=self._log, vault=self._vault, now_ms=self._now_ms),
            PublicFold(self._log),
            Support(dialogue, self._log, self._vault, Quota(_BURST, _PER_S, self._now_ms)),
        )
