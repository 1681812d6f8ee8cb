"""One board for several processes: what one puts, all see, also after Redis was away."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest

from hearing.board.redis import RedisBoard
from hearing.errors import Refused, Unavailable
from tests.redis_server import RedisServer, redis_server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis") / "data") as started:
        yield started


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    with running.client() as client:
        client.flushall()
    return running


async def test_what_one_process_puts_and_removes_another_sees_and_watches(server: RedisServer) -> None:
    async with asyncio.timeout(60), RedisBoard(server.url) as one:
        await one.put("draft:é", b"\x00\xff first", 60)
        async with RedisBoard(server.url) as two:
            assert await two.get("draft:é") == b"\x00\xff first"
            watch = two.watch("draft:")
            assert await anext(watch) == ("draft:é", b"\x00\xff first")
            await one.put("draft:é", b"second line\nthird", 60)
            assert await anext(watch) == ("draft:é", b"second line\nthird")
            await one.remove("draft:é")
            assert await anext(watch) == ("draft:é", None)
            assert await two.names("") == []


async def test_who_puts_sees_it_at_once(server: RedisServer) -> None:
    async with RedisBoard(server.url) as board:
        for n in range(200):
            await board.put("a", b"%d" % n, 60)
            assert await anext(board.watch("a")) == ("a", b"%d" % n)


async def test_who_closes_takes_nothing_from_the_others(server: RedisServer) -> None:
    async with RedisBoard(server.url) as one:
        async with RedisBoard(server.url) as two:
            await two.put("a", b"1", 60)
        assert await one.get("a") == b"1"
        assert await anext(one.watch("")) == ("a", b"1")
        with pytest.raises(Unavailable, match="closed"):
            await two.get("a")


async def test_a_value_dies_in_redis_after_its_lifetime_and_leaves_no_byte_there(server: RedisServer) -> None:
    async with asyncio.timeout(60), RedisBoard(server.url) as board:
        await board.put("a", b"dies", 0.05)
        while await board.get("a") is not None:
            await asyncio.sleep(0.01)
        assert await board.names("") == []
        await board.put("b", b"lives", 0.5)
        with server.client() as client:
            assert client.hkeys("hearing:{board}:values") == [b"b"]
            while keys := client.keys("*"):  # all die by themselves, the counter of changes stays
                if keys == [b"hearing:{board}:version"]:
                    break
                await asyncio.sleep(0.05)


async def test_a_full_board_refuses_new_names_until_old_ones_die(server: RedisServer) -> None:
    async with asyncio.timeout(60), RedisBoard(server.url, most=10) as board:
        await asyncio.gather(*(board.put(f"n{n}", b".", 0.5) for n in range(10)))
        with pytest.raises(Refused, match="full"):
            await board.put("one more", b".", 60)
        await board.put("n0", b"known names still change", 0.5)
        while await board.names(""):
            await asyncio.sleep(0.02)
        await board.put("one more", b".", 60)
        assert await board.names("") == ["one more"]


async def test_after_a_break_watchers_see_what_changed_meanwhile(server: RedisServer) -> None:
    async with asyncio.timeout(60), RedisBoard(server.url) as one, RedisBoard(server.url) as two:
        await one.put("stays", b"1", 60)
        await one.put("goes", b"1", 60)
        watch = two.watch("")
        assert sorted([await anext(watch), await anext(watch)]) == [("goes", b"1"), ("stays", b"1")]
        with server.client() as client:
            client.client_kill_filter(_type="pubsub")
        with suppress(Unavailable):
            await one.remove("goes")
        await one.put("comes", b"1", 60)
        seen: dict[str, bytes | None] = {}
        while seen.get("goes", b"") is not None or "comes" not in seen:
            name, value = await anext(watch)
            seen[name] = value
        assert seen["comes"] == b"1"
        assert seen.get("stays", b"1") == b"1"


async def test_a_name_that_no_redis_could_keep_is_refused(server: RedisServer) -> None:
    async with RedisBoard(server.url) as board:
        with pytest.raises(Refused):
            await board.put("\ud800", b"1", 60)
        assert (await board.get("\ud800"), await board.names("\ud800")) == (None, [])
        await board.remove("\ud800")
