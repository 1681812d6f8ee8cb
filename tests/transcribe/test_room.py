"""How much each worker can carry: measured, shared among its relays, admitted by, and mended without ping-pong."""

import asyncio
import threading
import time
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.transcribe import protocol
from hearing.transcribe.assignment import Seat, choose
from hearing.transcribe.clocked import Clocked
from hearing.transcribe.engine import Pcm, Sound
from hearing.transcribe.hands import Hands, fitting
from hearing.transcribe.protocol import Assign, Heard, Pulse, Release
from tests.transcribe.fakes import FakeEngine, speech
from tests.transcribe.relaying import Bench, Hand, bench

DEADLINE_S = 60
SEVEN = ("en", "fr", "es", "ru", "ar", "zh", "pt")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy elsewhere silences nobody here."""
    monkeypatch.setattr("hearing.transcribe.peer.SILENCE_S", 60.0)
    monkeypatch.setattr("hearing.transcribe.connection.REST_S", 3600.0)
    monkeypatch.setattr("hearing.transcribe.workers.REST_S", 3600.0)


class Share(msgspec.Struct):
    """One relay's share of the hands."""

    carried: int = 0
    due_s: float = 0.0
    woken: list[float] = []

    def wake(self) -> None:
        self.woken.append(self.due_s)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


def test_what_fits_is_the_threads_time_by_what_a_look_takes() -> None:
    assert [fitting(look_s, 2) for look_s in (0.1, 0.4, 1.0, 5.9, 7.0)] == [60, 15, 6, 1, 0]


@given(st.integers(1, 40), st.lists(st.integers(0, 40), min_size=1, max_size=5), st.none() | st.floats(0.01, 10))
def test_the_rooms_of_all_relays_are_never_more_than_there_is(
    channels: int, carried: list[int], look_s: float | None
) -> None:
    hands = Hands(2, channels)
    shares = [Share(count) for count in carried]
    for share in shares:
        hands.join(share)
    for _ in range(20 if look_s else 0):
        hands.looked(look_s or 0.0)
    for share in shares:
        assert hands.room(share) + sum(one.carried for one in shares if one is not share) <= max(
            channels, sum(one.carried for one in shares if one is not share)
        )
    assert hands.full == (sum(carried) >= channels)
    hands.close()


def test_room_is_as_told_until_it_is_measured_and_again_when_nothing_is_carried() -> None:
    hands, share, other = Hands(2, 16), Share(3), Share(1)
    hands.join(share)
    hands.join(other)
    assert (hands.measured, hands.room(share)) == (False, 15)
    for _ in range(20):
        hands.looked(0.75)
    assert (hands.measured, hands.room(share), hands.room(other)) == (True, 7, 5)
    share.carried = other.carried = 0
    hands.let_go()
    assert (hands.measured, hands.room(share)) == (False, 16)
    hands.close()


def test_only_looks_are_timed_each_with_the_encoding_before_it() -> None:
    class Slow(FakeEngine):
        def encode(self, pcm: Pcm) -> Sound:
            time.sleep(0.02)
            return super().encode(pcm)

    told = list[float]()
    clocked = Clocked(Slow(), told.append)
    sound = clocked.encode(speech([1, 2]))
    assert (clocked.name, clocked.hears("en"), told) == ("fake", True, [])
    for _ in range(2):
        clocked.guess(sound, "en", prompt=(), forced=())
    clocked.align(sound, "en", clocked.spell(["a1"], "en"))
    assert len(told) == 2
    assert told[0] >= 0.02


async def test_a_thread_is_taken_until_its_job_ends_and_the_first_that_was_due_is_woken_first() -> None:
    hands, order = Hands(1, 16), list[float]()
    for due_s in (3.0, 1.0, 2.0):
        hands.join(Share(1, due_s, order))
    going = threading.Event()
    running = hands.run(going.wait)
    assert hands.free == 0
    running.cancel()
    await asyncio.wait([running])
    assert hands.free == 0
    going.set()
    await until(lambda: hands.free == 1)
    assert order == [1.0, 2.0, 3.0]
    hands.close()


def test_a_channel_goes_where_most_room_is_and_not_where_there_is_none() -> None:
    slow, fast = Seat(3, 1, measured=True), Seat(9, 4, measured=True)
    over, fresh = Seat(2, 3, measured=True), Seat(16, 0)
    busy = Seat(16, 1, caught_up=False)
    assert choose("en", [slow, fast]) == 1
    assert choose("en", [slow, fast, fresh]) == 2
    assert choose("en", [over, slow, busy]) == 1
    assert choose("en", [over, busy]) is None
    assert choose("en", [slow], spare=1) == 0
    assert choose("en", [slow], spare=2) is None
    assert [seat.overloaded for seat in (slow, over, Seat(2, 3))] == [False, True, False]


class Worker:
    """A worker that tells what it could carry, a pulse at a time."""

    def __init__(self, hand: Hand, room: int, *, measured: bool) -> None:
        self.hand = hand
        self.room = room
        self.measured = measured

    @property
    def carried(self) -> set[int]:
        let_go = {told.handle for told in self.hand.told if isinstance(told, Release)}
        return set(self.hand.assigned) - let_go

    async def pulse(self) -> None:
        heard = tuple(Heard(handle, 0, 0, 600) for handle in sorted(self.carried))
        await self.hand.say(Pulse(heard, self.room, self.measured))

    async def live(self) -> None:
        while True:
            await self.pulse()
            await asyncio.sleep(0.05)


async def joined(one: Bench, room: int, *, measured: bool = True) -> Worker:
    """Connect a worker that carries nothing yet and tells what it can carry."""
    hand = one.worker()
    before = one.dispatch.workers.count
    await hand.hello(0)
    await until(lambda: one.dispatch.workers.count > before)
    worker = Worker(hand, room, measured=measured)
    await worker.pulse()
    return worker


async def test_a_worker_that_is_not_measured_yet_gets_channels_one_after_the_other() -> None:
    async with bench(SEVEN) as one:
        fresh = await joined(one, 5, measured=False)
        for count in range(1, 6):
            await until(lambda count=count: len(fresh.hand.assigned) == count)  # type: ignore[misc]
            assert one.dispatch.workers.seats[0].carried == count
            await fresh.pulse()
        await fresh.hand.say(protocol.Words(99, 0, 0, ("sync",), 0))
        await fresh.hand.gets(Release)
        assert len(fresh.hand.assigned) == 5


async def test_a_channel_waits_rather_than_go_to_a_worker_that_cannot_keep_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearing.transcribe.dispatch._STATE_S", 0.01)
    async with bench(("en", "fr", "es")) as one:
        small = await joined(one, 2)
        living = asyncio.create_task(small.live())
        await until(lambda: len(small.carried) == 2)
        await asyncio.sleep(0.2)
        assert one.dispatch.workers.seats[0].carried == 2
        small.room = 3
        await until(lambda: len(small.carried) == 3)
        living.cancel()
        await asyncio.wait([living])


async def test_an_overloaded_worker_gives_channels_up_one_by_one_until_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hearing.transcribe.workers.OVERLOADED_S", 0.2)
    monkeypatch.setattr("hearing.transcribe.dispatch._STATE_S", 0.05)
    async with bench(SEVEN) as one:
        slow = await joined(one, 16)
        await until(lambda: len(slow.carried) == 7)
        quick = await joined(one, 16)
        living = [asyncio.create_task(worker.live()) for worker in (slow, quick)]
        slow.room = 4
        await until(lambda: (len(slow.carried), len(quick.carried)) == (4, 3))
        await asyncio.sleep(1.0)
        assert (len(slow.hand.assigned), len(quick.hand.assigned)) == (7, 3)
        assert {told.why for told in slow.hand.told if isinstance(told, Release)} == {"moved"}
        for task in living:
            task.cancel()
        await asyncio.wait(living)


async def test_where_all_are_overloaded_nothing_is_moved_to_and_fro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearing.transcribe.workers.OVERLOADED_S", 0.05)
    monkeypatch.setattr("hearing.transcribe.dispatch._STATE_S", 0.01)
    async with bench(SEVEN) as one:
        first, second = await joined(one, 16), None
        await until(lambda: len(first.carried) == 7)
        second = await joined(one, 16)
        living = [asyncio.create_task(worker.live()) for worker in (first, second)]
        # Each says in turn that it has too many, and that the other could have them all.
        for _ in range(10):
            first.room, second.room = 0, 16
            await asyncio.sleep(0.2)
            first.room, second.room = 16, 0
            await asyncio.sleep(0.2)
        assert len(first.hand.assigned) + len(second.hand.assigned) <= 7 + 7
        assert len(first.carried) + len(second.carried) == 7
        first.room = second.room = 3
        held = (set(first.carried), set(second.carried))
        await asyncio.sleep(0.5)
        assert (first.carried, second.carried) == held
        for task in living:
            task.cancel()
        await asyncio.wait(living)


async def test_a_channel_goes_back_to_the_worker_it_was_moved_from_when_there_is_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hearing.transcribe.workers.STUCK_S", 0.3)
    monkeypatch.setattr("hearing.transcribe.dispatch._STATE_S", 0.05)
    async with bench() as one:
        first = await one.carrying()
        one.play(0, 16_000)
        second = await one.carrying()
        await second.pipe.close()
        await first._wait(lambda: len(first.assigned) == 2)
        assert isinstance(await first.gets(Assign), Assign)


async def test_a_channel_that_two_workers_cannot_carry_moves_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hearing.transcribe.workers.OVERLOADED_S", 0.0)
    monkeypatch.setattr("hearing.transcribe.dispatch._STATE_S", 0.01)
    monkeypatch.setattr("hearing.transcribe.workers.REST_S", 0.2)
    monkeypatch.setattr("hearing.transcribe.connection.REST_S", 0.0)
    async with bench() as one:
        workers = [await joined(one, 0) for _ in range(2)]

        async def live() -> None:
            while True:
                for worker in workers:  # who has it measures that it is too much; who has none does not know
                    worker.measured, worker.room = bool(worker.carried), 0 if worker.carried else 16
                    await worker.pulse()
                await asyncio.sleep(0.01)

        living = asyncio.create_task(live())
        began = asyncio.get_running_loop().time()
        await until(lambda: sum(len(worker.hand.assigned) for worker in workers) == 5)
        assert asyncio.get_running_loop().time() - began >= 0.2 + 0.4 + 0.8
        living.cancel()
        await asyncio.wait([living])
