"""Redis dies, hangs, loses what it had, or loses only its replies: what was acknowledged stays, or its loss is told."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hearing.board.redis import RedisBoard
from hearing.errors import Conflict, Refused, Unavailable
from hearing.events import public_stream
from hearing.house_events import HOUSE
from hearing.log.base import tail
from hearing.log.redis import RedisLog
from hearing.meeting import House, Meeting
from hearing.seams import lost
from tests.redis_server import RedisServer, follows, redis_server
from tests.site.serving import MEETING, meeting


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "one") as started:
        yield started


async def bodies(log: RedisLog, stream: str = "s") -> list[bytes]:
    found: list[bytes] = []
    while records := await log.read(stream, len(found), 4096):
        found += [record.body for record in records]
    return found


@pytest.mark.parametrize("fsync", ["always", "everysec"])
async def test_every_acknowledged_append_survives_the_kill_of_redis(tmp_path: Path, fsync: str) -> None:
    acknowledged: set[bytes] = set()

    async def produce(log: RedisLog, name: int) -> None:
        with contextlib.suppress(Unavailable):
            for n in range(100_000):
                body = b"%d %d" % (name, n)
                await log.append("s", [body], subject=f"x{name}", key=body.decode())
                acknowledged.add(body)

    with redis_server(tmp_path / "one", fsync=fsync) as server:
        async with RedisLog(server.url) as log:
            for killing in range(3):
                producing = [asyncio.ensure_future(produce(log, 10 * killing + n)) for n in range(8)]
                before = len(acknowledged)
                while len(acknowledged) < before + 200:
                    await asyncio.sleep(0.01)
                server.kill()
                await asyncio.gather(*producing)
                server.start()
                kept = await bodies(log)
                assert len(kept) == len(set(kept))
                assert acknowledged <= set(kept)
                assert await log.verify("s") is None


class _Losing:
    """A proxy that breaks a connection instead of passing on the reply to an append, as often as `lose` says."""

    def __init__(self, port: int) -> None:
        self.lose = 0
        self.lost = 0
        self._to = port

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        async with server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._to)
        appending = False

        async def ask() -> None:
            nonlocal appending
            while asked := await reader.read(65536):
                appending = appending or b"a lost body" in asked
                to_writer.write(asked)
            to_writer.close()

        async def answer() -> None:
            while answered := await to_reader.read(65536):
                if appending and self.lose and b"NOSCRIPT" not in answered:
                    self.lose -= 1
                    self.lost += 1
                    break
                writer.write(answered)
            writer.close()
            to_writer.close()

        with contextlib.suppress(ConnectionError):
            await asyncio.gather(ask(), answer())


@pytest.mark.parametrize("key", [None, "k"])
async def test_an_append_whose_reply_is_lost_is_stored_once(server: RedisServer, key: str | None) -> None:
    proxy = _Losing(server.port)
    async with proxy.open() as url, RedisLog(url) as log:
        await log.append("s", [b"before"])
        proxy.lose = 2
        given = await asyncio.gather(
            log.append("s", [b"a lost body", b"its other half"], key=key, subject="x", expect=0),
            log.append("s", [b"a third"], subject="x", expect=3),
            log.append("s", [b"too late"], subject="x", expect=0),
            log.append("t", [b"elsewhere"]),
            return_exceptions=True,
        )
        assert (given[0], given[1], type(given[2]), given[3]) == (3, 4, Conflict, 1)
        assert proxy.lost == 2
        assert await bodies(log) == [b"before", b"a lost body", b"its other half", b"a third"]
        assert await log.verify("s") is None


async def test_who_gives_up_repeats_with_the_key_and_stores_once(server: RedisServer) -> None:
    proxy = _Losing(server.port)
    async with proxy.open() as url, RedisLog(url) as log:
        proxy.lose = 100
        with pytest.raises(Unavailable, match="same key"):
            await log.append("s", [b"a lost body"], key="k")
        proxy.lose = 0
        assert await log.append("s", [b"a lost body"], key="k") == 1
        assert await bodies(log) == [b"a lost body"]


async def test_while_redis_is_gone_all_is_unavailable_and_when_it_is_back_all_goes_on(server: RedisServer) -> None:
    async with asyncio.timeout(60), RedisLog(server.url) as log, RedisBoard(server.url) as board:
        await log.append("s", [b"a"])
        await board.put("x", b"1", 60)
        watch = board.watch("")
        assert await anext(watch) == ("x", b"1")
        waiting = asyncio.ensure_future(log.wait("s", 1))
        await asyncio.sleep(0.05)
        server.kill()
        await waiting
        for asked in (log.read("s", 0), log.head("s"), log.wait("s", 1), log.erase("s", 1), board.get("x")):
            with pytest.raises(Unavailable, match="Check that it runs"):
                await asked
        with pytest.raises(Unavailable):
            await log.append("s", [b"b"], key="k")
        with pytest.raises(Unavailable):
            await board.put("x", b"2", 60)
        server.start()
        assert await log.append("s", [b"b"], key="k") == 2
        async with contextlib.aclosing(tail(log, "s", 2)) as records:
            coming = asyncio.ensure_future(anext(records))
            async with RedisLog(server.url) as other, RedisBoard(server.url) as theirs:
                await other.append("s", [b"of another process"])
                await theirs.put("y", b"1", 60)
            assert (await coming).body == b"of another process"
        seen = {}
        while "y" not in seen:
            name, value = await anext(watch)
            seen[name] = value
        assert seen["y"] == b"1"


async def test_two_processes_write_one_stream_and_neither_repeats_nor_loses(server: RedisServer) -> None:
    async def produce(log: RedisLog, name: int) -> list[int]:
        return [await log.append("s", [b"%d %d" % (name, n), b"."], key=f"{name} {n}") for n in range(40)]

    async with asyncio.timeout(60), RedisLog(server.url) as one, RedisLog(server.url) as two:
        given = await asyncio.gather(*(produce(log, n) for n, log in enumerate((one, two) * 4)))
        assert sorted(at for some in given for at in some) == list(range(2, 641, 2))
        assert await asyncio.gather(*(produce(log, n) for n, log in enumerate((two, one) * 4))) == given
        kept = await bodies(one)
        assert [kept[at - 2] for at in given[5]] == [b"5 %d" % n for n in range(40)]
        assert (await one.head("s"), await one.verify("s"), await two.epoch("s")) == (640, None, 1)


async def test_an_append_that_no_replica_confirms_is_unavailable_until_one_does(
    server: RedisServer, tmp_path: Path
) -> None:
    with redis_server(tmp_path / "two", "--replicaof", f"127.0.0.1 {server.port}") as replica:
        follows(replica)
        async with RedisLog(server.url, replicas=1, wait_ms=1000) as log:
            assert await log.append("s", [b"a"]) == 1
            replica.freeze()
            with pytest.raises(Unavailable, match="0 of 1 replicas"):
                await log.append("s", [b"b"], key="k")
            async with RedisLog(server.url, replicas=1, wait_ms=100) as again:
                with pytest.raises(Unavailable, match="0 of 1 replicas"):  # it is stored, and not yet safe
                    await again.append("s", [b"b"], key="k")
            replica.thaw()
            assert await log.append("s", [b"b"], key="k") == 2
            server.kill()
            with replica.client() as client:
                client.replicaof("NO", "ONE")
        async with RedisLog(replica.url) as log:
            assert await bodies(log) == [b"a", b"b"]
            assert (await log.verify("s"), await log.append("s", [b"b"], key="k")) == (None, 2)


async def test_records_that_redis_lost_make_the_epoch_grow(server: RedisServer, tmp_path: Path) -> None:
    async with RedisLog(server.url) as log:
        await log.append("s", [b"a", b"b"])
        server.kill()
        shutil.copytree(server.folder, tmp_path / "copy")
        server.start()
        await log.append("s", [b"lost", b"lost"])
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(tmp_path / "copy", server.folder)
        server.start()
        assert await log.append("s", [b"c"]) == 3
        assert (await log.epoch("s"), await log.verify("s")) == (2, None)
        assert await bodies(log) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("written", [True, False])
async def test_lost_records_are_found_by_who_folded_them_even_where_nobody_writes(
    server: RedisServer, tmp_path: Path, written: bool
) -> None:
    stream = public_stream(MEETING)
    house = House({MEETING: Meeting(meeting())})
    async with RedisLog(server.url) as log, asyncio.timeout(60):
        await log.append(stream, [b"a"])
        await log.append(HOUSE, [b"a"])
        server.kill()
        shutil.copytree(server.folder, tmp_path / "copy")
        server.start()
        await log.append(stream, [b"lost", b"lost"])
        watching = asyncio.ensure_future(lost(log, lambda: house))
        while (1, 3) not in await log.stands([stream]):
            await asyncio.sleep(0.01)
        for _ in range(2):  # it has looked at it
            await asyncio.sleep(0)
            await asyncio.wait({watching}, timeout=2.5)
        assert not watching.done()
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(tmp_path / "copy", server.folder)
        server.start()
        if written:
            while await log.epoch(stream) == 1:
                with contextlib.suppress(Unavailable):
                    await log.append(stream, [b"b"])
        await watching
        assert await log.stands([stream, HOUSE]) == [(2, 2 if written else 1), (1, 1)]
        assert await log.renew(stream, 1) == 2


async def test_a_closed_log_is_unavailable_and_who_waits_is_woken(server: RedisServer) -> None:
    async with RedisLog(server.url) as log:
        await log.append("s", [b"a"])
        late = [asyncio.ensure_future(log.append("s", [b"%d" % n])) for n in range(50)]
        waiting = asyncio.ensure_future(log.wait("other", 0))
        await asyncio.sleep(0.05)
    async with asyncio.timeout(60):
        assert sorted(await asyncio.gather(*late)) == list(range(2, 52))
        await waiting
        for asked in (log.append("s", [b"b"]), log.erase("s", 1), log.read("s", 0), log.head("s"), log.verify("s")):
            with pytest.raises(Unavailable, match="closed"):
                await asked


async def test_one_read_holds_a_few_mebibytes_and_tail_goes_on(server: RedisServer) -> None:
    async with RedisLog(server.url) as log:
        for n in range(3):
            await log.append("s", [b"%d" % n * 1024 * 1024] * 6)
        read = await log.read("s", 0, 4096)
        assert 0 < sum(len(record.body) for record in read) <= 8 * 1024 * 1024
        async with contextlib.aclosing(tail(log, "s", 0)) as records:
            assert [(await anext(records)).position for _ in range(18)] == list(range(1, 19))


async def test_a_changed_record_breaks_the_chain(server: RedisServer) -> None:
    async with RedisLog(server.url) as log:
        await log.append("s", [b"a", b"b", b"c"])
        with server.client() as meddler:
            kept = meddler.xrange("hearing:{s}:records")
            meddler.delete("hearing:{s}:records")
            for at, fields in kept:
                meddler.xadd("hearing:{s}:records", fields | ({b"b": b"x"} if at == b"0-2" else {}), id=at)
        assert await log.verify("s") == 2


async def test_without_memory_nothing_is_stored_and_what_is_there_is_read(server: RedisServer) -> None:
    async with RedisLog(server.url) as log:
        await log.append("s", [b"a"])
        with server.client() as owner:
            owner.config_set("maxmemory", "1mb")
            with pytest.raises(Unavailable, match="maxmemory"):
                await log.append("s", [b"b"], key="k")
            assert await bodies(log) == [b"a"]
            owner.config_set("maxmemory", "0")
        assert await log.append("s", [b"b"], key="k") == 2


@pytest.mark.parametrize(
    ("setting", "mend"),
    [
        (("--appendonly", "no"), "appendonly yes"),
        (("--appendfsync", "no"), "appendfsync always"),
        (("--maxmemory-policy", "allkeys-lru"), "maxmemory-policy noeviction"),
        (("--replicaof", "127.0.0.1 1"), "Name the primary"),
    ],
)
async def test_a_redis_that_would_lose_the_log_is_not_taken(
    tmp_path: Path, setting: tuple[str, str], mend: str
) -> None:
    with redis_server(tmp_path / "one", *setting) as server, pytest.raises(Unavailable, match=mend):
        async with RedisLog(server.url):
            pass


async def test_where_no_redis_is_the_log_and_the_board_say_so_without_its_password() -> None:
    url = "redis://hearing:a-secret@127.0.0.1:1"
    for opened in (RedisLog(url), RedisBoard(url)):
        with pytest.raises(Unavailable, match="Check that it runs") as told:
            async with opened:
                pass
        assert "a-secret" not in str(told.value)


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1", "redis://h:port"])
def test_what_is_no_address_of_redis_is_refused(url: str) -> None:
    for make in (RedisLog, RedisBoard):
        with pytest.raises(Refused, match="redis://"):
            make(url)
