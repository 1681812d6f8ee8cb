"""A worker of which nothing comes any more goes on: another has its channel by then, and what it said is too late."""

import logging

import pytest

from tests.transcribe.fakes import name
from tests.transcribe.lines import Lines
from tests.transcribe.relaying import Bench, bench
from tests.transcribe.route import FRAME, play, said, serving, talk
from tests.transcribe.test_relays import until, working


def holder(one: Bench) -> int:
    """Return how many channels the worker that has the channel says it can carry, 0 where none has it."""
    return sum(worker.channels for worker in one.dispatch.workers._connections if worker.seat.carried)


async def test_what_was_underway_when_another_took_over_is_refused_and_said_once_by_the_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hearing.transcribe.workers")
    pcm, half = talk(4), len(talk(2)) // FRAME * FRAME
    lines = Lines()
    async with bench() as one, serving(one, lines.protocol()) as url:
        async with working(url, channels=3), working(url, channels=4):
            await until(lambda: one.dispatch.workers.count == 2 and holder(one) > 0)
            await play(one, pcm, 0, half)
            await said(one, 12)
            first = holder(one)
            monkeypatch.setattr("hearing.transcribe.peer.SILENCE_S", 1.5)
            lines.hold(first)
            await play(one, pcm, half, len(pcm))
            await until(lambda: holder(one) not in {0, first})
            monkeypatch.setattr("hearing.transcribe.peer.SILENCE_S", 60.0)
            lines.let_go()
            await one.ears.drain(60)
        assert await one.words() == [name(number) for number in range(1, 49)]
        assert not (await one.folded()).channel("en").gaps
    assert lines.late["Words"]
    left = [record.getMessage() for record in caplog.records if record.getMessage().startswith("worker_left")]
    assert [line for line in left if "said nothing" in line]
