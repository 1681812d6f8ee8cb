"""Read what was said: a meeting as a file, or what a search finds."""

from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from hearing.archive.feeder import Feeder
from hearing.archive.index import Index
from hearing.archive.search import Search
from hearing.errors import NotFound
from hearing.house import HouseKeeper
from hearing.log.sqlite import SqliteLog
from hearing.now import utc_ms
from hearing.remote.connection import Target, at_meeting, fetch, reach, request
from hearing.remote.folder import with_log
from hearing.site import exporting
from hearing.site.folds import Folds
from hearing.site.i18n import english
from hearing.site.searching import SearchAnswer, answer, wanted_of


def export(where: Target, meeting: str, channel: str, kind: str, address: str) -> bytes:
    """Return one channel of a meeting as a file of this kind. `address` is the public one of the server."""
    address = exporting.checked(address)
    found = reach(where)
    if found:
        wanted = {"channel": channel, "format": kind, **({"address": address} if address else {})}
        return fetch(found, "GET", at_meeting(meeting, f"/export?{urlencode(wanted)}"))
    if not (where.data / "log.db").exists():
        raise NotFound("There is no meeting in this folder. Name the right one with --data FOLDER.")

    async def read(log: SqliteLog) -> bytes:
        known = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting)
        fold = await Folds(log, log).of(known.id)
        return exporting.writer(known, fold, (channel, kind), exporting.catalogues(), address)()

    return with_log(where.data, read)


def search(where: Target, asked: Mapping[str, str]) -> SearchAnswer:
    """Search what was said: through the server, or in a folder where none runs. `asked` is as the API takes it."""
    found = reach(where)
    if found:
        return msgspec.convert(request(found, "GET", f"/api/search?{urlencode(asked)}"), SearchAnswer)
    if not (where.data / "log.db").exists():
        raise NotFound("There is no data in this folder. Name another with --data, or a server with --server.")

    async def look(log: SqliteLog) -> SearchAnswer:
        keeper = await HouseKeeper(log, utc_ms).start()
        async with Index(where.data / "index.db") as index:
            feeder = Feeder(keeper.house, log, index)
            await feeder.catch_up()
            wanted = wanted_of(asked)
            return answer(wanted, await Search(index, keeper.house, feeder).find(wanted), english())

    return with_log(where.data, look)
