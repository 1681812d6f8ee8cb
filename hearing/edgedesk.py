"""What staff may do over HTTP on an edge: what needs the log alone. The rest is passed on before it comes here."""

import secrets

from hearing.errors import Unavailable
from hearing.finding import Finding
from hearing.house import HouseKeeper
from hearing.house_events import MeetingCreated
from hearing.redaction import Account, Wanted
from hearing.sources import Sources


class EdgeDesk:
    """Acts of staff upon the house; the token is this server's own."""

    def __init__(self, keeper: HouseKeeper, token: str, sources: Sources) -> None:
        self._keeper = keeper
        self._token = token
        self._sources = sources

    def allows(self, token: str) -> bool:
        """Tell whether the bearer of the token is staff."""
        return secrets.compare_digest(token.encode(), self._token.encode())

    def masked(self, source: str) -> str:
        """Return a source as staff may see it."""
        return self._sources.masked(source)

    def seen(self, created: MeetingCreated) -> str:
        """Return what names how a meeting is set up, and tells nothing of it."""
        return self._sources.seen(created)

    def near(self, _token: str) -> bool:
        """Nobody acts on the machine of the home here: it opens the files."""
        return False

    async def create(self, wanted: MeetingCreated, *, near: bool = False) -> None:
        """Raises Unavailable: it is the home's, which opens the source, and knows what it showed of another."""
        raise _homes()

    async def change(self, wanted: MeetingCreated) -> None:
        """Raises Unavailable: it is the home's."""
        raise _homes()

    async def begin_block(self, meeting: str, block: str) -> None:
        """Raises Unavailable: it is the home's."""
        raise _homes()

    async def open(self, meeting: str) -> None:
        """Open a meeting; the home follows its source from then on."""
        await self._keeper.open(meeting)

    async def close(self, meeting: str) -> None:
        """Close a meeting; the home seals it."""
        await self._keeper.close(meeting)

    async def rehearse(self, meeting: str) -> str:
        """Raises Unavailable: it is the home's."""
        raise _homes()

    async def purge(self, meeting: str) -> None:
        """Raises Unavailable: it is the home's."""
        raise _homes()

    async def account(self, meeting: str) -> Account:
        """Raises Unavailable: it is the home's."""
        raise _homes()

    async def redact(self, meeting: str, wanted: Wanted) -> bool:
        """Raises Unavailable: it is the home's."""
        raise _homes()

    async def readiness(self, meeting: str) -> list[Finding]:
        """Raises Unavailable: it is the home's."""
        raise _homes()


def _homes() -> Unavailable:
    return Unavailable("Only the server that holds the recordings does this. Send it to that one.")
