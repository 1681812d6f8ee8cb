"""What was erased from Redis is in none of its files, nor in those of its replicas."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearing.board.redis import RedisBoard
from hearing.errors import NotFound, Unavailable
from hearing.log.redis import RedisLog
from tests.contract.test_log import found_in
from tests.redis_server import RedisServer, follows, redis_server

NEEDLE = b"a name that must not survive"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "one") as started:
        yield started


async def test_erased_bytes_are_in_no_file_whatever_was_saved_before(server: RedisServer) -> None:
    async with RedisLog(server.url) as log:
        await log.append("s", [b"before", NEEDLE * 400, b"after"])
        await log.append("s", [NEEDLE])
        with server.client() as other:
            other.save()
        assert {Path(name).name for name in found_in(server.folder, NEEDLE)} >= {"dump.rdb"}
        assert any("aof" in name for name in found_in(server.folder, NEEDLE))
        await asyncio.gather(log.erase("s", 2), log.erase("s", 4))
        assert found_in(server.folder, NEEDLE) == []
        assert [record.erased for record in await log.read("s", 0)] == [False, True, False, True]
        assert await log.verify("s") is None


async def test_a_stream_erased_as_a_whole_leaves_no_body_no_key_and_no_subject(server: RedisServer) -> None:
    async with RedisLog(server.url) as log:
        await log.append("other", [b"before"])
        await asyncio.gather(
            *(
                log.append(
                    "s", [NEEDLE + b" %d" % n], subject=f"{NEEDLE.decode()} {n % 3}", key=NEEDLE.decode() + str(n)
                )
                for n in range(2500)
            )
        )
        assert found_in(server.folder, NEEDLE)
        await log.erase_all("s")
        assert found_in(server.folder, NEEDLE) == []
        assert await log.verify("s") is None
        assert await log.append("s", [b"after"]) == 2501
        assert [one.body for one in await log.read("other", 0)] == [b"before"]


async def test_an_erasure_that_ended_before_its_files_were_written_is_finished_when_repeated(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RedisLog(server.url) as log:
        await log.append("s", [NEEDLE])
        with monkeypatch.context() as broken:
            broken.setattr(log._files, "forget", _unavailable)
            with pytest.raises(Unavailable):
                await log.erase("s", 1)
        assert (await log.read("s", 0))[0].erased
        assert found_in(server.folder, NEEDLE)
        await log.erase("s", 1)
        assert found_in(server.folder, NEEDLE) == []
        with pytest.raises(NotFound):
            await log.erase("s", 2)


async def _unavailable() -> None:
    raise Unavailable("The disk is away for a moment.")


async def test_what_the_board_forgot_goes_with_the_next_erasure(server: RedisServer) -> None:
    async with RedisBoard(server.url) as board, RedisLog(server.url) as log:
        await board.put("draft:m:en", NEEDLE, 60)
        await log.append("s", [b"a"])
        await board.remove("draft:m:en")
        assert found_in(server.folder, NEEDLE)
        await log.erase("s", 1)
        assert found_in(server.folder, NEEDLE) == []


async def test_the_files_of_a_replica_are_erased_too(server: RedisServer, tmp_path: Path) -> None:
    with redis_server(tmp_path / "two", "--replicaof", f"127.0.0.1 {server.port}") as replica:
        follows(replica)
        async with RedisLog(server.url, replicas=1, wait_ms=5000) as log:
            await log.append("s", [NEEDLE, b"kept"], subject="x", key="k")
            assert found_in(replica.folder, NEEDLE)
            await log.erase("s", 1)
            assert found_in(tmp_path, NEEDLE) == []
            replica.stop()
            with pytest.raises(Unavailable, match="replica"):
                await log.erase("s", 2)


async def test_a_disk_that_refuses_makes_an_erasure_unavailable(server: RedisServer) -> None:
    async with RedisLog(server.url) as log:
        await log.append("s", [NEEDLE])
        (server.folder / "dump.rdb").mkdir()  # nothing can take its place
        with pytest.raises(Unavailable, match="erase again"):
            await log.erase("s", 1)
        (server.folder / "dump.rdb").rmdir()
        await log.erase("s", 1)
        assert found_in(server.folder, NEEDLE) == []
