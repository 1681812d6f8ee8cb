"""Open the log and the board that the settings name: SQLite and memory, or both in one Redis."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from hearing.board.base import Board
from hearing.board.memory import MemoryBoard
from hearing.board.redis import RedisBoard
from hearing.config import Config
from hearing.desk_events import desk_stream, support_stream
from hearing.errors import Refused, Unavailable
from hearing.events import public_stream
from hearing.home import STREAM, check_own_log
from hearing.house_events import HOUSE
from hearing.log.base import Log
from hearing.log.redis import RedisLog
from hearing.log.sqlite import SqliteLog
from hearing.meeting import House

_LOOK_S = 2.0

logger = logging.getLogger(__name__)


class Seams(msgspec.Struct, frozen=True):
    """Where facts and what is true now are kept. `redis` is the log too, where that is in Redis."""

    log: Log
    board: Board
    redis: RedisLog | None = None


@asynccontextmanager
async def opened(config: Config, environ: Mapping[str, str]) -> AsyncIterator[Seams]:
    """Open both. Raises Unavailable where they cannot be, Refused for settings that cannot work."""
    if not config.redis:
        check_own_log(config.folder)
        async with SqliteLog(config.folder / "log.db") as log, MemoryBoard() as board:
            yield Seams(log, board)
        return
    url = redis_url(config, environ)
    async with RedisLog(url, replicas=config.redis_replicas) as redis, RedisBoard(url) as shared:
        yield Seams(redis, shared, redis)


def redis_url(config: Config, environ: Mapping[str, str]) -> str:
    """Return the address of Redis with its password, which is for the client alone: never write it anywhere."""
    secret = _password(config.redis_password_file, environ)
    if not secret:
        return config.redis
    parts = urlsplit(config.redis)
    if parts.scheme == "unix":
        raise Refused("A password goes with redis:// and rediss:// alone. A socket is kept by its file's owner.")
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(secret, safe='')}@{host}"))


def _password(file: str, environ: Mapping[str, str]) -> str:
    if not file:
        return environ.get("HEARING_REDIS_PASSWORD", "")
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused("The setting redis_password_file names no readable file with one line of text.") from error


async def lost(log: RedisLog, house: Callable[[], House]) -> None:
    """Return when a stream that this server folded is not what it was: Redis lost what it had acknowledged.

    On return the stream has begun a new epoch. What a purge erased is no loss.
    """
    known: dict[str, tuple[int, int]] = {}
    while True:
        streams = _streams(house())
        try:
            now = dict(zip(streams, await log.stands(streams), strict=True))
            for stream, (epoch, head) in now.items():
                was = known.get(stream, (epoch, 0))
                if stream in _streams(house()) and (epoch != was[0] or head < was[1]):
                    await log.renew(stream, was[0])
                    logger.error("redis_lost_records: everything is read anew, and every cursor of before is refused")
                    return
            known |= now
        except Unavailable:
            pass  # it is looked at again once Redis is there
        await asyncio.sleep(_LOOK_S)


def _streams(house: House) -> list[str]:
    """Name what this server folds: a rehearsal's stream may begin a new epoch when it is purged."""
    meetings = house.public().meetings.values()
    dialogues: Iterable[str] = dict.fromkeys(one.created.dialogue for one in meetings)
    folded = [stream for one in dialogues for stream in (desk_stream(one), support_stream(one))]
    return [HOUSE, STREAM, *folded, *(public_stream(one.id) for one in meetings)]
