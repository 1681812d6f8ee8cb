"""What is told of an error of Redis: a sentence of ours to readers, its kind to the log, its own words to nobody."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
)

from hearing import redis_link
from hearing.errors import Unavailable
from hearing.log.redis import RedisLog
from tests.redis_server import RedisServer, redis_server

SAID = "10.0.0.7 User secretary has no permissions to access the key hearing:desk:d1"


@pytest.fixture(autouse=True)
def _nothing_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(redis_link, "_logged_s", {})
    caplog.set_level(logging.DEBUG)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AuthenticationError(SAID), "AuthenticationError"),
        (OutOfMemoryError(SAID), "OutOfMemoryError"),
        (NoPermissionError(SAID), "NoPermissionError"),
        (ReadOnlyError(SAID), "ReadOnlyError"),
        (ResponseError(SAID), "ResponseError"),
        (ResponseError(f"MISCONF {SAID}"), "ResponseError code=MISCONF"),
        (ConnectionError(f"Error 111 connecting to {SAID}"), "ConnectionError"),
        (TimeoutError(f"Timeout connecting to {SAID}"), "TimeoutError"),
        (OSError(f"[Errno 111] Connect call failed {SAID}"), "OSError"),
    ],
)
def test_readers_are_told_a_sentence_of_ours_and_the_log_the_kind(
    error: Exception, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    told = str(redis_link.unavailable(error))
    assert told.startswith("Redis ")
    assert told.endswith(".")
    assert [record.getMessage() for record in caplog.records] == [f"redis_failed error={kind}"]
    for said in [*SAID.split(), type(error).__name__]:
        assert len(said) < 5 or said not in told, said
    for said in SAID.split():
        assert len(said) < 5 or said not in caplog.text, said


def test_an_error_that_every_request_meets_is_logged_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [100.0]
    monkeypatch.setattr(redis_link, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for _ in range(50):
        redis_link.unavailable(ConnectionError(SAID))
    now[0] += 10
    redis_link.unavailable(ConnectionError(SAID))
    assert len(caplog.records) == 2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as running:
        yield running


async def test_a_right_that_is_taken_away_is_not_told_in_the_words_of_the_server(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with server.client() as client:
        async with RedisLog(server.url) as log:
            await log.append("desk:d1", [b"body"])
            client.execute_command("ACL", "SETUSER", "default", "-hget", "-hmget", "-xrange", "-eval", "-evalsha")
            refused = [await _refused(log), await _refused_append(log)]
            client.execute_command("ACL", "SETUSER", "default", "+@all")
    for told in refused:
        assert told.startswith("Redis does not permit what this server needs.")
        assert not {"default", "xrange", "evalsha", "hget", "desk:d1"} & set(told.replace("'", " ").split())
    assert "redis_failed error=NoPermissionError" in caplog.text
    assert "evalsha" not in caplog.text


async def _refused(log: RedisLog) -> str:
    with pytest.raises(Unavailable) as refused:
        await log.read("desk:d1", 0)
    return str(refused.value)


async def _refused_append(log: RedisLog) -> str:
    with pytest.raises(Unavailable) as refused:
        await log.append("desk:d1", [b"more"])
    return str(refused.value)
