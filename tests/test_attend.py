"""Meetings are attended from their opening to their seal, whatever happens between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from hearing.attend import Attendant
from hearing.board.memory import MemoryBoard
from hearing.erasing import erase_meeting
from hearing.errors import Unavailable
from hearing.events import Ended, GapMarked, PublicEvent, decode_public, public_stream
from hearing.house import HouseKeeper
from hearing.house_events import MeetingCreated
from hearing.log.base import Log, Record
from hearing.log.memory import MemoryLog
from hearing.store.folder import FolderStore
from hearing.stream.address import Rules
from hearing.transcribe.dispatch import Dispatch
from tests.stream.made import make
from tests.stream.relaying import KeptEar, Place, meeting


class Moody(MemoryLog):
    """A log that is sometimes not there."""

    moody = False

    async def append(
        self,
        stream: str,
        bodies: Sequence[bytes],
        *,
        subject: str | None = None,
        expect: int | None = None,
        key: str | None = None,
    ) -> int:
        self._refuse()
        return await super().append(stream, bodies, subject=subject, expect=expect, key=key)

    async def read(self, stream: str, after: int, limit: int = 256) -> list[Record]:
        self._refuse()
        return await super().read(stream, after, limit)

    async def wait(self, stream: str, after: int) -> None:
        await super().wait(stream, after)
        self._refuse()

    def _refuse(self) -> None:
        if self.moody:
            raise Unavailable("not now")


class Desk(msgspec.Struct, frozen=True):
    """A keeper whose meetings are attended, without any worker."""

    log: Log
    keeper: HouseKeeper
    attendant: Attendant

    async def over(self, meeting_id: str = "one") -> list[PublicEvent | None]:
        """Wait until the meeting is sealed, and return its stream."""
        stream = public_stream(meeting_id)
        async with asyncio.timeout(60):
            at = 0
            while True:
                await self.log.wait(stream, at)
                events = [decode_public(record.body) for record in await self.log.read(stream, 0, 1000)]
                if isinstance(events[-1], Ended):
                    return events
                at = len(events)


@asynccontextmanager
async def attended(log: Log, store: FolderStore) -> AsyncIterator[Desk]:
    """Run what a server runs; everything is gone at the end."""
    async with MemoryBoard() as board, asyncio.TaskGroup() as group:
        keeper = await HouseKeeper(log, lambda: 7).start()
        dispatch = Dispatch(log, board)
        erase = partial(erase_meeting, log=log, store=store, board=board)
        attendant = Attendant(keeper, log=log, store=store, dispatch=dispatch, rules=Rules(), drain_s=0.05, erase=erase)
        tasks = [group.create_task(dispatch.run()), group.create_task(attendant.run())]
        try:
            yield Desk(log, keeper, attendant)
        finally:
            for task in tasks:
                task.cancel()


def created(source: Path, *, close_at_end: bool = False) -> MeetingCreated:
    return msgspec.structs.replace(meeting(source).created, close_at_end=close_at_end)


async def test_a_meeting_that_is_closed_before_it_was_opened_is_sealed(tmp_path: Path) -> None:
    async with MemoryLog() as log, FolderStore(tmp_path / "media") as store, attended(log, store) as desk:
        await desk.keeper.create(created(tmp_path / "none.mp4"))
        await desk.keeper.close("one")
        assert await desk.over() == [Ended(0)]


async def test_a_meeting_closed_while_no_server_ran_is_seen_out_with_its_gap(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", seconds=(4.0,))
    async with MemoryLog() as log, FolderStore(tmp_path / "media") as store:
        keeper = await HouseKeeper(log, lambda: 7).start()
        await keeper.create(created(source))
        await keeper.open("one")
        await Place(log, store, KeptEar(), tmp_path).relay(meeting(source)).run()
        index = tmp_path / "media" / "one" / "audio-en" / "index.jsonl"
        index.write_bytes(index.read_bytes().splitlines(keepends=True)[0])  # killed before the last line was written
        await keeper.close("one")
        async with attended(log, store) as desk:
            *_, gap, ended = await desk.over()
        assert isinstance(gap, GapMarked)
        assert isinstance(ended, Ended)
        assert (gap.channel, gap.t0, gap.reason) == ("en", 0, "worker-lost")
        assert 3900 < gap.t1 <= ended.t
        assert len(index.read_bytes().splitlines()) == 2
        async with attended(log, store):
            await asyncio.sleep(0.2)
        assert await log.head(public_stream("one")) == len(await log.read(public_stream("one"), 0, 1000))
        assert [type(decode_public(record.body)) for record in await log.read(public_stream("one"), 0)].count(
            Ended
        ) == 1


async def test_a_log_that_is_away_for_a_while_ends_no_meeting_and_no_server(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", seconds=(1.0,))
    async with Moody() as log, FolderStore(tmp_path / "media") as store, attended(log, store) as desk:
        await desk.keeper.create(created(source, close_at_end=True))
        await desk.keeper.open("one")
        for _ in range(3):
            await asyncio.sleep(0.5)
            log.moody = not log.moody
        log.moody = False
        events = await desk.over()
        assert [type(event) for event in events].count(Ended) == 1
        assert desk.keeper.house().meeting("one").close_reason == "source-ended"
