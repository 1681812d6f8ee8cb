"""A network that breaks connections before, within and after what it passes on: each append is stored once."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

from hearing.errors import Unavailable
from hearing.log.redis import RedisLog
from tests.redis_server import redis_server

WRITERS = 9
APPENDS = 60


class _Storm:
    """A proxy that breaks a connection in one of 16 pieces, once it blows."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._luck = random.Random(5)
        self.blows = False
        self.breaks = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        async with server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._pipe(reader, to_writer, writer), self._pipe(to_reader, writer, to_writer))

    async def _pipe(
        self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while piece := await reader.read(65536):
            if self.blows and self._luck.random() < 1 / 16:
                self.breaks += 1
                there.write(piece[: self._luck.choice((0, len(piece) // 2, len(piece)))])
                break
            there.write(piece)
        there.close()
        back.close()


async def test_in_a_storm_whatever_is_acknowledged_is_stored_once_where_it_was_said(tmp_path: Path) -> None:
    acknowledged: dict[bytes, int] = {}

    async def produce(log: RedisLog, name: int) -> None:
        for n in range(APPENDS):
            body = b"%d.%d" % (name, n)
            with contextlib.suppress(Unavailable):
                acknowledged[body] = await log.append("s", [body, b"end of " + body], subject=f"x{name}")

    with redis_server(tmp_path / "one") as server:
        storm = _Storm(server.port)
        async with asyncio.timeout(60), AsyncExitStack() as opened, RedisLog(server.url) as calm:
            url = await opened.enter_async_context(storm.open())
            logs = [calm, *[await opened.enter_async_context(RedisLog(url)) for _ in range(2)]]
            storm.blows = True
            await asyncio.gather(*(produce(logs[name % 3], name) for name in range(WRITERS)))
            storm.blows = False
            kept: list[bytes] = []
            while records := await calm.read("s", len(kept), 4096):
                kept += [record.body for record in records]
            assert max(Counter(kept).values()) == 1
            for body, position in acknowledged.items():
                assert kept[position - 2 : position] == [body, b"end of " + body]
            assert (await calm.verify("s"), await calm.epoch("s")) == (None, 1)
    assert storm.breaks > 20
    assert len(acknowledged) > WRITERS * APPENDS / 2
