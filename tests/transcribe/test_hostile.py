"""Workers that lie, flood, freeze or speak for what is not theirs: nothing of it is stored, and others go on."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from hearing.errors import Unavailable
from hearing.transcribe import protocol
from hearing.transcribe.dispatch import Dispatch
from hearing.transcribe.protocol import Assign, Closed, Decline, Gap, Heard, Hello, Pulse, Release, Words
from hearing.transcribe.supply import WINDOW
from hearing.transcribe.worker import worker_url
from tests.transcribe.relaying import Bench, Hand, bench, meeting, nothing_recorded
from tests.transcribe.route import TOKEN, served, url_of

SECOND = 16_000
DEADLINE_S = 60


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy elsewhere silences nobody here."""
    monkeypatch.setattr("hearing.transcribe.peer.SILENCE_S", 60.0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def closed(hand: Hand) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await hand.over.wait()


async def speaking(one: Bench) -> Hand:
    """Connect a worker that has said and timed one segment, and has another open."""
    hand = await one.carrying()
    one.play(0, 10 * SECOND)
    await hand.heard(10 * SECOND)
    await hand.say(Words(1, 0, 0, ("Good", "morning."), SECOND))
    await hand.say(Closed(1, 0, 100, 900, ((100, 400), (500, 900))))
    await hand.say(Words(1, 1, 0, ("We", "begin"), 2 * SECOND))
    await hand.acks(3)
    return hand


LIES: dict[str, protocol.FromWorker | str] = {
    "a segment that is closed already": Words(1, 0, 2, ("again",), 3 * SECOND),
    "a segment left out": Words(1, 3, 0, ("later",), 3 * SECOND),
    "a negative segment": Words(1, -1, 0, ("before",), 3 * SECOND),
    "a new segment not from its first word": Words(1, 2, 1, ("late",), 3 * SECOND),
    "a word said before": Words(1, 1, 1, ("begin",), 3 * SECOND),
    "a word left out": Words(1, 1, 3, ("now",), 3 * SECOND),
    "time that runs back": Words(1, 1, 2, ("now",), SECOND),
    "a word heard in audio that was not sent": Words(1, 1, 2, ("now",), 11 * SECOND),
    "a line break in a word": Words(1, 1, 2, ("a\nb",), 3 * SECOND),
    "a no-break space in a word": Words(1, 1, 2, ("a\u00a0b",), 3 * SECOND),
    "a direction override in a word": Words(1, 1, 2, ("a\u202eb",), 3 * SECOND),
    "an empty word": Words(1, 1, 2, ("",), 3 * SECOND),
    "half a character": '{"type":"words","handle":1,"segment":1,"first_word":2,"words":["\\ud800"],"through_sample":9}',
    "times of a segment that is closed": Closed(1, 0, 100, 900, ((100, 400), (500, 900))),
    "times of a segment that is none": Closed(1, 2, 3000, 4000, ()),
    "times before the segment before": Closed(1, 1, 200, 2000, ((200, 400), (500, 900))),
    "times after the audio": Closed(1, 1, 1000, 99_000, ((1000, 2000), (2000, 99_000))),
    "times too few": Closed(1, 1, 1000, 2000, ((1000, 2000),)),
    "times that cross": Closed(1, 1, 1000, 2000, ((1000, 1900), (1200, 2000))),
    "a gap before its audio": Gap(1, -5, 100, "unheard"),
    "a gap of a reason that is none": '{"type":"gap","handle":1,"t0":0,"t1":9,"reason":"because"}',
    "more lanes than there can be": Pulse(tuple(Heard(n, 0, 0, 600) for n in range(300))),
    "less than no room": Pulse((), -1),
    "room for a city": Pulse((), 100_000),
    "hello again": Hello(1, "again", 4),
    "a list": "[1,2,3]",
    "no type": '{"handle":1}',
    "a handle that is text": '{"type":"drained","handle":"1"}',
    "a number that has no end": '{"type":"drained","handle":' + "9" * 5000 + "}",
    "a frame too long": '{"type":"draft","handle":1,"segment":1,"after":2,"text":"' + "x" * 70_000 + '"}',
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_a_lie_ends_the_connection_stores_nothing_and_the_next_worker_goes_on(
    lie: protocol.FromWorker | str,
) -> None:
    async with bench() as one:
        hand = await speaking(one)
        await (hand.pipe.send(lie) if isinstance(lie, str) else hand.say(lie))
        await closed(hand)
        assert await one.words() == ["Good", "morning.", "We", "begin"]
        assert not (await one.folded()).channel("en").gaps
        other = await one.carrying()
        assert other.assigned[1].prefix == ((1, ("We", "begin")),)
        await other.heard(10 * SECOND)
        await other.say(Words(1, 1, 2, ("today.",), 3 * SECOND))
        await other.acks(1)
        assert (await one.words())[-1] == "today."


HELLOS = {
    "another version": Hello(2, "test", 4),
    "less than no channels": Hello(1, "test", -1),
    "too many channels": Hello(1, "test", 257),
    "a name without end": Hello(1, "x" * 201, 4),
    "languages without end": Hello(1, "test", 4, tuple(str(n) for n in range(201))),
    "a label without end": Hello(1, "test", 4, name="x" * 201),
    "no hello": Pulse(),
}


@pytest.mark.parametrize("hello", HELLOS.values(), ids=HELLOS.keys())
async def test_who_does_not_greet_as_it_should_is_given_nothing(hello: protocol.FromWorker) -> None:
    async with bench() as one:
        hand = one.worker()
        await hand.say(hello)
        await closed(hand)
        assert (hand.assigned, one.dispatch.workers.count) == ({}, 0)


async def test_who_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearing.transcribe.peer.SILENCE_S", 0.2)
    async with bench() as one:
        hand = one.worker()
        await closed(hand)
        assert one.dispatch.workers.count == 0


@pytest.mark.parametrize("message", [Pulse(tuple(Heard(1, 0, 0, 600) for _ in range(200))), Words(9, 0, 0, ("x",), 0)])
async def test_a_flood_is_closed_and_the_channel_goes_on(message: protocol.FromWorker) -> None:
    async with bench() as one:
        hand = await one.carrying()

        async def flood() -> None:
            while True:
                await hand.say(message)
                await asyncio.sleep(0)

        with pytest.raises(Unavailable, match="closed"):
            async with asyncio.timeout(DEADLINE_S):
                await flood()
        assert (await one.carrying()).assigned


async def test_who_does_not_wait_for_acks_has_its_words_stored_in_order() -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, 20 * SECOND)
        await hand.heard(20 * SECOND)
        said = [f"w{n}" for n in range(100)]
        for n, word in enumerate(said):
            await hand.say(Words(1, 0, n, (word,), SECOND + n))
        await hand.acks(100)
        assert await one.words() == said


async def test_what_is_claimed_to_be_heard_does_not_let_go_of_audio_that_was_not_sent() -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, 5 * SECOND)
        await hand.heard(5 * SECOND)
        await hand.say(Pulse((Heard(1, 2**70, 2**70, 600), Heard(1, -(2**70), -(2**70), 600), Heard(99, 1, 1, 1))))
        await hand.say(Words(7, 0, 0, ("sync",), 0))
        await hand.gets(Release)
        one.play(5 * SECOND, 8 * SECOND)
        await hand.heard(8 * SECOND)
        await hand.pipe.close()
        other = await one.carrying()
        assert other.assigned[1].from_sample <= 8 * SECOND


async def test_a_worker_that_is_alive_and_hears_nothing_loses_the_channel_to_one_that_does(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hearing.transcribe.workers.STUCK_S", 0.5)
    caplog.set_level(logging.WARNING, "hearing.transcribe.workers")
    async with bench() as one:
        stuck = await one.carrying()
        one.play(0, 3 * SECOND)
        await stuck.heard(3 * SECOND)
        await stuck.say(Words(1, 0, 0, ("Good",), SECOND))
        await stuck.acks(1)
        await until(lambda: one.dispatch.workers.seats[0].carried == 1)
        other = await one.carrying()
        assert await stuck.gets(Release) == Release(1, "moved")
        assert other.assigned[1].prefix == ((0, ("Good",)),)
        await stuck.say(Words(1, 0, 1, ("zombie",), 2 * SECOND))
        await stuck._wait(lambda: stuck.told.count(Release(1, "moved")) == 2)
        await other.heard(3 * SECOND)
        await other.say(Words(1, 0, 1, ("morning.",), 2 * SECOND))
        await other.say(Pulse((Heard(1, 3 * SECOND, 0, 600),)))
        await other.acks(1)
        assert await one.words() == ["Good", "morning."]
        assert not stuck.over.is_set()
    assert [record.getMessage() for record in caplog.records][:1] == ["channel_moved channel=en why=stuck"]


async def test_where_there_is_no_other_worker_a_slow_one_keeps_its_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearing.transcribe.workers.STUCK_S", 0.0)
    monkeypatch.setattr("hearing.transcribe.dispatch._STATE_S", 0.01)
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, SECOND)
        await hand.heard(SECOND)
        await asyncio.sleep(0.2)
        await hand.say(Words(1, 0, 0, ("Late",), SECOND))
        await hand.acks(1)
        assert not [told for told in hand.told if isinstance(told, Release)]


async def test_who_declines_for_ever_does_not_keep_a_channel_from_another() -> None:
    async with bench() as one:
        hand = one.worker()
        await hand.hello(200)

        async def decline() -> None:
            answered = 0
            while not hand.over.is_set():
                if len(hand.assigned) > answered:
                    answered = len(hand.assigned)
                    await hand.say(Decline(answered))
                await hand.say(Pulse((), 200))
                await asyncio.sleep(0.2)

        declining = asyncio.create_task(decline())
        await hand.gets(Assign)
        other = await one.carrying(1)
        one.play(0, SECOND)
        await other.heard(SECOND)
        await other.say(Words(1, 0, 0, ("Mine",), SECOND))
        await other.acks(1)
        declining.cancel()
        await asyncio.wait([declining])
        assert await one.words() == ["Mine"]


async def test_the_worker_of_another_server_on_the_same_log_is_refused_by_the_channels_position() -> None:
    """A relay that was thought dead still runs: what its worker says meets the channel's last record."""
    async with bench() as new:
        old = Dispatch(new.log, new.board)
        running = new.group.create_task(old.run())
        ears = await old.attach(meeting(), nothing_recorded)
        zombies = Bench(new.log, new.board, old, ears, new.group)
        zombie, hand = await zombies.carrying(), await new.carrying()
        for one in (zombies, new):
            one.play(0, 3 * SECOND)
        await zombie.heard(3 * SECOND)
        await hand.heard(3 * SECOND)
        await hand.say(Words(1, 0, 0, ("Good", "morning."), SECOND))
        await hand.acks(1)
        await zombie.say(Words(1, 0, 0, ("Could", "mourning"), SECOND))
        assert await zombie.gets(Release) == Release(1, "conflict")
        await hand.say(Words(1, 0, 2, ("Welcome",), 2 * SECOND))
        await hand.acks(2)
        assert await new.words() == ["Good", "morning.", "Welcome"]
        await zombie.pipe.close()
        await ears.detach()
        running.cancel()


class _Stream:
    """A worker's end of a real connection that reads nothing more; what the kernels hold for it is little."""

    def __init__(self, server: uvicorn.Server) -> None:
        server.servers[0].sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        url = url_of(server)
        host, port = urlsplit(url).hostname, urlsplit(url).port
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect((host, port))
        self.protocol = ClientProtocol(parse_uri(worker_url(url)))
        request = self.protocol.connect()
        request.headers["Authorization"] = f"Bearer {TOKEN}"
        self.protocol.send_request(request)
        self.socket.sendall(b"".join(self.protocol.data_to_send()))
        while self.protocol.state.name == "CONNECTING":
            self.protocol.receive_data(self.socket.recv(4096))
        self.socket.setblocking(False)

    async def say(self, message: protocol.FromWorker) -> None:
        self.protocol.send_text(protocol.encode(message))
        await self.pass_on()

    async def pass_on(self) -> None:
        """Send what is to be sent. Raises OSError once the relay has hung up."""
        for some in self.protocol.data_to_send():
            await asyncio.get_running_loop().sock_sendall(self.socket, some)


async def test_who_reads_nothing_is_sent_a_bounded_part_and_loses_the_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearing.transcribe.peer._SEND_S", 1.0)
    monkeypatch.setattr("hearing.site.worker._CLOSE_S", 0.2)
    monkeypatch.setattr("hearing.bounded._CLOSING_S", 0.2)
    async with bench() as one, served(one) as server:
        stream = await asyncio.to_thread(_Stream, server)
        with closing(stream.socket):
            await stream.say(Hello(1, "deaf", 1))
            await until(lambda: bool(one.dispatch.workers.seats) and one.dispatch.workers.seats[0].carried == 1)
            one.play(0, 120 * SECOND)
            deaf = [held for held in server.server_state.connections if not isinstance(held, H11Protocol)]
            assert len(deaf) == 1
            pulse = Pulse((Heard(1, 0, 0, 600),))
            with suppress(OSError):
                async with asyncio.timeout(DEADLINE_S):
                    while one.dispatch.workers.count:
                        await stream.say(pulse)
                        await asyncio.sleep(0.2)
            await until(lambda: not one.dispatch.workers.count and deaf[0] not in server.server_state.connections)
            other = await one.carrying()
            await other.heard(WINDOW)
            assert other.assigned[1].from_sample == 0


async def test_pings_whose_answers_nobody_reads_hang_up() -> None:
    async with bench() as one, served(one) as server:
        stream = await asyncio.to_thread(_Stream, server)

        async def flood() -> None:
            await stream.say(Hello(1, "deaf", 1))
            while True:
                for n in range(100):
                    stream.protocol.send_ping(n.to_bytes(4, "big") + bytes(120))
                await stream.say(Pulse())
                await asyncio.sleep(0.05)

        with closing(stream.socket), pytest.raises((ConnectionResetError, BrokenPipeError)):
            async with asyncio.timeout(DEADLINE_S):
                await flood()
        await until(lambda: not one.dispatch.workers.count)
