"""What moderators do with the items of a queue: read, decide, take back, claim. Every act checks who asks.

Staff come in as the `Capability` that `Office.capability` gave.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from hearing.access import Capability, require
from hearing.board.base import Board
from hearing.errors import Refused
from hearing.log.base import Log
from hearing.qa import claims, views
from hearing.qa.acts import Accept, Act, Answer, Lower, Publish, Route, State, TurnTo, Unpublish
from hearing.qa.desk import Stale
from hearing.qa.desks import Desks, Room
from hearing.qa.invites import Invites
from hearing.qa.item import Item
from hearing.qa.outcome import Changed, Outcome, Wanted, outcome_of
from hearing.qa.queue import Filters, Queue, select
from hearing.qa.rooms import Rooms
from hearing.qa.vault import Vault
from hearing.qa.views import ItemView

MOST_AT_ONCE = 200


class Moderators:
    """The queues of all dialogues. `now_ms` gives UTC milliseconds."""

    def __init__(
        self,
        log: Log,
        board: Board,
        *,
        rooms: Rooms,
        desks: Desks,
        invites: Invites,
        vault: Vault,
        now_ms: Callable[[], int],
    ) -> None:
        self._log = log
        self._board = board
        self._rooms = rooms
        self._desks = desks
        self._invites = invites
        self._vault = vault
        self._now_ms = now_ms

    async def queue(self, who: Capability | None, dialogue: str, filters: Filters | None = None) -> Queue:
        """Return the items that pass the filters, oldest first, and how many there are of each state."""
        room = await self._desks.allowed(who, "queue.read", dialogue)
        claimed = await claims.holders(self._board, dialogue)
        found = await select(room.desk, self._vault, filters or Filters(), self._now_ms(), claimed)
        counts = await room.supporters()
        items = [msgspec.structs.replace(view, supporters=counts.get(view.item, 0)) for view in found.items]
        return msgspec.structs.replace(found, items=items)

    async def item(self, who: Capability | None, dialogue: str, item_id: str) -> ItemView:
        """Return one item. Raises NotFound."""
        room = await self._desks.allowed(who, "queue.read", dialogue)
        return await self._view(room, await room.desk.item(item_id))

    async def decide(self, who: Capability | None, dialogue: str, item_id: str, version: int, act: Act) -> ItemView:
        """Decide on the version that was seen. Raises Changed with the item as it is, Conflict, Refused, Gone."""
        return await self._decide(who, dialogue, Wanted(item_id, version), act, self._now_ms())

    async def undo(self, who: Capability | None, dialogue: str, item_id: str, version: int) -> ItemView:
        """Take one's last act on an item back, within ten seconds. Raises as `decide` does."""
        room = await self._desks.allowed(who, "item.decide", dialogue)
        actor = require(who, "item.decide", dialogue).actor
        try:
            return await self._view(room, await room.desk.undo(item_id, version, actor))
        except Stale as stale:
            raise Changed(await self._view(room, stale.current)) from None

    async def bulk(self, who: Capability | None, dialogue: str, wanted: Sequence[Wanted], act: Act) -> list[Outcome]:
        """Decide the same on up to 200 items, each on its version; what fails for one changes nothing for another.

        All of them at one time: published together, they come in an order that tells nothing of when they were sent.
        """
        await self._desks.allowed(who, "item.decide", dialogue)
        if len(wanted) > MOST_AT_ONCE:
            raise Refused(f"Decide on up to {MOST_AT_ONCE} at once.")
        at_ms = self._now_ms()
        return [await outcome_of(one, self._read_and_decide(who, dialogue, one, act, at_ms)) for one in wanted]

    async def claim(self, who: Capability | None, dialogue: str, item_id: str) -> str:
        """Claim an item for 90 s; return the invitation that holds it, which may be another's. Advisory only."""
        room = await self._desks.allowed(who, "item.claim", dialogue)
        await room.desk.item(item_id)
        return await claims.claim(self._board, dialogue, item_id, require(who, "item.claim", dialogue).actor)

    async def release(self, who: Capability | None, dialogue: str, item_id: str) -> None:
        """Give one's claim back."""
        await self._desks.allowed(who, "item.claim", dialogue)
        await claims.release(self._board, dialogue, item_id, require(who, "item.claim", dialogue).actor)

    async def changed(self, who: Capability | None, dialogue: str, position: int) -> int:
        """Return once the desk is past `position`, with where it is by then: the queue's page then reads again."""
        room = await self._desks.allowed(who, "queue.read", dialogue)
        if room.desk.state.position <= position:
            await self._log.wait(room.desk.stream, position)
        return (await room.desk.refresh()).position

    async def counts(self, who: Capability | None, dialogue: str) -> dict[State, int]:
        """Return how many items there are of each state, for the chair: no text, nobody's words."""
        room = await self._desks.allowed(who, "chair.read", dialogue)
        return dict(Counter(item.state for item in room.desk.state.items.values()))

    async def _decide(self, who: Capability | None, dialogue: str, seen: Wanted, act: Act, at_ms: int) -> ItemView:
        room = await self._desks.allowed(who, "item.decide", dialogue)
        actor = require(who, "item.decide", dialogue).actor
        if isinstance(act, Answer) and act.meeting and act.meeting not in self._rooms.meeting_ids(dialogue):
            raise Refused("This dialogue has no such meeting.")
        if isinstance(act, Route) and not set(act.to) <= {"committee", *await self._invites.members(dialogue)}:
            raise Refused("One of these is no member's seat, or its invitation was revoked. Choose again.")
        try:
            item = await room.desk.decide(
                seen.item, seen.version, act, actor=actor, rules=self._rooms.rules(dialogue), at_ms=at_ms
            )
        except Stale as stale:
            raise Changed(await self._view(room, stale.current)) from None
        if isinstance(act, Unpublish | Lower | TurnTo):
            await room.publish_now()
        return await self._view(room, item)

    async def _read_and_decide(
        self, who: Capability | None, dialogue: str, seen: Wanted, act: Act, at_ms: int
    ) -> ItemView:
        """Decide; what nobody had read yet and is passed on or published is accepted by that."""
        item = await (await self._desks.of(dialogue)).desk.item(seen.item)
        if isinstance(act, Publish | Route) and item.state == "received" and item.version == seen.version:
            accepted = await self._decide(who, dialogue, seen, Accept(), at_ms)
            seen = msgspec.structs.replace(seen, version=accepted.version)
        return await self._decide(who, dialogue, seen, act, at_ms)

    async def _view(self, room: Room, item: Item) -> ItemView:
        claimed = await claims.holders(self._board, room.desk.dialogue)
        return (await views.item_views(room.desk, self._vault, [item], self._now_ms(), claimed))[0]
