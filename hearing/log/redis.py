"""The log of more than one machine: Redis Streams, one per stream of records.

An append is acknowledged when Redis has written it to its append-only file and `replicas` replicas have it in memory.
What that survives is in docs/adr/0013-redis.md. Several processes may write: a record that was reckoned on a head that
moved is not stored, and reckoned again.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from redis.exceptions import NoPermissionError

from hearing.errors import NotFound, Unavailable
from hearing.log.base import Record
from hearing.log.growth import Growth
from hearing.log.redis_files import Files
from hearing.log.redis_scripts import CHANNEL, ERASE, ERASE_ALL, READ, RENEW, key
from hearing.log.redis_writer import Writer, closed
from hearing.log.rules import FIRST_CHAIN, Checking, check_append, check_names, check_read
from hearing.redis_link import ANSWER_S, Follower, Script, ask, check_server, client, close, run

WAIT_MS = 500

_LAST_POSITION = 2**63 - 1
_MOST_READ = 4096
_READ_BYTES = 8 * 1024 * 1024
_ERASE_S = 60.0
_VERIFIED_AT_ONCE = 64


class RedisLog:
    """Use as an async context manager; any number of processes may use one Redis at a time.

    Every key begins with `prefix`. An append is Unavailable where fewer than `replicas` replicas confirm it in
    `wait_ms`.
    """

    def __init__(self, url: str, *, prefix: str = "hearing", replicas: int = 0, wait_ms: int = WAIT_MS) -> None:
        self._prefix = prefix
        self._growth = Growth()
        self._reading = client(url, repeats=1)
        self._erasing = client(url, repeats=1, connections=2, answer_s=_ERASE_S)
        self._writing = client(url, repeats=0, connections=1, answer_s=ANSWER_S + wait_ms / 1000)
        self._writer = Writer(self._writing, prefix, replicas, wait_ms, self._growth.grew)
        self._files = Files(self._erasing, prefix, replicas)
        self._follower = Follower(
            url, f"{prefix}:{CHANNEL}", begun=self._looked, heard=self._heard, lost=self._growth.all_may_have
        )
        self._open = False

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            opening.push_async_callback(close, self._reading, self._erasing, self._writing)
            await self._check()
            await opening.enter_async_context(self._follower)
            group = await opening.enter_async_context(asyncio.TaskGroup())
            group.create_task(self._writer.run(), name="log writer")
            self._closing = opening.pop_all()
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._open = False
        self._writer.stop()
        self._growth.all_may_have()
        await self._closing.aclose()

    async def append(
        self,
        stream: str,
        bodies: Sequence[bytes],
        *,
        subject: str | None = None,
        expect: int | None = None,
        key: str | None = None,
    ) -> int:
        """Store all bodies or none; on return Redis has them in its append-only file, and the replicas have them."""
        check_append(stream, bodies, subject, key)
        return await self._writer.append(stream, [bytes(body) for body in bodies], subject, expect, key)

    async def read(self, stream: str, after: int, limit: int = 256) -> list[Record]:
        """Return records past `after`; at most 4096 at once, and 8 MiB, but at least one where there is one."""
        check_read(stream, limit)
        given = [max(0, min(after, _LAST_POSITION)), min(limit, _MOST_READ), _READ_BYTES]
        parts = iter(await self._run(READ, stream, ("records",), given))
        return [
            Record(_position(at), body, subject.decode()) for at, subject, body in zip(parts, parts, parts, strict=True)
        ]

    async def wait(self, stream: str, after: int) -> None:
        """Return once the stream is past `after`, or the connection to Redis broke."""
        check_names(stream)
        waiting = self._growth.next(stream)
        if await self.head(stream) <= after:
            await waiting.wait()

    async def erase(self, stream: str, position: int) -> None:
        """Forget one body for good: the stream is built anew without it, then the files of every server."""
        check_names(stream)
        await self._writer.settled()
        if not 1 <= position <= _LAST_POSITION or not await self._run(
            ERASE, stream, ("records", "spare"), [position], erasing=True
        ):
            raise NotFound("There is no record at this position.")
        await self._files.forget()

    async def erase_all(self, stream: str) -> None:
        """Forget every body, the keys and the subjects."""
        check_names(stream)
        await self._writer.settled()
        parts = ("records", "state", "spare", "subjects", "keys")
        await self._run(ERASE_ALL, stream, parts, [f"{self._prefix}:{CHANNEL}", stream], erasing=True)
        await self._files.forget()

    async def epoch(self, stream: str) -> int:
        """Return the stream's incarnation."""
        check_names(stream)
        return int(await self._field(stream, "state", "epoch") or 1)

    async def head(self, stream: str, subject: str | None = None) -> int:
        """Return the last position of the stream, or of the subject in it."""
        check_names(stream, subject)
        part, field = ("state", "head") if subject is None else ("subjects", subject)
        return int(await self._field(stream, part, field) or 0)

    async def stands(self, streams: Sequence[str]) -> list[tuple[int, int]]:
        """Return epoch and head of each of the streams, in one go."""
        check_names(*streams)
        pipe = self._reading.pipeline(transaction=False)
        for stream in streams:
            for field in ("epoch", "head"):
                pipe.hget(key(self._prefix, stream, "state"), field)
        found = iter(await self._ask(pipe.execute()))
        return [(int(epoch or 1), int(head or 0)) for epoch, head in zip(found, found, strict=True)]

    async def renew(self, stream: str, epoch: int) -> int:
        """Begin a new epoch where the stream is still of this one: it lost records. Return the epoch now."""
        check_names(stream)
        return int(await self._run(RENEW, stream, ("state",), [f"{self._prefix}:{CHANNEL}", stream, epoch]))

    async def verify(self, stream: str) -> int | None:
        """Return the first position whose hash chain does not hold, None where all do."""
        check_names(stream)
        checking, after, name = Checking(), "-", key(self._prefix, stream, "records")
        while entries := await self._ask(self._reading.xrange(name, after, "+", _VERIFIED_AT_ONCE)):
            for at, kept in entries:
                salt, body = kept[b"n"], kept[b"b"]
                given = {"salt": salt, "body": body, "commitment": kept[b"c"], "chain": kept[b"h"]}
                if not checking.holds(_position(at), erased=not body, **given):
                    return checking.at
            after = f"({entries[-1][0].decode()}"
        head = int(await self._field(stream, "state", "head") or 0)
        return checking.ends(head, await self._field(stream, "state", "chain") or FIRST_CHAIN)

    async def _field(self, stream: str, part: str, field: str) -> bytes | None:
        found: bytes | None = await self._ask(self._reading.hget(key(self._prefix, stream, part), field))
        return found

    async def _ask(self, asking: Any) -> Any:  # noqa: ANN401 - what Redis answers is known where it is asked
        if not self._open:
            asking.close()
            raise closed()
        return await ask(asking)

    async def _run(
        self, script: Script, stream: str, parts: Sequence[str], given: Sequence[str | int], *, erasing: bool = False
    ) -> Any:  # noqa: ANN401
        if not self._open:
            raise closed()
        server = self._erasing if erasing else self._reading
        return await run(server, script, [key(self._prefix, stream, part) for part in parts], given)

    async def _heard(self, stream: bytes) -> None:
        self._growth.grew(stream.decode())

    async def _looked(self) -> None:
        self._growth.all_may_have()

    async def _check(self) -> None:
        """Raise Unavailable for a Redis whose settings would lose what was acknowledged."""
        await check_server(self._reading)
        kept = await ask(self._reading.info("persistence"))
        if kept["loading"]:
            raise Unavailable("Redis still loads its files. Try again in a moment.")
        if not kept["aof_enabled"]:
            raise Unavailable("This Redis keeps no append-only file, so it would lose the log. Set: appendonly yes")
        policy = (await ask(self._reading.info("memory")))["maxmemory_policy"]
        if policy != "noeviction":
            raise Unavailable(f"This Redis may throw the log away ({policy}). Set: maxmemory-policy noeviction")
        if await self._setting("appendfsync") == "no":
            raise Unavailable("This Redis never waits for its disk. Set: appendfsync always")

    async def _setting(self, name: str) -> str:
        """Return a setting of the server, '' where this user may not see it: rented servers often hide them."""
        try:
            return str((await self._reading.config_get(name)).get(name, ""))
        except NoPermissionError:
            return ""


def _position(entry: bytes) -> int:
    return int(entry.partition(b"-")[2])
