"""Create, check, rehearse, open, close and list meetings."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from hearing.board.memory import MemoryBoard
from hearing.config import Config
from hearing.erasing import erase_meeting
from hearing.house import HouseKeeper
from hearing.house_events import MeetingCreated
from hearing.log.sqlite import SqliteLog
from hearing.now import utc_ms
from hearing.readiness import Workers, check
from hearing.remote.connection import Target, at_meeting, reach, request
from hearing.remote.folder import with_house, with_log
from hearing.site.answers import meeting_answer
from hearing.site.folds import Folds
from hearing.site.readiness import ReadinessAnswer, answer
from hearing.sources import rules_of
from hearing.store.folder import FolderStore
from hearing.stream.address import check_form, is_address

_CHECK_S = 90


def create(where: Target, wanted: MeetingCreated) -> None:
    """Create a meeting. Whether its source is allowed is for the server that runs, or the next one to start."""
    _act(where, "/api/meetings", wanted, lambda keeper: keeper.create(_stamped(wanted)))


def setup(where: Target, meeting: str) -> MeetingCreated:
    """Return how a meeting is set up. Raises NotFound."""
    found = reach(where)
    if found:
        return msgspec.convert(request(found, "GET", at_meeting(meeting, "/setup")), MeetingCreated)

    async def read(keeper: HouseKeeper) -> MeetingCreated:
        return keeper.house().meeting(meeting).created

    return with_house(where.data, read)


def open_meeting(where: Target, meeting: str) -> None:
    """Open a meeting; with no server running, the next one to start follows its source."""
    _act(where, at_meeting(meeting, "/open"), None, lambda keeper: keeper.open(meeting))


def close_meeting(where: Target, meeting: str) -> None:
    """Close a meeting."""
    _act(where, at_meeting(meeting, "/close"), None, lambda keeper: keeper.close(meeting))


def rehearse(where: Target, meeting: str) -> str:
    """Rehearse a meeting; return the id of the rehearsal."""
    found = reach(where)
    if found:
        return str(request(found, "POST", at_meeting(meeting, "/rehearse"), b"{}")["id"])
    return with_house(where.data, lambda keeper: keeper.rehearse(meeting))


def purge(where: Target, meeting: str) -> None:
    """Purge a rehearsal; on return its bytes are gone."""
    found = reach(where)
    if found:
        request(found, "POST", at_meeting(meeting, "/purge"), b"{}")
        return

    async def erase(log: SqliteLog) -> None:
        await (await HouseKeeper(log, utc_ms).start()).purge(meeting)
        async with FolderStore(where.data / "media") as store, MemoryBoard() as board:
            await erase_meeting(meeting, log=log, store=store, board=board)

    with_log(where.data, erase)


def readiness(where: Target, meeting: str, settings: Config) -> ReadinessAnswer:
    """Check whether a meeting can open: by the server, or here, by these settings, where none runs."""
    found = reach(where)
    if found:
        answered = request(found, "GET", at_meeting(meeting, "/readiness"), timeout_s=_CHECK_S)
        return msgspec.convert(answered, ReadinessAnswer)

    async def look(keeper: HouseKeeper) -> ReadinessAnswer:
        house = keeper.house()
        findings = await check(
            house.meeting(meeting),
            house=house,
            folder=where.data,
            workers=Workers(),
            now_ms=utc_ms(),
            rules=rules_of(settings),
        )
        return answer(findings)

    return with_house(where.data, look)


def listed(where: Target) -> list[dict[str, Any]]:
    """Return the meetings as the API lists them."""
    found = reach(where)
    if found:
        return list(request(found, "GET", "/api/meetings")["meetings"])
    if not (where.data / "log.db").exists():
        return []

    async def read(log: SqliteLog) -> list[dict[str, Any]]:
        house, folds = (await HouseKeeper(log, utc_ms).start()).house(), Folds(log, log)
        known = [meeting_answer(one, await folds.glance(one.id)) for one in house.meetings.values()]
        return [msgspec.to_builtins(one) for one in known]

    return with_log(where.data, read)


def _stamped(wanted: MeetingCreated) -> MeetingCreated:
    if is_address(wanted.source):
        check_form(wanted.source)
    return msgspec.structs.replace(wanted, created_ms=utc_ms())


def _act(
    where: Target,
    path: str,
    body: MeetingCreated | None,
    act: Callable[[HouseKeeper], Coroutine[Any, Any, None]],
) -> None:
    found = reach(where)
    if found:
        request(found, "POST", path, msgspec.json.encode(body) if body else b"{}")
    else:
        with_house(where.data, act, may_make=body is not None)
