"""Make a Redis server's files forget what its memory has forgotten: write them anew, and wait until that is done."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from redis.asyncio import Redis

from hearing.errors import Unavailable
from hearing.redis_link import ask, beside, command

_REWRITE_S = 120.0
_CONFIRM_MS = 4000
_LOOK_S = 0.02

Persistence = dict[str, Any]


class Files:
    """The append-only file and the snapshot of a primary and of each replica that it names.

    Many who ask at once are served by one rewriting, if it begins after they asked.
    """

    def __init__(self, primary: Redis, prefix: str, replicas: int) -> None:
        self._primary = primary
        self._mark = f"{prefix}:erasures"
        self._replicas = replicas
        self._turn = asyncio.Lock()
        self._begun = self._done = 0

    async def forget(self) -> None:
        """Return when no file holds what is in no memory any more. Raises Unavailable where that cannot be said."""
        asked = self._begun
        async with self._turn:
            if self._done > asked:
                return
            self._begun += 1
            try:
                async with asyncio.timeout(_REWRITE_S), AsyncExitStack() as opened:
                    replicas = [await opened.enter_async_context(one) for one in await self._named()]
                    await self._confirmed(len(replicas))
                    for server in (self._primary, *replicas):
                        await _rewrite(server)
            except TimeoutError as error:
                raise Unavailable(
                    "It is erased from Redis, whose files take too long to be written anew. Look at its disk, erase "
                    "again."
                ) from error
            self._done = self._begun

    async def _named(self) -> list[Redis]:
        """Return the replicas that the primary names. Raises Unavailable where some are missing."""
        role = await ask(command(self._primary, "ROLE"))
        if len(role[2]) < self._replicas:
            raise Unavailable(
                f"It is erased from Redis, but of {self._replicas} replicas {len(role[2])} are there to erase their "
                "files. Start them, erase again."
            )
        return [beside(self._primary, bytes(host).decode(), int(port)) for host, port, *_ in role[2]]

    async def _confirmed(self, count: int) -> None:
        """Return when all replicas have what was written until now; WAIT asks for what its own connection wrote."""
        if not count:
            return
        pipe = self._primary.pipeline(transaction=False)
        pipe.execute_command("INCR", self._mark)
        pipe.execute_command("WAIT", count, _CONFIRM_MS)
        _, confirmed = await ask(pipe.execute())
        if confirmed < count:
            raise Unavailable("It is erased from Redis, but a replica is behind. Wait until it follows, erase again.")


async def _rewrite(server: Redis) -> None:
    """Write the append-only file anew, then the snapshot: one may be there from before, whatever the settings say."""
    before = await _until(server, lambda now: not _busy(now))
    if before["aof_enabled"]:
        await ask(command(server, "BGREWRITEAOF"))
        after = await _until(server, lambda now: not _busy(now) and now["aof_rewrites"] > before["aof_rewrites"])
        _require(after["aof_last_bgrewrite_status"])
    await ask(command(server, "BGSAVE", "SCHEDULE"))
    after = await _until(server, lambda now: not _busy(now) and now["rdb_saves"] > before["rdb_saves"])
    _require(after["rdb_last_bgsave_status"])


def _busy(now: Persistence) -> bool:
    return bool(now["aof_rewrite_in_progress"] or now["aof_rewrite_scheduled"] or now["rdb_bgsave_in_progress"])


async def _until(server: Redis, so: Callable[[Persistence], bool]) -> Persistence:
    while True:
        now: Persistence = await ask(server.info("persistence"))
        if so(now):
            return now
        await asyncio.sleep(_LOOK_S)


def _require(status: object) -> None:
    if status != "ok":
        raise Unavailable(
            "It is erased from Redis, whose files could not be written anew. Look at its disk, erase again."
        )
