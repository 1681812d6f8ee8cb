"""An engine that fails: only what it cannot hear is lost, a gap says so, and everybody else goes on."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest

from hearing.errors import HearingError
from hearing.transcribe.batching import Batching
from hearing.transcribe.carry import Carrier
from hearing.transcribe.engine import Engine, EngineFailedError, Hypothesis, Pcm, Sound
from hearing.transcribe.hands import Hands, jobs_at_once
from hearing.transcribe.protocol import Assign, Closed, Gap
from hearing.transcribe.session import Session
from hearing.transcribe.words import Word
from tests.transcribe.fakes import Energy, FakeBatches, FakeEngine, name, raw, silence, speech
from tests.transcribe.relaying import Bench, bench, pipes

FRAME = 3200


def make(assign: Assign, engine: Engine) -> Session:
    return Session(assign, engine, frames=Energy)


@asynccontextmanager
async def carried(one: Bench, engine: Engine, threads: int = 2) -> AsyncIterator["asyncio.Task[None]"]:
    """Carry the channels of a relay with an engine, in this process; yield the task."""
    here, there = pipes()

    async def send(frame: str) -> None:
        await there.send(frame)

    hands = Hands(jobs_at_once(engine, threads, 4), 4)
    carrier = Carrier(engine, send=send, hands=hands, make=make)
    serving = asyncio.create_task(_quietly(one, here))
    running = asyncio.create_task(carrier.run())

    async def listen() -> None:
        while True:
            await carrier.take(await there.receive())

    listening = asyncio.create_task(listen())
    try:
        yield running
    finally:
        for task in (listening, running):
            task.cancel()
        await there.close()
        await asyncio.gather(listening, running, serving, return_exceptions=True)
        hands.close()


async def _quietly(one: Bench, pipe: object) -> None:
    await one.dispatch.workers.serve(pipe)  # type: ignore[arg-type]  # a Pipe is a socket


async def play(one: Bench, pcm: Pcm, channel: str) -> None:
    for sample in range(0, len(pcm), FRAME):
        one.ears.hear(channel, 1, sample, raw(pcm[sample : sample + FRAME]))
        await asyncio.sleep(0)


def talk(*utterances: Sequence[int]) -> Pcm:
    return np.concatenate([part for numbers in utterances for part in (speech(numbers), silence(1.5))])


def named(*utterances: Sequence[int]) -> list[str]:
    return [name(number) for numbers in utterances for number in numbers]


@pytest.mark.parametrize("batched", [True, False])
async def test_what_cannot_be_heard_becomes_a_gap_and_the_rest_is_said(batched: bool) -> None:
    before, bad, after = range(1, 9), range(11, 15), range(21, 29)
    fake = FakeBatches(frozenset(bad))
    async with bench(("en", "fr")) as one, carried(one, Batching(fake) if batched else Failing(fake)):
        async with asyncio.timeout(120):
            await asyncio.gather(play(one, talk(before, bad, after), "en"), play(one, talk(after, before), "fr"))
            await one.ears.drain(100)
        folded = await one.folded()
        assert await one.words("en") == named(before, after)
        assert await one.words("fr") == named(after, before)
        gaps = folded.channel("en").gaps
        begin, end = (len(part) // 16 for part in (talk(before), talk(before, bad)))
        assert {gap.reason for gap in gaps} == {"unheard"}
        assert begin - 500 <= min(gap.t0 for gap in gaps)
        assert max(gap.t1 for gap in gaps) <= end
        assert sum(gap.t1 - gap.t0 for gap in gaps) >= len(speech(bad)) // 16
        assert not folded.channel("fr").gaps
        assert not folded.channel("en").open_segments()


class Failing(FakeEngine):
    """Fails on the bad words of a batching fake, without batches."""

    def __init__(self, fake: FakeBatches) -> None:
        super().__init__()
        self._fake = fake

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        return super().guess(self._fake._good(sound), language, prompt=prompt, forced=forced)


class Once(FakeEngine):
    """Fails every other time it is asked to guess."""

    def guess(self, sound: Sound, language: str, *, prompt: Sequence[int], forced: Sequence[Word]) -> Hypothesis:
        self.guesses += 1
        if self.guesses % 2:
            raise EngineFailedError("Not now.")
        return super().guess(sound, language, prompt=prompt, forced=forced)


async def test_what_fails_once_is_heard_the_next_time() -> None:
    spoken = [range(k, k + 8) for k in (1, 11, 21)]
    async with bench() as one, carried(one, Once()):
        async with asyncio.timeout(120):
            await play(one, talk(*spoken), "en")
            await one.ears.drain(100)
        assert await one.words("en") == named(*spoken)
        assert not (await one.folded()).channel("en").gaps


class Dead(FakeEngine):
    """Hears nothing any more."""

    def encode(self, pcm: Pcm) -> Sound:
        raise EngineFailedError("The device is gone.")


async def test_a_worker_whose_engine_is_gone_gives_up() -> None:
    async with bench() as one, carried(one, Dead(), 1) as running:
        await play(one, talk(*[range(k, k + 8) for k in range(1, 100, 10)]), "en")
        async with asyncio.timeout(120):
            await asyncio.wait([running])
        failed = running.exception()
        assert isinstance(failed, BaseExceptionGroup)
        assert failed.subgroup(HearingError) is not None


def test_words_taken_over_get_times_though_their_audio_is_given_up() -> None:
    pcm = speech(range(1, 9))
    session = Session(Assign(1, "en", 0, 1, ((0, ("one1", "two2")),), 2 * FRAME), Dead(), frames=Energy)
    session.hear(1, 0, pcm)
    with pytest.raises(EngineFailedError):
        session.end()
    said = session.give_up()
    [closed] = [one for one in said if isinstance(one, Closed)]
    [gap] = [one for one in said if isinstance(one, Gap)]
    assert (closed.segment, len(closed.word_times)) == (0, 2)
    assert closed.t1 <= gap.t0 < gap.t1 == len(pcm) // 16
    assert closed.t1 * 16 <= session.settled <= session.heard == len(pcm)
    assert session.step() == []
