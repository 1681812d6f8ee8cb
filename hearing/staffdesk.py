"""What staff may do over HTTP on the home of a data folder."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import msgspec

from hearing.attend import Attendant
from hearing.errors import Unavailable
from hearing.finding import Finding
from hearing.house import HouseKeeper
from hearing.house_events import MeetingCreated
from hearing.meeting import Meeting
from hearing.redacting import Redactor
from hearing.redaction import Account, Wanted
from hearing.sources import Sources

Checking = Callable[[Meeting], Awaitable[list[Finding]]]

_ERASE_S = 20.0
_REDACT_S = 10.0


class StaffDesk:
    """What staff may do over HTTP. The `own` token is this server's, dies with it, and stands in its data folder alone.

    So who bears that one acts on this machine, as the user who runs the server.
    """

    def __init__(
        self,
        keeper: HouseKeeper,
        token: str,
        attendant: Attendant,
        check: Checking,
        *,
        own: str,
        redactor: Redactor,
        sources: Sources,
        now_ms: Callable[[], int],
    ) -> None:
        self._own = own
        self._redactor = redactor
        self._keeper = keeper
        self._token = token
        self._attendant = attendant
        self._check = check
        self._sources = sources
        self._now_ms = now_ms

    def allows(self, token: str) -> bool:
        """Tell whether the bearer of the token is staff."""
        return secrets.compare_digest(token.encode(), self._token.encode()) or self.near(token)

    def near(self, token: str) -> bool:
        """Tell whether the bearer of the token acts on this machine."""
        return secrets.compare_digest(token.encode(), self._own.encode())

    def masked(self, source: str) -> str:
        """Return a source as staff may see it; taken back by create and change as the whole."""
        return self._sources.masked(source)

    def seen(self, created: MeetingCreated) -> str:
        """Return what names how a meeting is set up, and tells nothing of it."""
        return self._sources.seen(created)

    async def create(self, wanted: MeetingCreated, *, near: bool = False) -> None:
        """Create a meeting, stamped with the time now. Raises Refused for a source that cannot be relayed."""
        whole = self._sources.taken(wanted, self._keeper.house(), near=near)
        await self._keeper.create(msgspec.structs.replace(whole, created_ms=self._now_ms()))

    async def change(self, wanted: MeetingCreated) -> None:
        """Set a meeting up anew. Raises Refused for a source that cannot be relayed."""
        await self._keeper.change(self._sources.taken(wanted, self._keeper.house()))

    async def begin_block(self, meeting: str, block: str) -> None:
        """Go on to a block of the agenda; an empty one ends the one before."""
        await self._keeper.begin_block(meeting, block)

    async def open(self, meeting: str) -> None:
        """Open a meeting."""
        await self._keeper.open(meeting)

    async def close(self, meeting: str) -> None:
        """Close a meeting."""
        await self._keeper.close(meeting)

    async def rehearse(self, meeting: str) -> str:
        """Rehearse a meeting; return the id of the rehearsal."""
        return await self._keeper.rehearse(meeting)

    async def purge(self, meeting: str) -> None:
        """Purge a rehearsal; on return its bytes are gone. Raises Unavailable where that takes longer."""
        await self._keeper.purge(meeting)
        try:
            async with asyncio.timeout(_ERASE_S):
                await self._attendant.erased(meeting)
        except TimeoutError as error:
            raise Unavailable(
                "It is purged, and nobody sees it any more; its bytes are still being erased. Close what else reads "
                "the data folder, and purge it again to see it done."
            ) from error

    async def account(self, meeting: str) -> Account:
        """Return what was said in a meeting, hidden or not, and what was taken out."""
        return await self._redactor.account(meeting)

    async def redact(self, meeting: str, wanted: Wanted) -> bool:
        """Take words and sound out of the record; False where that is not done yet, and only hidden."""
        await self._redactor.ask(meeting, wanted)
        try:
            async with asyncio.timeout(_REDACT_S):
                await self._redactor.ended(meeting, wanted.redaction)
        except TimeoutError:
            return False
        return True

    async def readiness(self, meeting: str) -> list[Finding]:
        """Check whether a meeting can open."""
        return await self._check(self._keeper.house().meeting(meeting))
