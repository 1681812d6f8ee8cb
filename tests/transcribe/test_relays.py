"""Several workers for several relays: each meeting has its words, nobody carries more than it can, all is said once."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedOK, InvalidMessage, InvalidStatus
from websockets.http11 import Response

from hearing.errors import Refused
from hearing.transcribe import dial
from hearing.transcribe.dial import why
from hearing.transcribe.hands import Hands
from hearing.transcribe.worker import WorkerSettings, work, worker_url
from tests.transcribe.fakes import FakeEngine, name
from tests.transcribe.relaying import bench
from tests.transcribe.route import FRAME, TOKEN, make, play, said, serving, talk

DEADLINE_S = 60
PAIR = ("en", "fr")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy elsewhere silences nobody here."""
    monkeypatch.setattr("hearing.transcribe.peer.SILENCE_S", 60.0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def working(*urls: str, channels: int = 16, token: str = TOKEN) -> AsyncIterator[asyncio.Task[None]]:
    """Run a worker for relays; it is gone at the end."""
    first, *others = map(worker_url, urls)
    settings = WorkerSettings(first, token, channels=channels, others=tuple(others))
    task = asyncio.create_task(work(settings, FakeEngine(), 2, make))
    try:
        yield task
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=1)


async def test_two_workers_carry_the_meetings_of_two_relays_and_one_that_is_lost_leaves_all_to_the_other() -> None:
    pcm, half = talk(4), len(talk(2)) // FRAME * FRAME
    async with bench(PAIR) as here, bench(PAIR) as there, serving(here) as url, serving(there) as other:
        async with working(url, other, channels=4) as first, working(other, url, channels=4):
            await until(lambda: here.dispatch.workers.count == there.dispatch.workers.count == 2)
            for one in (here, there):
                for channel in PAIR:
                    await play(one, pcm, 0, half, channel)
            for one in (here, there):
                await said(one, 12)
            first.cancel()
            await until(lambda: here.dispatch.workers.count == there.dispatch.workers.count == 1)
            for one in (here, there):
                for channel in PAIR:
                    await play(one, pcm, half, len(pcm), channel)
            await asyncio.gather(here.ears.drain(DEADLINE_S), there.ears.drain(DEADLINE_S))
        expected = [name(number) for number in range(1, 49)]
        for one in (here, there):
            for channel in PAIR:
                assert await one.words(channel) == expected
                assert not (await one.folded()).channel(channel).gaps


async def test_a_worker_of_two_relays_never_carries_more_than_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    most, real = list[int](), Hands.run

    def counted(hands: Hands, job: Callable[[], object]) -> "asyncio.Future[object]":
        most.append(hands.carried)
        return real(hands, job)

    monkeypatch.setattr(Hands, "run", counted)
    pcm = talk(2)
    async with bench(("en", "fr", "es")) as here, bench(("en", "fr", "es")) as there:
        async with serving(here) as url, serving(there) as other, working(url, other, channels=4):
            await until(lambda: sum(seat.carried for one in (here, there) for seat in one.dispatch.workers.seats) == 4)
            for one in (here, there):
                for channel in ("en", "fr", "es"):
                    await play(one, pcm, 0, len(pcm), channel)
            async with working(url, other, channels=4):
                await asyncio.gather(here.ears.drain(DEADLINE_S), there.ears.drain(DEADLINE_S))
        for one in (here, there):
            for channel in ("en", "fr", "es"):
                assert await one.words(channel) == [name(number) for number in range(1, 25)]
    assert 0 < max(most) <= 4


async def test_a_place_that_becomes_free_at_one_relay_is_offered_to_the_other() -> None:
    async with bench() as here, bench() as there, serving(here) as url, serving(there) as other:
        async with working(url, channels=1) as first:
            await until(lambda: [seat.carried for seat in here.dispatch.workers.seats] == [1])
            first.cancel()
            await until(lambda: not here.dispatch.workers.count)
        async with working(url, other, channels=1):
            await until(lambda: here.dispatch.workers.count == there.dispatch.workers.count == 1)
            await until(lambda: here.dispatch.workers.seats[0].carried + there.dispatch.workers.seats[0].carried == 1)
            holding, waiting = (here, there) if here.dispatch.workers.seats[0].carried else (there, here)
            await holding.ears.detach()
            await until(lambda: waiting.dispatch.workers.seats[0].carried == 1)


async def test_a_relay_that_is_not_there_is_said_once_and_joined_when_it_comes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "_BACKOFF_S", (0.01, 0.05))
    dialled = list[str]()
    real = dial._one_connection

    async def counted(url: str, crew: dial.Crew, called: str) -> tuple[bool, str]:
        dialled.append(called)
        return await real(url, crew, called)

    monkeypatch.setattr(dial, "_one_connection", counted)
    caplog.set_level(logging.INFO)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        async with bench() as one, serving(one) as url, working(url, f"http://127.0.0.1:{port}"):
            await until(lambda: dialled.count("relay 2") > 5)
            await until(lambda: one.dispatch.workers.count == 1)
    told = [record.getMessage() for record in caplog.records if record.name == dial.logger.name]
    assert [line for line in told if line.startswith("relay 2")] == [
        "relay 2 cannot be reached (Connection refused); it is dialled again until it answers"
    ]
    assert "relay 1 joined" in told
    assert not [record for record in caplog.records if TOKEN in record.getMessage()]
    assert not [line for line in told if str(port) in line or "127.0.0.1" in line]


async def test_a_relay_that_refuses_the_token_is_said_once_in_words(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "_BACKOFF_S", (0.01, 0.05))
    async with bench() as one, serving(one) as url, working(url, token="w" * 40):
        await until(lambda: bool([record for record in caplog.records if record.name == dial.logger.name]))
        await asyncio.sleep(0.3)
        assert one.dispatch.workers.count == 0
    told = [record.getMessage() for record in caplog.records if record.name == dial.logger.name]
    assert told == [
        "relay refuses the token: give the one of its setting worker_token_file; it is dialled again until it answers"
    ]


def test_every_end_of_a_connection_is_said_in_words_without_an_address() -> None:
    verify = ssl.SSLCertVerificationError(1, "x")
    verify.verify_message = "self-signed certificate"
    answered = [InvalidStatus(Response(status, "", Headers())) for status in (403, 404)]
    ends: list[BaseException] = [
        ConnectionRefusedError(111, "Connect call failed ('10.1.2.3', 443)"),
        OSError("Multiple exceptions: [Errno 111] Connect call failed ('10.1.2.3', 443)"),
        socket.gaierror(-2, "Name or service not known"),
        ssl.SSLError(1, "wrong version number at 10.1.2.3"),
        verify,
        TimeoutError("10.1.2.3"),
        *answered,
        InvalidMessage("10.1.2.3"),
        ConnectionClosedOK(None, None),
        Refused("10.1.2.3"),
    ]
    told = [why(end) for end in ends]
    assert len(set(told)) == len(told)
    assert not [text for text in told if "10.1.2.3" in text]
    assert told[0] == "cannot be reached (Connection refused)"
    assert "self-signed certificate" in told[4]
