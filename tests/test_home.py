"""One home for each Redis, one relay for each meeting, and no folder that acts as what it is not."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from hearing import app, home
from hearing.board.memory import MemoryBoard
from hearing.config import Config
from hearing.errors import Refused, Unavailable
from hearing.home import Claim, Turns, Whereabouts, check_own_log, is_home, mark, marked, this_process
from hearing.house import HouseKeeper
from hearing.listen import hold
from hearing.log.memory import MemoryLog
from hearing.meeting import Meeting
from hearing.standby import Able, Standby
from hearing.store.folder import FolderStore
from hearing.stream.address import Rules
from tests.site.serving import meeting

ONE = Meeting(meeting())


class Moody(MemoryBoard):
    """A board that is sometimes not there."""

    moody = False

    async def claim(self, name: str, value: bytes, lifetime_s: float) -> bytes:
        if self.moody:
            raise Unavailable("not now")
        return await super().claim(name, value, lifetime_s)


@pytest.fixture
async def board(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Moody]:
    monkeypatch.setattr(home, "_BEAT_S", 0.02)
    monkeypatch.setattr(home, "_LOOK_S", 0.01)
    async with Moody() as opened:
        yield opened


def folder(tmp_path: Path, name: str) -> Path:
    """Make a data folder that was served once."""
    made = tmp_path / name
    with hold(made):
        return made


async def test_of_those_that_come_to_a_new_redis_at_once_one_is_home_and_stays_so(tmp_path: Path) -> None:
    folders = [folder(tmp_path, name) for name in ("a", "b", "c")]
    async with MemoryLog() as log:
        first = await asyncio.gather(*(is_home(log, one) for one in folders))
        assert sorted(first) == [False, False, True]
        assert list(await asyncio.gather(*(is_home(log, one) for one in folders))) == first
    assert [mark(one).edge for one in folders] == [not one for one in first]


async def test_the_home_is_moved_by_moving_its_folder(tmp_path: Path) -> None:
    async with MemoryLog() as log:
        assert await is_home(log, folder(tmp_path, "a"))
        assert not await is_home(log, folder(tmp_path, "b"))
        shutil.move(tmp_path / "a", tmp_path / "moved")
        assert await is_home(log, tmp_path / "moved")


async def test_a_vault_is_not_served_beside_another_and_an_edge_never_becomes_the_home(tmp_path: Path) -> None:
    own, edge = folder(tmp_path, "own"), folder(tmp_path, "edge")
    async with MemoryLog() as log, MemoryLog() as empty:
        await is_home(log, folder(tmp_path, "a"))
        (own / "vault.db").touch()
        with pytest.raises(Refused, match="Is it the right Redis"):
            await is_home(log, own)
        assert not await is_home(log, edge)
        with pytest.raises(Unavailable, match="Start the home"):
            await is_home(empty, edge)


def test_a_folder_with_a_log_of_its_own_is_not_marked_and_a_marked_one_has_none(tmp_path: Path) -> None:
    made = folder(tmp_path, "a")
    check_own_log(made)
    mark(made)
    assert marked(made)
    with pytest.raises(Refused, match="lies in Redis"):
        check_own_log(made)
    (made / "log.db").touch()
    with pytest.raises(Refused, match="none is moved into Redis"):
        mark(made)


def test_a_damaged_mark_is_said(tmp_path: Path) -> None:
    made = folder(tmp_path, "a")
    (made / "redis.json").write_text("{")
    with pytest.raises(Unavailable, match="damaged"):
        mark(made)


def test_a_copy_of_a_folder_is_another_holder_and_the_next_process_is_the_same(tmp_path: Path) -> None:
    made = folder(tmp_path, "a")
    before = this_process(made)
    with hold(made):
        assert this_process(made) == before
    shutil.copytree(made, tmp_path / "copy")
    assert this_process(tmp_path / "copy") != before


async def test_a_server_on_a_copy_waits_for_the_claim_and_gives_up_while_the_first_lives(
    tmp_path: Path, board: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "LIFETIME_S", 0.3)
    first, copy = Claim(board, folder(tmp_path, "a")), Claim(board, folder(tmp_path, "b"))
    first.url = "http://127.0.0.1:1"
    await first.take()
    keeping = asyncio.ensure_future(first.keep())
    try:
        with pytest.raises(Unavailable, match="copy of this data folder"):
            await copy.take()
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    await copy.take()  # the first is dead
    async with asyncio.timeout(60):
        with pytest.raises(Unavailable, match="took over"):
            await first.keep()


async def test_a_claim_that_is_given_back_is_free_at_once_and_its_address_gone(tmp_path: Path, board: Moody) -> None:
    first, second = Claim(board, folder(tmp_path, "a")), Claim(board, folder(tmp_path, "b"))
    first.url = "https://home.example.org:8443"
    await first.take()
    where = Whereabouts(board)
    tasks = [asyncio.ensure_future(first.keep()), asyncio.ensure_future(where.run())]
    async with asyncio.timeout(60):
        while where.url != first.url:
            await asyncio.sleep(0.01)
        assert not await where.away()
        tasks[0].cancel()
        await first.give_back()
        await second.take()
        while where.url:
            await asyncio.sleep(0.01)
    assert await where.away()
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    "said", [b"file:///etc/passwd", b"http://a/b", b"http://u:p@a", b"gopher://a", b"\xd9\x85", b""]
)
async def test_an_address_that_is_none_is_not_followed(board: Moody, said: bytes) -> None:
    where = Whereabouts(board)
    following = asyncio.ensure_future(where.run())
    await board.put("home:address", b"http://127.0.0.1:1", 60)
    async with asyncio.timeout(60):
        while not where.url:
            await asyncio.sleep(0.01)
        await board.put("home:address", said, 60)
        while where.url:
            await asyncio.sleep(0.01)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_meeting_is_relayed_by_one_server_at_a_time(board: Moody) -> None:
    at_once = most = done = 0

    async def yes(_meeting: Meeting) -> bool:
        return True

    async def relay(n: int) -> None:
        nonlocal at_once, most, done
        async with Turns(board, b"%d" % n, yes).held(ONE):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.02)
            at_once -= 1
            done += 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(relay(n) for n in range(6)))
    assert (most, done) == (1, 6)


async def test_a_turn_is_over_when_another_has_the_meeting_or_when_it_should_go_back(board: Moody) -> None:
    may = True

    async def asked(_meeting: Meeting) -> bool:
        return may

    turns = Turns(board, b"me", asked)
    async with asyncio.timeout(60):
        async with turns.held(ONE) as over:
            assert turns.relayed == {ONE.id}
            await board.put(f"relay:{ONE.id}", b"another", 60)
            await over.wait()
        assert turns.relayed == set()
        assert await board.get(f"relay:{ONE.id}") == b"another"
        await board.remove(f"relay:{ONE.id}")
        async with turns.held(ONE) as over:
            may = False
            await over.wait()
        assert await board.get(f"relay:{ONE.id}") is None


async def test_while_the_board_is_away_a_turn_goes_on_and_none_begins(board: Moody) -> None:
    asked = 0

    async def yes(_meeting: Meeting) -> bool:
        nonlocal asked
        asked += 1
        return True

    async with asyncio.timeout(60):
        async with Turns(board, b"me", yes).held(ONE) as over:
            board.moody = True
            waiting = asyncio.ensure_future(Turns(board, b"another", yes).held(ONE).__aenter__())
            while asked < 20:
                await asyncio.sleep(0.01)
            assert not over.is_set()
            assert not waiting.done()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            board.moody = False


async def test_one_on_standby_begins_only_after_the_home_was_away_for_long_enough(board: Moody) -> None:
    away: list[bool] = [True, True, False] + [True] * 1000
    asked: list[bool] = []

    async def may(_meeting: Meeting) -> bool:
        asked.append(away[len(asked)])
        return asked[-1]

    async with asyncio.timeout(60), Turns(board, b"me", may, patience_s=0.1).held(ONE):
        assert len(asked) > 5
    assert False in asked


async def test_one_on_standby_waits_no_longer_for_a_meeting_that_is_closed(board: Moody, tmp_path: Path) -> None:
    waits = asyncio.Event()

    async def never(_meeting: Meeting) -> bool:
        waits.set()
        return False

    def waiting() -> list[str]:
        return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("standby ")]

    async with MemoryLog() as log, FolderStore(tmp_path) as store, asyncio.timeout(60):
        keeper = await HouseKeeper(log, lambda: 0).start()
        await keeper.create(meeting())
        await keeper.open(ONE.id)
        standby = Standby(keeper, None, Turns(board, b"me", never), store)  # type: ignore[arg-type] # never its turn
        running = asyncio.ensure_future(standby.run())
        await waits.wait()
        assert waiting() == [f"standby {ONE.id}"]
        await keeper.close(ONE.id)
        while waiting():
            await asyncio.sleep(0.01)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_who_has_not_the_source_is_not_able_to_relay_it(tmp_path: Path, board: Moody) -> None:
    here = tmp_path / "source.mkv"
    here.touch()
    able = Able(Whereabouts(board), Rules(hosts=("live.example.org",)))

    async def told(source: str) -> bool:
        return await able(Meeting(msgspec.structs.replace(meeting(), source=source)))

    sources = (str(here), f"{here}.none", "demo:", "https://live.example.org/a.m3u8", "https://else.example.org/a.m3u8")
    assert [await told(one) for one in sources] == [True, False, True, True, False]
    await board.put("home:address", b"http://127.0.0.1:1", 60)
    assert not await told("demo:")


def test_the_mark_is_for_its_owner_alone(tmp_path: Path) -> None:
    made = folder(tmp_path, "a")
    mark(made)
    assert os.stat(made / "redis.json").st_mode & 0o077 == 0


async def test_a_server_that_begins_again_leaves_when_it_is_asked_though_it_cannot_serve_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    async def served(_config: Config, _then: object) -> bool:
        seen.append(signal.getsignal(signal.SIGTERM))
        if len(seen) > 1:
            return False
        stop = asyncio.Event()
        stop.set()
        await app._until_stopped([], stop)
        return True

    monkeypatch.setattr(app, "_serve", served)
    monkeypatch.setattr(app, "_AGAIN_S", 0)
    await app.serve(Config(data=str(tmp_path)))
    assert seen == [signal.SIG_DFL, signal.SIG_DFL]
