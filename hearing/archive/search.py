"""Search what was said in the public meetings of a house."""

from collections.abc import Callable

import msgspec

from hearing.archive.feeder import Feeder
from hearing.archive.index import Index
from hearing.archive.lookup import look_up
from hearing.archive.wanted import Found, Wanted, check
from hearing.meeting import House


class Search:
    """Answers from the index of a data folder, about the meetings of its house that are public."""

    def __init__(self, index: Index, house: Callable[[], House], feeder: Feeder) -> None:
        self._index = index
        self._house = house
        self._feeder = feeder

    async def find(self, wanted: Wanted) -> Found:
        """Search. Raises Refused for what cannot be asked, Unavailable while the index cannot be read."""
        check(wanted)
        meetings = self._house().public().meetings
        found = await self._index.query(lambda database: look_up(database, wanted, meetings))
        return msgspec.structs.replace(found, behind=self._feeder.behind())
