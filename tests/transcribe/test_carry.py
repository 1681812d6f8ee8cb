"""What a worker says of a channel as it ends, and how often it drafts."""

import asyncio

import pytest

from hearing.transcribe.carry import Carrier
from hearing.transcribe.engine import Engine
from hearing.transcribe.hands import Hands
from hearing.transcribe.lane import Lane
from hearing.transcribe.pace import STEPS, Pace, quickest_ms
from hearing.transcribe.protocol import (
    FRAME_MS,
    Assign,
    Drained,
    Finish,
    FromWorker,
    Pulse,
    encode,
    from_worker,
    pack_pcm,
)
from hearing.transcribe.session import Session, plain
from tests.transcribe.fakes import Energy, FakeEngine, raw, silence, speech

FRAME = bytes(32 * FRAME_MS)


def make(assign: Assign, engine: Engine) -> Session:
    return Session(assign, engine, frames=Energy)


async def last_tick_ms(assign: Assign, pace: Pace) -> int:
    """Carry a channel to its end at a pace, and return what was told of its ticks last."""
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
        await carrier.take(encode(assign).decode())
        hands.pace = pace
        for pcm in (speech([1, 2, 3]), silence(1.5)):
            await carrier.take(pack_pcm(1, 1, 0 if pcm[0] else len(speech([1, 2, 3])), raw(pcm)))
        await carrier.take(encode(Finish(1)).decode())
        async with asyncio.timeout(60):
            await drained.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        hands.close()
    assert hands.pace == Pace()
    pulses = [one for one in said[: said.index(Drained(1))] if isinstance(one, Pulse) and one.heard]
    return pulses[-1].heard[-1].tick_ms


async def test_the_last_channel_ends_with_the_pace_it_had() -> None:
    assert await last_tick_ms(plain(1, "en"), Pace(level=2)) == STEPS[2].tick_ms


@pytest.mark.parametrize(
    ("language", "languages", "tick_ms"),
    [("en", (), 500), ("en", ("en",), 500), ("fr", (), 600), ("en", ("en", "fr"), 600), ("fr", ("fr", "en"), 600)],
)
async def test_where_there_is_room_english_alone_is_drafted_more_often(
    language: str, languages: tuple[str, ...], tick_ms: int
) -> None:
    assert await last_tick_ms(plain(1, language, languages), Pace()) == tick_ms


@pytest.mark.parametrize(("language", "pace_ms", "frames"), [("en", 500, 5), ("fr", 500, 6), ("fr", 1000, 10)])
def test_a_draft_is_due_when_a_tick_of_audio_has_come(language: str, pace_ms: int, frames: int) -> None:
    lane = Lane(1, lambda: make(plain(1, language), FakeEngine()), 0.0, quickest_ms((language,)))
    due = []
    for number in range(60):
        lane.add(1, number * len(FRAME) // 2, FRAME, number * FRAME_MS / 1000)
        lane.take()
        due += [number + 1] if lane.draft_due(pace_ms) else []
    assert due == list(range(frames, 61, frames))
