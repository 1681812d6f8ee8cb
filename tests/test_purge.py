"""A purged rehearsal leaves no byte: not while it runs, not under a reader, not when the server dies in the middle."""

import asyncio
import contextlib
import threading
import urllib.error
import urllib.request
from pathlib import Path

import msgspec

from hearing.board.memory import MemoryBoard
from hearing.erasing import erase_meeting
from hearing.errors import HearingError
from hearing.events import GapMarked, encode, public_stream
from hearing.house import HouseKeeper
from hearing.house_events import MeetingCreated
from hearing.log.memory import MemoryLog
from hearing.log.sqlite import SqliteLog
from hearing.log.window import Windows
from hearing.remote import meetings
from hearing.remote.connection import Target
from hearing.store.folder import FolderStore
from tests.contract.test_log import HOLD_ON, READ_ON, found_in, second_process
from tests.e2e.serving import Serving, until
from tests.stream.made import make
from tests.stream.relaying import meeting
from tests.test_attend import attended

NEEDLE = "a-name-said-in-rehearsal"
ONE = "one-rehearsal-1"
MANY = 3000


def planned(source: Path) -> MeetingCreated:
    return meeting(source, "en", loop=True).created


async def say(log: SqliteLog, meeting_id: str, count: int = 1) -> None:
    """Put the needle into a meeting's stream, in bodies, keys and subjects."""
    body = encode(GapMarked(NEEDLE, 0, 1, "unheard"))
    stream = public_stream(meeting_id)
    await asyncio.gather(*(log.append(stream, [body], subject=NEEDLE, key=f"{NEEDLE} {n}") for n in range(count)))


async def recorded(folder: Path, meeting_id: str) -> None:
    """Wait until something of a meeting is recorded."""
    async with asyncio.timeout(60):
        while not list((folder / meeting_id).glob("audio-en/*.m4s")):
            await asyncio.sleep(0.05)


async def test_a_running_rehearsal_is_stopped_and_gone_while_another_process_reads(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4")
    data = tmp_path / "data"
    data.mkdir()
    async with SqliteLog(data / "log.db") as log, FolderStore(data / "media") as store, attended(log, store) as desk:
        await desk.keeper.create(planned(source))
        assert await desk.keeper.rehearse("one") == ONE
        await recorded(data / "media", ONE)
        await say(log, ONE, MANY)
        await log.append("public:other", [b"kept"])
        with second_process(READ_ON, data / "log.db"):
            await desk.keeper.purge(ONE)
            async with asyncio.timeout(60):
                await desk.attendant.erased(ONE)
            assert found_in(data, NEEDLE.encode()) == []
        assert not (data / "media" / ONE).exists()
        head = await log.head(public_stream(ONE))
        assert all(one.erased for one in await log.read(public_stream(ONE), 0, 4096))
        await asyncio.sleep(1.0)  # nobody writes it any more
        assert (await log.head(public_stream(ONE)), (data / "media" / ONE).exists()) == (head, False)
        assert [one.body for one in await log.read("public:other", 0)] == [b"kept"]
        assert await desk.keeper.rehearse("one") == "one-rehearsal-2"
        await recorded(data / "media", "one-rehearsal-2")
        await desk.keeper.open("one")
        assert desk.keeper.house().meeting("one-rehearsal-2").phase == "closed"
        await recorded(data / "media", "one")


async def test_an_erasure_that_a_reader_holds_up_goes_on_until_it_is_done(tmp_path: Path) -> None:
    async with (
        SqliteLog(tmp_path / "log.db") as log,
        FolderStore(tmp_path / "media") as store,
        attended(log, store) as desk,
    ):
        await desk.keeper.create(planned(tmp_path / "none.mp4"))
        await desk.keeper.rehearse("one")
        await say(log, ONE)
        with second_process(HOLD_ON, tmp_path / "log.db"):
            await desk.keeper.purge(ONE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    await desk.attendant.erased(ONE)
                    raise AssertionError("it was said to be erased while its bytes were still there")
        async with asyncio.timeout(60):
            await desk.attendant.erased(ONE)
        assert found_in(tmp_path, NEEDLE.encode()) == []


async def test_memory_lets_go_too(tmp_path: Path) -> None:
    async with (
        MemoryLog() as log,
        MemoryBoard() as board,
        Windows(log) as windows,
        FolderStore(tmp_path / "media") as store,
    ):
        stream = public_stream(ONE)
        await log.append(stream, [b"said"])
        await board.put(f"draft:{ONE}:en", b"said", 60)
        await board.put("draft:one:en", b"kept", 60)
        assert [one.body for one in await windows.read(stream, 0)] == [b"said"]
        await erase_meeting(ONE, log=log, store=store, board=board, forget=windows.forget)
        assert [one.body for one in await windows.read(stream, 0)] == [b""]
        assert await board.names("draft:") == ["draft:one:en"]


def test_a_server_killed_in_the_middle_erases_the_rest_when_it_is_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    asyncio.run(_rehearsed(data, make(tmp_path / "a.mp4")))
    with Serving(data, "--no-worker") as server:
        with second_process(HOLD_ON, data / "log.db"):  # nothing can be erased for good meanwhile
            asking = threading.Thread(target=_purge, args=(server,))
            asking.start()
            until(lambda: ONE not in [one["id"] for one in _listed(server)], 20, "the rehearsal to be purged")
            assert found_in(data, NEEDLE.encode())
            server.kill()
            asking.join(40)
        assert found_in(data, NEEDLE.encode())
        server.start()
        until(lambda: not found_in(data, NEEDLE.encode()), 30, "every byte to be gone")
        assert not (data / "media" / ONE).exists()
        server.hearing("meeting", "purge", ONE)
    assert NEEDLE not in server.errors.read_text()


def test_what_was_purged_where_no_server_ran_is_erased_at_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    asyncio.run(_rehearsed(data, make(tmp_path / "a.mp4")))
    meetings.purge(Target(data), ONE)
    assert found_in(data, NEEDLE.encode()) == []
    assert [one["id"] for one in meetings.listed(Target(data))] == ["one"]


async def _rehearsed(data: Path, source: Path) -> None:
    """Leave a folder with an open rehearsal that has said and recorded much."""
    data.mkdir(mode=0o700)
    async with SqliteLog(data / "log.db") as log, FolderStore(data / "media") as store:
        keeper = await HouseKeeper(log, lambda: 7).start()
        await keeper.create(planned(source))
        await keeper.rehearse("one")
        await say(log, ONE, MANY)
        for number in range(200):
            await store.append(f"{ONE}/audio-en/{number}.m4s", NEEDLE.encode() * 100)
        (data / "media" / ONE / "tracks.json~").write_text(NEEDLE)


def _purge(server: Serving) -> None:
    """Ask for it; the server dies before it can answer."""
    with contextlib.suppress(HearingError):
        found = msgspec.json.decode((server.data / "serve.json").read_bytes())
        meetings.purge(Target(server.data, found["url"], found["token"]), ONE)


def _listed(server: Serving) -> list[dict[str, str]]:
    found = msgspec.json.decode((server.data / "serve.json").read_bytes())
    asked = urllib.request.Request(f"{server.url}/api/meetings")  # noqa: S310 - loopback
    asked.add_header("Authorization", f"Bearer {found['token']}")
    with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        return list(msgspec.json.decode(answer.read())["meetings"])
    return [{"id": ONE}]
