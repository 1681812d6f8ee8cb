"""One contract, every board."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing

import pytest

from hearing.board.base import Board
from hearing.board.memory import MemoryBoard
from hearing.board.redis import RedisBoard
from hearing.errors import Refused

LONG_S = 60.0
SHORT_S = 0.05
SOON_S = 2.0
"""Late enough for what must happen before on a busy machine."""

Change = tuple[str, bytes | None]


@pytest.fixture(params=["memory", "redis"])
async def board(request: pytest.FixtureRequest) -> AsyncIterator[Board]:
    made: AbstractAsyncContextManager[Board]
    if request.param == "memory":
        made = MemoryBoard()
    else:
        made = RedisBoard(request.getfixturevalue("redis_url"), prefix=uuid.uuid4().hex)
    async with made as opened:
        yield opened


async def take(watch: AsyncGenerator[Change, None], count: int) -> list[Change]:
    async with asyncio.timeout(60):
        return [await anext(watch) for _ in range(count)]


async def until_dead(watch: AsyncGenerator[Change, None]) -> str:
    """Return the first name that is seen to have no value any more; one that lives briefly may be missed alive."""
    async with asyncio.timeout(60):
        async for name, value in watch:
            if value is None:
                return name
    raise AssertionError("the watch ended")


def watching(board: Board, prefix: str) -> "aclosing[AsyncGenerator[Change, None]]":
    watch = board.watch(prefix)
    assert isinstance(watch, AsyncGenerator)
    return aclosing(watch)


async def test_a_value_is_there_until_it_is_replaced_or_removed(board: Board) -> None:
    assert await board.get("a") is None
    await board.put("a", b"1", LONG_S)
    await board.put("a", b"2", LONG_S)
    assert await board.get("a") == b"2"
    await board.remove("a")
    await board.remove("a")
    assert await board.get("a") is None


async def test_a_value_dies_after_its_lifetime_unless_it_is_put_again() -> None:
    now = 100.0
    async with MemoryBoard(lambda: now) as board:
        await board.put("a", b"1", 10)
        await board.put("b", b"1", 10)
        now = 109.0
        await board.put("b", b"1", 10)
        assert await board.get("a") == b"1"
        now = 110.0
        assert (await board.get("a"), await board.get("b")) == (None, b"1")
        assert await board.names("") == ["b"]


async def test_of_many_who_claim_a_name_at_once_one_gets_it(board: Board) -> None:
    claims = [board.claim("home", b"%d" % n, LONG_S) for n in range(20)]
    stands = set(await asyncio.gather(*claims))
    assert len(stands) == 1
    assert await board.get("home") == stands.pop()


async def test_a_claim_lives_on_by_its_holder_and_by_nobody_else(board: Board) -> None:
    assert await board.claim("home", b"1", LONG_S) == b"1"
    assert await board.claim("home", b"2", LONG_S) == b"1"
    assert await board.claim("home", b"1", SHORT_S) == b"1"
    async with watching(board, "home") as watch:
        seen = await take(watch, 1)
        while seen[-1] != ("home", None):
            seen += await take(watch, 1)
    assert await board.claim("home", b"2", LONG_S) == b"2"
    assert await board.claim("home", b"1", LONG_S) == b"2"


async def test_a_claim_that_is_given_back_is_free_and_another_s_is_not_given_back(board: Board) -> None:
    assert await board.claim("home", b"1", LONG_S) == b"1"
    assert await board.claim("home", b"2", 0) == b"1"
    assert await board.get("home") == b"1"
    assert await board.claim("home", b"1", 0) == b"1"
    assert await board.get("home") is None
    assert await board.claim("home", b"2", LONG_S) == b"2"


async def test_names_are_those_under_the_prefix_that_live_sorted(board: Board) -> None:
    for name in ("draft:m:fr", "draft:m:en", "draft:mm:en", "captions:m:en"):
        await board.put(name, b".", LONG_S)
    assert await board.names("draft:m:") == ["draft:m:en", "draft:m:fr"]
    assert await board.names("nothing") == []


async def test_a_watcher_sees_what_is_there_and_then_what_changes(board: Board) -> None:
    await board.put("draft:en", b"1", LONG_S)
    await board.put("other", b"1", LONG_S)
    async with watching(board, "draft:") as watch:
        assert await take(watch, 1) == [("draft:en", b"1")]
        waiting = asyncio.ensure_future(take(watch, 2))
        await asyncio.sleep(0)
        await board.put("other", b"2", LONG_S)
        await board.put("draft:en", b"2", LONG_S)
        await board.put("draft:fr", b"1", LONG_S)
        assert sorted(await waiting) == [("draft:en", b"2"), ("draft:fr", b"1")]


async def test_a_watcher_sees_none_when_a_value_is_removed_or_dies(board: Board) -> None:
    await board.put("a", b"1", LONG_S)
    await board.put("b", b"1", LONG_S)
    async with watching(board, "") as watch:
        assert sorted(await take(watch, 2)) == [("a", b"1"), ("b", b"1")]
        await board.remove("a")
        assert await take(watch, 1) == [("a", None)]
        await board.put("b", b"2", SHORT_S)
        assert await until_dead(watch) == "b"


async def test_every_watcher_sees_a_value_die(board: Board) -> None:
    await board.put("draft:en", b"1", LONG_S)
    async with watching(board, "") as one, watching(board, "draft:") as two, watching(board, "draft:en") as three:
        for got in await asyncio.gather(*(take(watch, 1) for watch in (one, two, three))):
            assert got == [("draft:en", b"1")]
        await board.put("draft:en", b"2", SHORT_S)
        dead = await asyncio.gather(*(until_dead(watch) for watch in (one, two, three)))
        assert dead == ["draft:en"] * 3


async def test_a_value_put_again_in_time_is_not_seen_to_die(board: Board) -> None:
    async with watching(board, "") as watch:
        await board.put("a", b"1", SOON_S)
        assert await take(watch, 1) == [("a", b"1")]
        await board.put("a", b"1", LONG_S)
        assert await take(watch, 1) == [("a", b"1")]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.2 * SOON_S):
                await anext(watch)


async def test_a_slow_watcher_misses_the_ones_between_and_never_the_last(board: Board) -> None:
    async with watching(board, "") as watch:
        await board.put("a", b"0", LONG_S)
        assert await take(watch, 1) == [("a", b"0")]
        for n in range(1, 1000):
            await board.put("a", b"%d" % n, LONG_S)
        await board.put("z", b"end", LONG_S)
        assert await take(watch, 2) == [("a", b"999"), ("z", b"end")]


async def test_what_comes_and_goes_unseen_is_never_told(board: Board) -> None:
    async with watching(board, "") as watch:
        await board.put("a", b"0", LONG_S)
        assert await take(watch, 1) == [("a", b"0")]
        await board.put("b", b"1", LONG_S)
        await board.remove("b")
        await board.remove("a")
        assert await take(watch, 1) == [("a", None)]


async def test_a_change_while_a_watcher_is_busy_is_not_lost(board: Board) -> None:
    seen: dict[str, bytes | None] = {}

    async def watch_slowly() -> None:
        async with watching(board, "") as watch:
            async for name, value in watch:
                seen[name] = value
                await asyncio.sleep(0)
                if value == b"end":
                    return

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(watch_slowly())
        for n in range(500):
            await board.put(f"n{n % 7}", b"%d" % n, LONG_S)
            await asyncio.sleep(0)
        await board.put("last", b"end", LONG_S)
    assert seen == {"last": b"end"} | {f"n{n % 7}": b"%d" % n for n in range(493, 500)}


@pytest.mark.parametrize(("name", "value"), [("a", b"x" * (64 * 1024 + 1)), ("", b"x"), ("a" * 257, b"x")])
async def test_what_is_too_large_is_refused(board: Board, name: str, value: bytes) -> None:
    with pytest.raises(Refused):
        await board.put(name, value, LONG_S)
    with pytest.raises(Refused):
        await board.claim(name, value, LONG_S)
    assert await board.names("") == []


async def test_a_full_board_refuses_new_names_until_old_ones_die() -> None:
    now = 0.0
    async with MemoryBoard(lambda: now) as board:
        for n in range(20_000):
            await board.put(f"n{n}", b".", 10)
        with pytest.raises(Refused, match="full"):
            await board.put("one more", b".", 10)
        await board.put("n0", b"known names still change", 10)
        now = 11.0
        await board.put("one more", b".", 10)
        assert await board.names("") == ["one more"]


async def test_a_board_that_closes_tells_its_watchers() -> None:
    async with MemoryBoard() as board:
        await board.put("a", b"1", LONG_S)
        watch = board.watch("")
        assert isinstance(watch, AsyncGenerator)
        assert await take(watch, 1) == [("a", b"1")]
    assert await take(watch, 1) == [("a", None)]
    await watch.aclose()
