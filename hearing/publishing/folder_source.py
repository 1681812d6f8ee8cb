"""A site's meetings from a data folder that nobody serves."""

from collections.abc import AsyncIterator

from hearing.archive import record
from hearing.house import HouseKeeper
from hearing.log.base import Log
from hearing.meeting import House, Meeting
from hearing.publishing.choice import Candidate
from hearing.qa.profile import strictest
from hearing.qa.shown import PublicFold, Shown
from hearing.site.copy.edition import Edition
from hearing.site.folds import Folds
from hearing.store.base import Store
from hearing.stream.past import Past, read_on
from hearing.stream.plain import Plain
from hearing.stream.recording import Recording


class FolderSource:
    """Reads the log. Rehearsals are nobody's record."""

    def __init__(self, house: House, log: Log, store: Store) -> None:
        self._house = house.public()
        self._log = log
        self._store = store
        self._folds = Folds(log, log, 1)

    async def candidates(self) -> list[Candidate]:
        """Return the meetings there are."""
        return [Candidate(one.id, one.phase) for one in self._house.meetings.values()]

    async def edition(self, meeting: str) -> Edition:
        """Return a meeting as it is now."""
        found = self._house.meeting(meeting)
        fold = await self._folds.of(meeting)
        made = record.release(found, fold.transcript, fold.release)
        related = self._related(found)
        public = await self._public(related)
        return Edition(found, made, public, strictest(one.created.profile for one in related))

    async def sound(self, meeting: str, channel: str) -> AsyncIterator[bytes]:
        """Yield what was recorded of a channel as AAC, without what is hidden."""

        async def look() -> Past:
            return await read_on(self._log, meeting, past)

        past = Past()
        plain = Plain(Recording(self._store, meeting), channel, look)
        for entry in await plain.entries():
            yield await plain.segment(entry)

    def _related(self, meeting: Meeting) -> list[Meeting]:
        """Return the meetings of its dialogue, as the queue orders them."""
        dialogue = meeting.created.dialogue
        found = [one for one in self._house.meetings.values() if one.created.dialogue == dialogue]
        return sorted(found, key=lambda one: one.created.starts_ms or one.created.created_ms)

    async def _public(self, meetings: list[Meeting]) -> Shown:
        return await PublicFold(self._log).read([one.id for one in meetings])


async def open_folder(log: Log, store: Store, now_ms: int) -> FolderSource:
    """Open a source on a log."""
    return FolderSource((await HouseKeeper(log, lambda: now_ms).start()).house(), log, store)
