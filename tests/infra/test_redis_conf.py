"""The Redis files of infra/: a server starts with them, and its user may do what the log and the board do, no more."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from hearing.board.redis import RedisBoard
from hearing.config import Config
from hearing.doctor import shared
from hearing.errors import Unavailable
from hearing.log.redis import RedisLog
from tests.redis_server import RedisServer

FILES = Path(__file__).parents[2] / "infra" / "redis"
PASSWORD = "a-word-of-this-test"  # noqa: S105


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    users = (FILES / "users.acl").read_text("ascii").replace(">PASSWORD", f">{PASSWORD}")
    (tmp_path / "users.acl").write_text(users, "ascii")
    started = RedisServer(tmp_path / "data", "--aclfile", str(tmp_path / "users.acl"), conf=FILES / "redis.conf")
    try:
        yield started.start()
    finally:
        started.stop()


async def test_the_log_and_the_board_do_all_they_do_with_the_rights_of_their_user(server: RedisServer) -> None:
    url = f"redis://hearing:{PASSWORD}@127.0.0.1:{server.port}"
    async with RedisLog(url) as log, RedisBoard(url) as board:
        assert await log.append("s", [b"a", b"b"], subject="x", expect=0, key="k") == 2
        await log.erase("s", 1)
        assert [(one.position, one.body) for one in await log.read("s", 0)] == [(1, b""), (2, b"b")]
        assert (await log.verify("s"), await log.head("s", "x"), await log.epoch("s")) == (None, 2, 1)
        await log.erase_all("s")
        assert await log.epoch("s") == 2
        await board.put("a", b"1", 60)
        assert (await board.get("a"), await board.names("")) == (b"1", ["a"])
        assert await anext(board.watch("")) == ("a", b"1")
        await board.remove("a")
        assert (await board.claim("a", b"1", 60), await board.claim("a", b"2", 60)) == (b"1", b"1")
        assert (await log.stands(["s", "t"]), await log.renew("s", 2)) == ([(2, 2), (1, 0)], 3)


def test_the_doctor_finds_a_server_with_this_file_good_by_the_rights_of_this_user(
    server: RedisServer, tmp_path: Path
) -> None:
    named = Config(data=str(tmp_path / "new"), redis=f"redis://hearing@127.0.0.1:{server.port}")
    found = shared.look(named, {"HEARING_REDIS_PASSWORD": PASSWORD})
    assert {one.code: one.verdict for one in found} == dict.fromkeys(
        ("redis-version", "redis-keeps", "redis-full", "redis-alone"), "go"
    )


async def test_the_user_may_nothing_else_and_nobody_else_may_anything(server: RedisServer) -> None:
    with redis.Redis(port=server.port, username="hearing", password=PASSWORD) as client:
        for forbidden in (
            client.flushall,
            client.shutdown,
            lambda: client.set("hearing:x", "1"),
            lambda: client.hget("other", "x"),
            lambda: client.config_set("appendonly", "no"),
            client.slowlog_get,
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                forbidden()
    for prefix, url in (
        ("hearing", f"redis://127.0.0.1:{server.port}"),
        ("other", f"redis://hearing:{PASSWORD}@127.0.0.1:{server.port}"),
    ):
        with pytest.raises(Unavailable, match="Redis"):
            async with RedisLog(url, prefix=prefix) as log:
                await log.head("s")


def test_an_acknowledgement_means_the_disk_and_nothing_is_thrown_away_or_written_down(server: RedisServer) -> None:
    with redis.Redis(port=server.port, username="hearing", password=PASSWORD, decode_responses=True) as client:
        wanted = {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "slowlog-log-slower-than": "-1",
            "crash-log-enabled": "no",
        }
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
