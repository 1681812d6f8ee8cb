"""The board of more than one machine: Redis holds the values, and each process a copy that follows every change.

Watchers read the copy, so a thousand of them cost Redis no more than one. Changes come in one order down one channel;
a put returns when its own change has come back, so that who puts sees it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self

from hearing.board import redis_scripts as scripts
from hearing.board.memory import MOST_NAMES, MemoryBoard, check_put
from hearing.errors import Refused, Unavailable
from hearing.redis_link import Argument, Follower, Script, check_server, client, close, run

_SEEN_S = 1.0


class RedisBoard:
    """Use as an async context manager; any number of processes share one. Every key begins with `prefix`.

    While Redis is away, put, remove, get and names are Unavailable; watchers see values die, and what changed later.
    """

    def __init__(self, url: str, *, prefix: str = "hearing", most: int = MOST_NAMES) -> None:
        self._channel = f"{prefix}:board"
        self._keys = [f"{prefix}:{{board}}:{part}" for part in scripts.PARTS]
        self._most = most
        self._server = client(url, repeats=1)
        self._copy = MemoryBoard(most=2 * most)  # a value may live a little longer here than in Redis
        self._version = 0
        self._following = False
        self._moved = asyncio.Event()
        self._follower = Follower(url, self._channel, begun=self._load, heard=self._take, lost=self._lose)
        self._open = False

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            opening.push_async_callback(close, self._server)
            await check_server(self._server)
            self._open = True
            await opening.enter_async_context(self._follower)
            self._closing = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._open = False
        await self._closing.aclose()
        await self._copy.__aexit__(kind, e, at)

    async def put(self, name: str, value: bytes, lifetime_s: float) -> None:
        """Set a value. Raises Refused for one over 64 KiB, a name over 256 characters, or where the board is full."""
        check_put(name, value)
        given: list[Argument] = [self._channel, name, value, max(0, round(lifetime_s * 1000)), self._most]
        version = int(await self._run(scripts.PUT, given))
        if not version:
            raise Refused("The board is full.")
        await self._seen(version)

    async def claim(self, name: str, value: bytes, lifetime_s: float) -> bytes:
        """Set a value where no other is there, in one step of Redis; return the one that stands."""
        check_put(name, value)
        given: list[Argument] = [self._channel, name, value, max(0, round(lifetime_s * 1000)), self._most]
        version, held = await self._run(scripts.CLAIM, given)
        if held is None:
            raise Refused("The board is full.")
        await self._seen(int(version))
        return bytes(held)

    async def remove(self, name: str) -> None:
        """Forget a value before its time."""
        await self._seen(int(await self._run(scripts.REMOVE, [self._channel, _bytes(name)])))

    async def get(self, name: str) -> bytes | None:
        """Return the value that Redis holds, or None."""
        found: bytes | None = await self._run(scripts.GET, [_bytes(name)])
        return found

    async def names(self, prefix: str) -> list[str]:
        """Return the names that hold a value now, sorted."""
        start = _bytes(prefix)
        bounds: list[Argument] = [b"[" + start, b"[" + start + b"\xff"] if start else ["-", "+"]
        return sorted(name.decode() for name in await self._run(scripts.NAMES, bounds))

    def watch(self, prefix: str) -> AsyncIterator[tuple[str, bytes | None]]:
        """Yield the values under the prefix, then what changes, forever."""
        return self._copy.watch(prefix)

    async def _run(self, script: Script, given: list[Argument]) -> Any:  # noqa: ANN401 - each caller knows its script
        if not self._open:
            raise Unavailable("The board is closed.")
        return await run(self._server, script, self._keys, given)

    async def _seen(self, version: int) -> None:
        """Return when the copy has the change, or does not follow now."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SEEN_S):
                while self._following and self._version < version:
                    await self._moved.wait()

    async def _load(self) -> None:
        """Make the copy what Redis holds. Changes that come meanwhile wait in the connection."""
        version, *parts = await self._run(scripts.ALL, [])
        given = iter(parts)
        held = {name.decode(): (value, left) for name, value, left in zip(given, given, given, strict=True)}
        for name in await self._copy.names(""):
            if name not in held:
                await self._copy.remove(name)
        for name, (value, left) in held.items():
            await self._put(name, value, int(left))
        self._following = True
        self._move(int(version))

    async def _take(self, change: bytes) -> None:
        header, _, rest = change.partition(b"\n")
        version, lifetime_ms, length = map(int, header.split())
        if version <= self._version:
            return
        name = rest[:length].decode()
        if lifetime_ms < 0:
            await self._copy.remove(name)
        else:
            await self._put(name, rest[length:], lifetime_ms)
        self._move(version)

    async def _put(self, name: str, value: bytes, lifetime_ms: int) -> None:
        with suppress(Refused):  # full of what died in Redis and not here yet
            await self._copy.put(name, value, lifetime_ms / 1000)

    def _move(self, version: int) -> None:
        self._version = version
        self._moved.set()
        self._moved = asyncio.Event()

    def _lose(self) -> None:
        self._following = False
        self._move(self._version)


def _bytes(name: str) -> bytes:
    return name.encode(errors="surrogatepass")  # nothing is found under such a name, for none is ever put
