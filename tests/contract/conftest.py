"""Every log, opened for one test. Redis is one server a session: each test has a prefix of its own on it."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from hearing.log.base import Log
from hearing.log.memory import MemoryLog
from hearing.log.redis import RedisLog
from hearing.log.sqlite import SqliteLog
from tests.redis_server import redis_server

LOGS = ("memory", "sqlite", "redis")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis") / "data") as server:
        yield server.url


@pytest.fixture(params=LOGS)
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Log]:
    made: AbstractAsyncContextManager[Log]
    match request.param:
        case "memory":
            made = MemoryLog()
        case "sqlite":
            made = SqliteLog(tmp_path / "log.db")
        case _:
            made = RedisLog(request.getfixturevalue("redis_url"), prefix=uuid.uuid4().hex)
    async with made as opened:
        yield opened
