"""What a worker hears of its channels, and what it says of one as it ends."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest

from hearing.transcribe.carry import Carrier
from hearing.transcribe.engine import Engine, Hypothesis, Pcm, Sound
from hearing.transcribe.hands import Hands
from hearing.transcribe.pace import STEPS, Pace
from hearing.transcribe.protocol import (
    Assign,
    Draft,
    Drained,
    Finish,
    FromWorker,
    Pulse,
    Words,
    encode,
    from_worker,
    pack_pcm,
)
from hearing.transcribe.session import Session, plain
from hearing.transcribe.words import Word
from tests.transcribe.fakes import Energy, FakeEngine, name, raw, silence, speech

FRAME = 3200


def make(assign: Assign, engine: Engine) -> Session:
    return Session(assign, engine, frames=Energy)


class Worker:
    """A carrier without a socket: what it said, and how to wait for it."""

    def __init__(self, engine: Engine, hands: Hands) -> None:
        self.said: list[FromWorker] = []
        self.hands = hands
        self.carrier = Carrier(engine, send=self._send, hands=hands, make=make)
        self._news = asyncio.Event()

    async def play(self, handle: int, sample: int, pcm: Pcm) -> None:
        """Give it a frame of a channel."""
        await self.carrier.take(pack_pcm(handle, 1, sample, raw(pcm)))

    async def look(self) -> None:
        """Let it begin what jobs it will."""
        for _ in range(5):
            await asyncio.sleep(0)

    async def says(self, kind: type[FromWorker], count: int = 1) -> None:
        """Wait until it has said something so often."""
        async with asyncio.timeout(60):
            while sum(isinstance(one, kind) for one in self.said) < count:
                self._news.clear()
                await self._news.wait()

    async def _send(self, frame: str) -> None:
        self.said.append(from_worker(frame))
        self._news.set()


@asynccontextmanager
async def working(engine: Engine, threads: int) -> AsyncIterator[Worker]:
    """Run a carrier; it is gone at the end."""
    hands = Hands(threads, 4)
    worker = Worker(engine, hands)
    running = asyncio.create_task(worker.carrier.run())
    try:
        yield worker
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        hands.close()


async def test_the_last_channel_ends_with_the_pace_it_had() -> None:
    async with working(FakeEngine(), 1) as worker:
        await worker.carrier.take(encode(plain(1, "en")).decode())
        worker.hands.pace = Pace(level=2)
        await worker.play(1, 0, speech([1, 2, 3]))
        await worker.play(1, len(speech([1, 2, 3])), silence(1.5))
        await worker.carrier.take(encode(Finish(1)).decode())
        await worker.says(Drained)
        assert worker.hands.pace == Pace()
    pulses = [one for one in worker.said[: worker.said.index(Drained(1))] if isinstance(one, Pulse) and one.heard]
    assert pulses[-1].heard[-1].tick_ms == STEPS[2].tick_ms


class Held(FakeEngine):
    """Guesses when it is let go; `entered` says that it wants to."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go = threading.Event(), threading.Event()

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        self.entered.set()
        assert self.go.wait(60)
        return super().guess(sound, language, prompt=prompt, forced=forced)


@pytest.mark.parametrize(
    ("more", "threads"), [(10, 1), (10, 3), (20, 3)], ids=["one", "three", "more than a job hears"]
)
async def test_frames_that_come_while_a_channel_is_heard_make_one_draft(more: int, threads: int) -> None:
    engine, sound, end = Held(), speech(range(1, 31)), (4 + more) * FRAME
    async with working(engine, threads) as worker:
        await worker.carrier.take(encode(plain(1, "en")).decode())
        await worker.play(1, 0, sound[: 4 * FRAME])
        assert await asyncio.to_thread(engine.entered.wait, 60)
        for number in range(4, 4 + more):
            await worker.play(1, number * FRAME, sound[number * FRAME : (number + 1) * FRAME])
            await worker.look()
            assert worker.hands.free == threads - 1, "a channel has one job at a time"
        engine.go.set()
        await worker.says(Draft, 2)
        assert engine.lengths == [4 * FRAME, end]
        await worker.carrier.take(encode(Finish(1)).decode())
        await worker.says(Drained)
        assert engine.lengths == [4 * FRAME, end, end], "one more, of the end"


async def test_at_the_slowest_pace_there_is_no_draft() -> None:
    engine = FakeEngine()
    async with working(engine, 1) as worker:
        await worker.carrier.take(encode(plain(1, "en")).decode())
        worker.hands.pace = Pace(level=len(STEPS) - 1)
        await worker.play(1, 0, speech(range(1, 12)))
        await worker.look()
        await worker.carrier.take(encode(Finish(1)).decode())
        await worker.says(Drained)
    assert (engine.guesses, [one for one in worker.said if isinstance(one, Draft)]) == (1, [])


async def test_channels_share_the_threads_and_none_is_forgotten() -> None:
    engine, sound = Held(), speech(range(1, 7))
    async with working(engine, 2) as worker:
        for handle in (1, 2, 3, 4):
            await worker.carrier.take(encode(plain(handle, "en")).decode())
            await worker.play(handle, 0, sound)
        assert await asyncio.to_thread(engine.entered.wait, 60)
        await worker.look()
        assert worker.hands.free == 0, "two of four are heard, and the others wait"
        engine.go.set()
        await worker.says(Draft, 4)
        assert {one.handle for one in worker.said if isinstance(one, Draft)} == {1, 2, 3, 4}


async def test_nothing_is_called_settled_before_its_words_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearing.transcribe.carry._PULSE_S", 0.01)
    async with working(FakeEngine(), 1) as worker:
        held, go_on, send = asyncio.Event(), asyncio.Event(), worker._send

        async def slowly(frame: str) -> None:
            if isinstance(from_worker(frame), Words):
                held.set()
                await go_on.wait()
            await send(frame)

        worker.carrier._send = slowly
        await worker.carrier.take(encode(plain(1, "en")).decode())
        pcm = np.concatenate([speech([1, 2, 3]), silence(1.5)])
        await worker.play(1, 0, pcm)
        async with asyncio.timeout(60):
            await held.wait()
        await worker.says(Pulse, sum(isinstance(one, Pulse) for one in worker.said) + 3)
        pulses = [one for one in worker.said if isinstance(one, Pulse) and one.heard]
        assert {pulse.heard[0].settled for pulse in pulses} == {0}
        go_on.set()
        async with asyncio.timeout(60):
            while not any(isinstance(one, Pulse) and one.heard and one.heard[0].settled for one in worker.said):
                await worker.says(Pulse, sum(isinstance(one, Pulse) for one in worker.said) + 1)


async def test_what_jobs_say_comes_in_their_order_though_sending_stalls() -> None:
    async with working(FakeEngine(), 2) as worker:
        held, go_on, send = asyncio.Event(), asyncio.Event(), worker._send

        async def stalling(frame: str) -> None:  # as a socket does: it is written, then waits for room
            await send(frame)
            if isinstance(from_worker(frame), Words):
                held.set()
            if held.is_set():
                await go_on.wait()

        worker.carrier._send = stalling
        await worker.carrier.take(encode(plain(1, "en")).decode())
        pcm = np.concatenate([speech([1, 2, 3]), silence(1.5), speech(range(4, 9)), silence(1.5), speech([9, 10, 11])])
        for sample in range(0, len(pcm), FRAME):
            await worker.play(1, sample, pcm[sample : sample + FRAME])
        async with asyncio.timeout(60):
            await held.wait()
        lane = worker.carrier._lanes[1]
        await worker.carrier.take(encode(Finish(1)).decode())
        async with asyncio.timeout(60):
            while not lane.done:
                await asyncio.sleep(0.01)
        await worker.look()
        go_on.set()
        await worker.says(Drained)
    settled = 0
    for one in worker.said:
        if isinstance(one, Pulse) and one.heard:
            settled = one.heard[0].settled
        if isinstance(one, Words):
            assert settled < one.through_sample
    assert isinstance(worker.said[-1], Drained)
    assert [word for one in worker.said if isinstance(one, Words) for word in one.words] == [
        name(number) for number in range(1, 12)
    ]
