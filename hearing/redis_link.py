"""How the seams speak to one Redis server: connections, scripts, and a channel followed for as long as it takes.

redis-py's defaults do not fit: an answer that takes over 5 s is asked for again, up to ten times, and one lost reply
made two entries of one XADD. What writes has a client that never asks twice; what blocks has one that waits for ever.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha1
from types import TracebackType
from typing import Any, Self

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from hearing.errors import Refused, Unavailable

ANSWER_S = 5.0
CONNECT_S = 2.0
CONNECTIONS = 16
OLDEST = (7, 0)

logger = logging.getLogger(__name__)

_BEAT_S = 10.0
_QUIET_S = 10.0
"""An error of a kind that was logged is not logged again for so long: every request meets it."""
_LONGEST_CODE = 16
_logged_s: dict[str, float] = {}
_LONGEST_PAUSE_S = 2.0

Argument = str | bytes | int


class Script(msgspec.Struct, frozen=True):
    """A Lua script and the name that the server gives it. It names every key it touches."""

    text: str

    @property
    def sha(self) -> str:
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


def client(url: str, *, repeats: int, connections: int = CONNECTIONS, answer_s: float | None = ANSWER_S) -> Redis:
    """Make a client that asks again `repeats` times where a connection broke: 0 for what must not happen twice.

    Raises Refused for what is no Redis address.
    """
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=answer_s or ANSWER_S,
            socket_timeout=answer_s,
            socket_connect_timeout=CONNECT_S,
            retry=Retry(NoBackoff(), repeats),
        )
    except ValueError as error:
        raise Refused(
            "That is no Redis address. Write redis://host:6379, rediss:// with TLS, or unix:///path."
        ) from error
    return Redis.from_pool(pool)


def beside(server: Redis, host: str, port: int) -> Redis:
    """Make a client for another server that is reached as this one is: its user, its password, its TLS."""
    pool = server.connection_pool
    if issubclass(pool.connection_class, UnixDomainSocketConnection):
        user, password = (pool.connection_kwargs.get(name) for name in ("username", "password"))
        again = Retry(NoBackoff(), 1)
        return Redis(host=host, port=port, username=user, password=password, socket_timeout=ANSWER_S, retry=again)
    kept = pool.connection_kwargs | {"host": host, "port": port}
    return Redis.from_pool(BlockingConnectionPool(1, connection_class=pool.connection_class, **kept))


async def ask(asking: Awaitable[Any]) -> Any:  # noqa: ANN401 - what Redis answers is known where it is asked
    """Return the answer. Raises Unavailable for every error of Redis."""
    try:
        return await heeding(asking)
    except (RedisError, OSError) as error:
        raise unavailable(error) from error


async def heeding(asking: Awaitable[Any]) -> Any:  # noqa: ANN401
    """Await what may swallow a cancellation: redis-py calls asyncio.wait_for, which does so before Python 3.12."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    answer = await asking
    if task and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer


async def run(server: Redis, script: Script, keys: Sequence[str], given: Sequence[Argument]) -> Any:  # noqa: ANN401
    """Run a script, sent whole only where the server does not know it yet. Raises Unavailable."""
    try:
        return await heeding(command(server, "EVALSHA", script.sha, len(keys), *keys, *given))
    except NoScriptError:
        return await ask(command(server, "EVAL", script.text, len(keys), *keys, *given))
    except (RedisError, OSError) as error:
        raise unavailable(error) from error


def command(server: Redis, *words: Argument) -> Awaitable[Any]:
    """Begin a command that redis-py has no typed method for."""
    begun: Awaitable[Any] = server.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py does not say
    return begun


def unavailable(error: Exception) -> Unavailable:
    """Say what to do about an error of Redis. What it says itself names users, commands and keys, and is told nobody.

    Readers are shown the sentence; the log names the kind of the error, at most every _QUIET_S.
    """
    _log(error)
    if isinstance(error, AuthenticationError):
        return Unavailable(
            "Redis does not take this user with this password. Name the user in its address, and the file with the "
            "password in redis_password_file."
        )
    if isinstance(error, OutOfMemoryError):
        return Unavailable("Redis has no memory left. Raise its maxmemory; then try again with the same key.")
    if isinstance(error, NoPermissionError):
        return Unavailable(
            "Redis does not permit what this server needs. Give its user the rights that docs/adr/0013-redis.md names."
        )
    if isinstance(error, ReadOnlyError):
        return Unavailable("Redis is a replica now and takes no writes. Name the primary; then try again.")
    if isinstance(error, ResponseError):
        return Unavailable("Redis refuses what it is asked just now. This server's log names the kind of the error.")
    return Unavailable("Redis does not answer. Check that it runs; then try again with the same key.")


def _log(error: Exception) -> None:
    kind, now_s = type(error).__name__, time.monotonic()
    code = str(error).partition(" ")[0] if isinstance(error, ResponseError) else ""
    if code.isascii() and code.isalpha() and code.isupper() and len(code) <= _LONGEST_CODE:
        kind = f"{kind} code={code}"
    if now_s - _logged_s.get(kind, -_QUIET_S) >= _QUIET_S:
        _logged_s[kind] = now_s
        logger.warning("redis_failed error=%s", kind)


class Follower:
    """Follows a channel while it is open. On entering it is subscribed; Unavailable where that cannot be.

    `begun` comes after each subscribing, `lost` after each break. What was published in between is not heard: `begun`
    looks for itself. A connection silent for two beats is dead.
    """

    def __init__(
        self,
        url: str,
        channel: str,
        *,
        begun: Callable[[], Awaitable[None]],
        heard: Callable[[bytes], Awaitable[None]],
        lost: Callable[[], None],
    ) -> None:
        self._url = url
        self._channel = channel
        self._begun = begun
        self._heard = heard
        self._lost = lost
        self._once = asyncio.Event()
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        async with self._subscribed():  # what is not permitted is told, not tried for ever
            pass
        await self._group.__aenter__()
        self._task = self._group.create_task(self._follow(), name="redis follower")
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._once.wait()
        except TimeoutError as error:
            await self.__aexit__(None, None, None)
            raise Unavailable("Redis has fallen silent. Check that it runs; then try again.") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._task.cancel()
        await self._group.__aexit__(None, None, None)

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[Any]:
        try:
            server = client(self._url, repeats=0, connections=1, answer_s=None)
            async with server, server.pubsub() as listening:
                await heeding(listening.subscribe(self._channel))
                await _next(listening)
                yield listening
        except (RedisError, OSError) as error:
            raise unavailable(error) from error

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async with self._subscribed() as listening:
                    await self._begun()
                    self._once.set()
                    failures = 0
                    while True:
                        message = await _next(listening)
                        if message["type"] == "message":
                            await self._heard(message["data"])
            except Unavailable:
                failures += 1
            finally:
                self._lost()
            await asyncio.sleep(min(_LONGEST_PAUSE_S, 0.05 * 2 ** min(failures, 9)) * random.uniform(0.5, 1.0))  # noqa: S311


async def _next(listening: Any) -> dict[str, Any]:  # noqa: ANN401 - redis-py names no type for it
    """Return the next message; where none comes, ask whether the server is there."""
    for _ in range(2):
        if message := await heeding(listening.get_message(timeout=_BEAT_S)):
            return dict(message)
        await heeding(listening.ping())
    raise OSError("Redis has fallen silent.")


async def check_server(server: Redis) -> None:
    """Raise Unavailable for a server that is too old, that is a replica, or that is not there."""
    found = await ask(server.info("server"))
    version = tuple(int(part) for part in str(found["redis_version"]).split(".")[:2])
    if version < OLDEST:
        raise Unavailable(f"Redis {found['redis_version']} is too old. Install Redis 7 or later.")
    role = await ask(command(server, "ROLE"))
    if role[0] not in {b"master", "master"}:
        raise Unavailable("This Redis is a replica. Name the primary.")


async def close(*servers: Redis) -> None:
    """Close clients, whatever their servers say to it."""
    for server in servers:
        with suppress(RedisError, OSError):
            await server.aclose()
