"""An index over a log, and those who speak into the log."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from hearing.archive.feeder import Feeder
from hearing.archive.index import Index
from hearing.archive.search import Search
from hearing.archive.wanted import Found, Wanted
from hearing.house import HouseKeeper
from hearing.log.memory import MemoryLog
from tests.site.serving import MEETING, ZERO_MS, Speaker, meeting


class Searching(msgspec.Struct):
    """A search over a log, caught up when asked to."""

    log: MemoryLog
    keeper: HouseKeeper
    index: Index
    feeder: Feeder
    search: Search
    path: Path

    async def meeting(self, meeting_id: str = MEETING, **changes: object) -> Speaker:
        """Create a meeting and open it; return who speaks in it."""
        await self.keeper.create(meeting(meeting_id, **changes))
        await self.keeper.open(meeting_id)
        speaker = Speaker(self.log, meeting_id)
        await speaker.begin()
        return speaker

    async def find(self, text: str, **filters: object) -> Found:
        """Catch up and search."""
        await self.feeder.catch_up()
        return await self.search.find(msgspec.structs.replace(Wanted(text), **filters))

    async def texts(self, text: str, **filters: object) -> list[str]:
        """Search, and return the texts that were found."""
        return [hit.text for hit in (await self.find(text, **filters)).hits]

    def residue(self, *canaries: str) -> list[str]:
        """Return which of these stand in any byte of the index's files."""
        files = [path.read_bytes() for path in self.path.parent.glob(f"{self.path.name}*")]
        return [canary for canary in canaries if any(canary.encode() in content for content in files)]


@contextlib.asynccontextmanager
async def searching(path: Path, log: MemoryLog | None = None) -> AsyncIterator[Searching]:
    """Open an index over a log; one that is given outlives it."""
    async with contextlib.AsyncExitStack() as opening:
        used: MemoryLog = log if log else await opening.enter_async_context(MemoryLog())
        index = await opening.enter_async_context(Index(path))
        keeper = await HouseKeeper(used, lambda: ZERO_MS).start()
        feeder = Feeder(keeper.house, used, index, settle_s=0)
        yield Searching(used, keeper, index, feeder, Search(index, keeper.house, feeder), path)
