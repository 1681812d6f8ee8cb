"""Act on a data folder that nobody serves: its log, its house, or its desks."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hearing.app_parts import office_of
from hearing.board.memory import MemoryBoard
from hearing.config import from_environ
from hearing.errors import NotFound
from hearing.home import check_own_log
from hearing.house import HouseKeeper
from hearing.listen import hold
from hearing.log.sqlite import SqliteLog
from hearing.now import utc_ms
from hearing.qa.office import Office

T = TypeVar("T")


def with_log(data: Path, act: Callable[[SqliteLog], Coroutine[Any, Any, T]], *, may_make: bool = False) -> T:
    """Act on the log of a folder. Raises NotFound where there is none yet: a typo makes no folder."""

    async def acted() -> T:
        check_own_log(data)
        if not may_make and not (data / "log.db").exists():
            raise NotFound("There is no data in this folder yet. Name the right one with --data FOLDER.")
        with hold(data):
            async with SqliteLog(data / "log.db") as log:
                return await act(log)

    return asyncio.run(acted())


def with_house(data: Path, act: Callable[[HouseKeeper], Coroutine[Any, Any, T]], *, may_make: bool = False) -> T:
    """Act on the house of a folder. Raises NotFound as `with_log`."""

    async def acted(log: SqliteLog) -> T:
        return await act(await HouseKeeper(log, utc_ms).start())

    return with_log(data, acted, may_make=may_make)


def with_office(data: Path, act: Callable[[Office, tuple[str, str]], Coroutine[Any, Any, T]], meeting: str) -> T:
    """Act at the desk of a folder, on one of its meetings; the vault's key is where it always is. Raises NotFound."""

    async def acted(log: SqliteLog) -> T:
        known = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting)
        settings = from_environ(None, {"data": str(data)})
        async with MemoryBoard() as board, office_of(settings, log, board) as office:
            return await act(office, (known.created.dialogue, known.id))

    return with_log(data, acted)
