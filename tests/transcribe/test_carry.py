"""What a worker says of a channel as it ends."""

import asyncio

from hearing.transcribe.carry import Carrier
from hearing.transcribe.engine import Engine
from hearing.transcribe.hands import Hands
from hearing.transcribe.pace import STEPS, Pace
from hearing.transcribe.protocol import Assign, Drained, Finish, FromWorker, Pulse, encode, from_worker, pack_pcm
from hearing.transcribe.session import Session, plain
from tests.transcribe.fakes import Energy, FakeEngine, raw, silence, speech


def make(assign: Assign, engine: Engine) -> Session:
    return Session(assign, engine, frames=Energy)


async def test_the_last_channel_ends_with_the_pace_it_had() -> None:
    said: list[FromWorker] = []
    drained = asyncio.Event()

    async def send(frame: str) -> None:
        said.append(from_worker(frame))
        if isinstance(said[-1], Drained):
            drained.set()

    hands = Hands(1, 4)
    carrier = Carrier(FakeEngine(), send=send, hands=hands, make=make)
    running = asyncio.create_task(carrier.run())
    try:
        await carrier.take(encode(plain(1, "en")).decode())
        hands.pace = Pace(level=2)
        for pcm in (speech([1, 2, 3]), silence(1.5)):
            await carrier.take(pack_pcm(1, 1, 0 if pcm[0] else len(speech([1, 2, 3])), raw(pcm)))
        await carrier.take(encode(Finish(1)).decode())
        async with asyncio.timeout(60):
            await drained.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        hands.close()
    pulses = [one for one in said[: said.index(Drained(1))] if isinstance(one, Pulse) and one.heard]
    assert pulses[-1].heard[-1].tick_ms == STEPS[2].tick_ms
    assert hands.pace == Pace()
