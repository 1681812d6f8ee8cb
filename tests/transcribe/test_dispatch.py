"""The relay's side: words appear once, whoever says them and whoever is lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import pytest

from hearing.errors import Unavailable
from hearing.events import WordsCommitted, channel_subject, encode
from hearing.house_events import Channel
from hearing.log.memory import MemoryLog
from hearing.transcribe import protocol
from hearing.transcribe.carried import Carried
from hearing.transcribe.protocol import Assign, Closed, Draft, Drained, Finish, Gap, Heard, Pulse, Release, Words
from tests.transcribe.relaying import PUBLIC, Bench, Hand, bench, meeting, nothing_recorded

SECOND = 16_000


def handle(hand: Hand) -> int:
    return max(hand.assigned)


async def until(bench: Bench, channel: str, state: str) -> None:
    """Wait for a caption state on the board."""
    async with asyncio.timeout(60):
        async for _, value in bench.board.watch(f"captions:m:{channel}"):
            if value and json.loads(value)["state"] == state:
                return


async def drafted(bench: Bench, *, gone: bool = False) -> bytes | None:
    """Wait until there is a draft on the board, or none."""
    async with asyncio.timeout(60):
        if gone and await bench.board.get("draft:m:en") is None:
            return None
        async for _, value in bench.board.watch("draft:m:en"):
            if (value is None) is gone:
                return value
    return None


async def test_words_and_times_of_a_worker_are_stored_and_acknowledged() -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, 2 * SECOND)
        await hand.heard(2 * SECOND)
        key = handle(hand)
        await hand.say(Words(key, 0, 0, ("Good", "morning."), SECOND))
        await hand.say(Closed(key, 0, 100, 900, ((100, 400), (500, 900))))
        await hand.acks(2)
        segment = (await one.folded()).channel("en").segments[0]
        assert (segment.words, segment.t0, segment.t1) == (["Good", "morning."], 100, 900)


async def test_a_lost_workers_words_are_taken_over_and_its_late_words_are_refused() -> None:
    async with bench() as one:
        first = await one.carrying()
        one.play(0, 3 * SECOND)
        await first.heard(3 * SECOND)
        await first.say(Words(handle(first), 0, 0, ("Good",), SECOND))
        await first.acks(1)
        await first.pipe.close()
        second = await one.carrying()
        begin = second.assigned[handle(second)]
        assert begin == Assign(handle(second), "en", 0, 1, ((0, ("Good",)),), SECOND)
        await second.heard(3 * SECOND)
        assert second.audio[0][1] == 0
        await second.say(Words(handle(second), 0, 1, ("morning.",), 2 * SECOND))
        await second.acks(1)
        assert await one.words() == ["Good", "morning."]


async def test_a_silent_worker_loses_its_channel_within_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hearing.transcribe.peer.SILENCE_S", 0.3)
    async with bench() as one:
        first = one.worker()
        await first.hello()
        await first.gets(Assign)
        second = one.worker()
        await second.hello()

        async def alive() -> None:
            while not second.over.is_set():
                await second.say(Pulse())
                await asyncio.sleep(0.1)

        pulsing = asyncio.create_task(alive())
        await second.gets(Assign)
        async with asyncio.timeout(60):
            await first.over.wait()
        await second.pipe.close()
        pulsing.cancel()


async def test_a_message_for_a_channel_that_was_given_back_is_refused_and_not_stored() -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, SECOND)
        await hand.heard(SECOND)
        await hand.say(Words(handle(hand) + 7, 0, 0, ("late",), SECOND))
        release = await hand.gets(Release)
        assert release == Release(handle(hand) + 7, "moved")
        assert await one.words() == []


async def test_another_writer_is_noticed_and_the_channel_begins_anew() -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, SECOND)
        await hand.heard(SECOND)
        other = WordsCommitted("en", "en.0", 0, ("other",), 100)
        await one.log.append(PUBLIC, [encode(other)], subject=channel_subject("en"))
        await hand.say(Words(handle(hand), 0, 0, ("mine",), SECOND))
        assert isinstance(await hand.gets(Release), Release)
        await hand._wait(lambda: len(hand.assigned) == 2)
        assert hand.assigned[handle(hand)].prefix == ((0, ("other",)),)
        assert await one.words() == ["other"]


HOSTILE: list[protocol.FromWorker | str | bytes] = [
    Words(1, 3, 0, ("wrong", "segment"), SECOND),
    Words(1, 0, 5, ("wrong", "place"), SECOND),
    Words(1, 0, 0, (), SECOND),
    Words(1, 0, 0, ("x" * 5000,), SECOND),
    Words(1, 0, 0, ("two words",), SECOND),
    Words(1, 0, 0, ("bell\x07",), SECOND),
    Words(1, 0, 0, ("ahead",), 100 * SECOND),
    Words(1, 0, 0, ("behind",), -1),
    Words(1, 0, 0, ("many",) * 400, SECOND),
    Closed(1, 0, 0, 10, ()),
    Gap(1, 500, 400, "unheard"),
    Gap(1, 0, 99_000_000, "unheard"),
    Draft(1, 0, 0, "x" * 60_000),
    Drained(1),
    protocol.Hello(1, "again", 4),
    '{"type":"nonsense"}',
    "not json",
    "x" * 100_000,
    b"\x00" * 100,
]


@pytest.mark.parametrize("message", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_hostile_worker_is_closed_and_stores_nothing(message: protocol.FromWorker | str | bytes) -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, SECOND)
        await hand.heard(SECOND)
        if isinstance(message, str | bytes):
            await hand.pipe.send(message)
        else:
            await hand.say(message)
        async with asyncio.timeout(60):
            await hand.over.wait()
        assert await one.words() == []
        another = await one.carrying()
        assert another.assigned


async def flood(hand: Hand) -> None:
    for _ in range(2000):
        await hand.say(Pulse())
        await asyncio.sleep(0)


async def test_a_flood_is_closed() -> None:
    async with bench() as one:
        hand = await one.carrying()
        with pytest.raises(Unavailable, match="closed"):
            await flood(hand)


async def test_a_worker_is_sent_no_more_than_it_can_hear() -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, 90 * SECOND)
        await hand.heard(30 * SECOND)
        await asyncio.sleep(0.05)
        assert max(end for _, _, end in hand.audio) < 31 * SECOND
        await hand.say(Pulse((Heard(handle(hand), 25 * SECOND, 20 * SECOND, 600),)))
        await hand.heard(54 * SECOND)


async def test_channels_go_to_the_worker_with_the_most_room() -> None:
    async with bench(("en", "fr", "es")) as one:
        small = await one.carrying(1)
        big = await one.carrying(4)
        await big._wait(lambda: len(big.assigned) == 2)
        assert len(small.assigned) == 1


async def test_drain_returns_when_all_is_heard() -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, SECOND)
        draining = asyncio.create_task(one.ears.drain(5))
        assert isinstance(await hand.gets(Finish), Finish)
        await hand.say(Words(handle(hand), 0, 0, ("End.",), SECOND))
        await hand.say(Closed(handle(hand), 0, 0, 900, ((0, 900),)))
        await hand.say(Drained(handle(hand)))
        await draining
        assert await one.words() == ["End."]
        assert not (await one.folded()).channel("en").gaps


async def test_what_nobody_heard_by_the_end_is_a_gap() -> None:
    async with bench() as one:
        one.play(0, 5 * SECOND)
        await one.ears.drain(0.05)
        gaps = (await one.folded()).channel("en").gaps
        assert [(gap.t0, gap.t1, gap.reason) for gap in gaps] == [(0, 5000, "worker-lost")]


async def test_what_a_slow_worker_has_not_said_by_the_end_is_a_gap_and_is_not_said_later() -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, 5 * SECOND)
        await hand.heard(5 * SECOND)
        await hand.say(Words(handle(hand), 0, 0, ("Good",), 2 * SECOND))
        await hand.acks(1)
        await one.ears.drain(0.05, 6000)
        gaps = (await one.folded()).channel("en").gaps
        assert [(gap.t0, gap.t1, gap.reason) for gap in gaps] == [(2000, 6000, "overload")]
        await hand.gets(Release)
        await hand.say(Words(handle(hand), 0, 1, ("morning.",), 4 * SECOND))
        await hand.say(Pulse())
        successor = one.worker()
        await successor.hello()
        await asyncio.sleep(0.2)
        assert await one.words() == ["Good"]
        assert not successor.assigned


async def test_a_successor_after_a_restart_is_sent_the_recording_first() -> None:
    async def recorded(_channel: str, begin: int, end: int | None) -> AsyncIterator[tuple[int, int, bytes]]:
        for sample in range(begin, min(4 * SECOND, end or 4 * SECOND), 3200):
            yield 1, sample, bytes(6400)

    async with bench() as one:
        await one.ears.detach()
        said = WordsCommitted("en", "en.0", 0, ("Good",), SECOND)
        await one.log.append(PUBLIC, [encode(said)], subject=channel_subject("en"))
        one.ears = await one.dispatch.attach(meeting(), recorded)
        one.play(10 * SECOND, 11 * SECOND)
        hand = await one.carrying()
        await hand.heard(11 * SECOND)
        begin = hand.assigned[handle(hand)]
        assert (begin.from_sample, begin.prefix) == (0, ((0, ("Good",)),))
        starts = [sample for _, sample, _ in hand.audio]
        assert starts[0] == 0
        assert starts == sorted(starts)
        assert 4 * SECOND - 3200 in starts
        await one.ears.detach()


async def test_drafts_are_on_the_board_until_they_are_empty_or_their_worker_is_lost() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hand.say(Draft(handle(hand), 0, 0, "Good mor"))
        await hand.say(Words(handle(hand) + 1, 0, 0, ("sync",), 0))
        await hand.gets(Release)
        draft = await drafted(one)
        assert json.loads(draft or b"") == {"segment": "en.0", "after": 0, "text": "Good mor"}
        await hand.pipe.close()
        assert await drafted(one, gone=True) is None


async def test_the_board_says_how_captions_do() -> None:
    async with bench() as one:
        await until(one, "en", "starting")
        hand = await one.carrying()
        await until(one, "en", "starting")
        one.play(0, SECOND)
        await until(one, "en", "live")
        one.play(SECOND, 20 * SECOND)
        await until(one, "en", "late")
        await hand.pipe.close()
        await until(one, "en", "paused")


async def test_where_sound_is_heard_and_nobody_speaks_it_is_said_so_until_somebody_does() -> None:
    async with bench() as one:
        hand = await one.carrying()
        one.play(0, 21 * SECOND)
        await hand.heard(21 * SECOND)
        await hand.say(Pulse((Heard(handle(hand), 21 * SECOND, 0, 600),)))
        await until(one, "en", "quiet")
        await hand.say(Words(handle(hand), 0, 0, ("Good",), 21 * SECOND))
        await until(one, "en", "live")


async def test_a_channel_without_a_track_is_said_to_have_no_sound_until_it_has_some() -> None:
    async with bench() as one:
        await one.carrying()
        one.ears.missing("en")
        await until(one, "en", "no-sound")
        one.play(0, SECOND)
        await until(one, "en", "live")


async def test_a_language_that_no_worker_knows_is_off() -> None:
    async with bench(("xx",)) as one:
        hand = one.worker()
        await hand.say(protocol.Hello(1, "test", 4, ("en", "fr")))
        one.group.create_task(hand.pulse())
        await until(one, "xx", "off")
        assert not hand.assigned


class Forgetful(MemoryLog):
    """A log that stores and then cannot say so, every other time."""

    calls = 0

    async def append(
        self,
        stream: str,
        bodies: Sequence[bytes],
        *,
        subject: str | None = None,
        expect: int | None = None,
        key: str | None = None,
    ) -> int:
        position = await super().append(stream, bodies, subject=subject, expect=expect, key=key)
        self.calls += 1
        if key and self.calls % 2:
            raise Unavailable("lost")
        return position


async def test_an_append_whose_answer_was_lost_is_repeated_and_stored_once() -> None:
    async with Forgetful() as log:
        carried = Carried("m", Channel("en", "en", 0), log, nothing_recorded)
        await carried.fold()
        for second in range(3):
            await carried.give_up(1000 * second + 500, "worker-lost")
        assert len(await log.read(PUBLIC, 0)) == 3
