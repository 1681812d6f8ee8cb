"""The question queues of a house: everything the site and the app need of hearing.qa, in one place.

Receipts come in as `Keys`: receipt.keys(typed) for one that was typed in or that a form carried, or the two values the
page's script derived. Staff come in as the `Capability` that `capability(session)` gave; every act checks it.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from hearing.access import Capability, Role, require
from hearing.board.base import Board
from hearing.desk_events import Ceiling
from hearing.errors import Conflict, NotFound, Refused, Unavailable
from hearing.house_events import HOUSE
from hearing.log.base import Log
from hearing.qa import views
from hearing.qa.away import AwayVault
from hearing.qa.corrections import Corrections
from hearing.qa.desks import Desks, Room
from hearing.qa.intake import Submission
from hearing.qa.invites import Invites, Place, Seat
from hearing.qa.item import Item
from hearing.qa.lists import GLOSSARY, NAMES, Lists
from hearing.qa.moderators import Moderators
from hearing.qa.notices import Notices
from hearing.qa.passages import Passages
from hearing.qa.profile import Rules
from hearing.qa.receipt import Keys
from hearing.qa.revisions import Revisions
from hearing.qa.rooms import Rooms
from hearing.qa.shown import Shown
from hearing.qa.speaking import Speaking
from hearing.qa.status import Status, status_of
from hearing.qa.vault import Vault
from hearing.qa.views import RoutedView

_RETRY_S = 0.5


class Office:
    """Use as an async context manager; `run` publishes in the background for as long as it is awaited.

    `vault` is the path of vault.db in the data folder, `key_file` lies outside it; without one the vault is another
    server's, and what is public is all there is. `now_ms` gives UTC milliseconds.
    """

    def __init__(
        self, log: Log, board: Board, *, vault: Path, key_file: Path | None, now_ms: Callable[[], int]
    ) -> None:
        self._log = log
        self._board = board
        self._vault = Vault(vault, key_file) if key_file else AwayVault()
        self._has_vault = key_file is not None
        self._now_ms = now_ms
        self._rooms = Rooms(log)
        self._invites = Invites(log, self._rooms, now_ms)
        self._desks = Desks(self._rooms, log=log, vault=self._vault, now_ms=now_ms)
        self.moderators = Moderators(
            log, board, rooms=self._rooms, desks=self._desks, invites=self._invites, vault=self._vault, now_ms=now_ms
        )
        self.notices = Notices(self._desks, self._vault, now_ms)
        self.passages = Passages(log, self._rooms, self._desks, now_ms)
        self.names = Lists(NAMES, self._desks, self._vault, now_ms)
        self.glossaries = Lists(GLOSSARY, self._desks, self._vault, now_ms)
        self.speaking = Speaking(log, self._desks, now_ms)
        self.corrections = Corrections(log, self._desks, now_ms)
        self.revisions = Revisions(log, now_ms)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self._vault)
            if self._has_vault:
                await self._desks.open_all()
            self._closing = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._closing.aclose()

    async def run(self) -> None:
        """Publish for every dialogue, those to come too, until cancelled."""
        running: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    seen = (await self._rooms.refresh()).position
                    for dialogue in self._rooms.dialogues():
                        if dialogue not in running:
                            room = await self._desks.of(dialogue)
                            running.add(dialogue)
                            group.create_task(room.publisher.run(), name=f"publish {dialogue}")
                    await self._log.wait(HOUSE, seen)
                except Unavailable:  # the log is away for a moment, or the vault is busy
                    await asyncio.sleep(_RETRY_S)

    # --- everybody ---------------------------------------------------------------------------------------------------

    async def rules(self, dialogue: str) -> Rules:
        """Return how a dialogue works. Raises NotFound."""
        return (await self._rooms.refresh()).rules(dialogue)

    async def published(self, dialogue: str) -> Shown:
        """Return the questions and notices that everybody sees, in the order they were published."""
        room = await self._desks.of(dialogue)
        shown = await room.shown.read(self._rooms.meeting_ids(dialogue))
        if not self._rooms.rules(dialogue).supports:
            return shown
        return shown.supported(await room.support.counts())

    async def support(self, dialogue: str, question: str, voice: str) -> None:
        """Count that a reader wants the answer to a published question too; twice is once. Raises Refused, NotFound."""
        if not (await self.rules(dialogue)).supports:
            raise Refused("This dialogue does not count support.")
        shown = await self.published(dialogue)
        if question not in [one.question for one in shown.questions]:
            raise NotFound("There is no such question here.")
        await (await self._desks.of(dialogue)).support.add(question, voice)

    # --- senders, by receipt -----------------------------------------------------------------------------------------

    async def submit(self, dialogue: str, keys: Keys, wanted: Submission) -> Status:
        """Take an item in; the same again is answered the same. Raises Refused, Conflict, Gone, Unavailable."""
        room = await self._desks.of(dialogue)
        if await self._desks.holding(keys.item) not in (room, None):
            raise Conflict("Something else was sent with this receipt already. Take a new receipt for a new item.")
        item = await room.intake.submit(keys, wanted, self._rooms.rules(dialogue), self._rooms.meetings(dialogue))
        return await self._status(room, item)

    async def status(self, keys: Keys) -> Status:
        """Tell a sender what became of their item, in whichever dialogue it is. Raises NotFound."""
        room = await self._desks.of_keys(keys)
        return await self._status(room, await room.intake.find(keys))

    async def withdraw(self, keys: Keys) -> Status:
        """Withdraw for good; on return its text is unreadable, and out of the public view where it was."""
        room = await self._desks.of_keys(keys)
        item = await room.intake.withdraw(keys)
        await room.publish_now()
        return await self._status(room, item)

    async def narrow(self, keys: Keys, ceiling: Ceiling) -> Status:
        """Let fewer see it. Raises Refused for more."""
        room = await self._desks.of_keys(keys)
        item = await room.intake.lower(keys, ceiling)
        await room.publish_now()
        return await self._status(room, item)

    async def reply(self, keys: Keys, text: str) -> Status:
        """Reply to what staff asked. Raises Conflict where nothing is asked."""
        room = await self._desks.of_keys(keys)
        return await self._status(room, await room.intake.reply(keys, text))

    # --- members -----------------------------------------------------------------------------------------------------

    async def routed(self, who: Capability | None, dialogue: str) -> list[RoutedView]:
        """Return what is routed to this member, or to a revoked seat of the same name; never above the ceiling."""
        room = await self._desks.allowed(who, "route.read", dialogue)
        invites = await self._invites.succeeded(require(who, "route.read", dialogue))
        return await views.routed_views(room.desk, self._vault, invites, self._now_ms())

    # --- invitations -------------------------------------------------------------------------------------------------

    async def invite(
        self, who: Capability | None, dialogue: str, role: Role, label: str = "", place: Place | None = None
    ) -> str:
        """Return a new invitation's token, shown once."""
        require(who, "invite.create", dialogue)
        return await self._invites.create(role, dialogue, label, place)

    async def captioner(self, token: str) -> Capability:
        """Return what the token in a caption URL allows. Raises NotFound, Gone."""
        return await self._invites.captioner(token)

    async def invited(self, token: str) -> str:
        """Return the dialogue that an invitation is to, empty for the house, and bind nothing. Raises NotFound."""
        return await self._invites.invited(token)

    def propose_session(self, token: str) -> str:
        """Return a session token for the form that accepts an invitation, so that a lost answer loses nothing."""
        return self._invites.propose(token)

    async def accept_invite(self, token: str, session: str | None = None) -> str:
        """Bind an invitation, once; return the session's token. Raises NotFound, Gone, Refused."""
        return await self._invites.accept(token, session)

    async def capability(self, session: str) -> Capability | None:
        """Return what a session may do; None for nothing."""
        return await self._invites.check(session)

    async def seats(self, who: Capability | None, dialogue: str) -> list[Seat]:
        """Return the invitations to a dialogue: who can be routed to, and for staff who has come."""
        if who is None or who.role != "staff":
            require(who, "queue.read", dialogue)
        return await self._invites.seats(dialogue)

    async def revoke(self, who: Capability | None, dialogue: str, invite_id: str) -> None:
        """End an invitation and its session."""
        require(who, "invite.create", dialogue)
        if invite_id not in [seat.invite for seat in await self._invites.seats(dialogue)]:
            raise NotFound("There is no such invitation to this dialogue.")
        await self._invites.revoke(invite_id)

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _status(self, room: Room, item: Item) -> Status:
        dialogue = room.desk.dialogue
        return await status_of(
            room.desk,
            self._vault,
            item,
            self._now_ms(),
            upcoming=self._rooms.current(dialogue),
            ceilings=self._rooms.rules(dialogue).ceilings,
        )
