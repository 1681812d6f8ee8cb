"""Where nobody spoke: the record says so once, of what was really heard, and of nothing else."""

import asyncio

import pytest

from hearing.events import (
    Cut,
    PassageRedacted,
    PublicEvent,
    QuietMarked,
    WordsCommitted,
    decode_public,
    encode,
)
from hearing.quiet import QUIET_MS
from hearing.transcribe.protocol import Assign, Closed, Drained, Finish, Gap, Heard, Hello, Pulse, Words
from hearing.transcribe.quiet import Stretches, marks
from hearing.transcribe.ring import Chunk
from hearing.transcribe.typed import Hand as Typist
from hearing.transcribe.typed import Line
from tests.transcribe.relaying import PUBLIC, Bench, Hand, bench, meeting, nothing_recorded

SECOND = 16_000
MINUTE = 60 * SECOND


def handle(hand: Hand) -> int:
    return max(hand.assigned)


async def said(one: Bench) -> list[PublicEvent | None]:
    """Return all that was stored after the run began."""
    return [decode_public(record.body) for record in await one.log.read(PUBLIC, 1, 10_000)]


async def quiets(one: Bench) -> list[tuple[int, int]]:
    return [(event.t0, event.t1) for event in await said(one) if isinstance(event, QuietMarked)]


async def hear(one: Bench, hand: Hand, begin: int, end: int, settled: int | None = None) -> None:
    """Let a stretch play, and the worker say that it heard it, and found no word before what is `settled`."""
    for sample in range(begin, end, 10 * SECOND):
        part = min(end, sample + 10 * SECOND)
        one.play(sample, part)
        await hand.heard(part)
        await hand.say(Pulse((Heard(handle(hand), part, min(part, end if settled is None else settled), 600),)))


async def speak(hand: Hand, segment: int, through: int, *, acks: int) -> None:
    """Let the worker say a word that ends at a sample, with its time."""
    await hand.say(Words(handle(hand), segment, 0, ("Good.",), through))
    end = through // 16
    await hand.say(Closed(handle(hand), segment, end - 500, end, ((end - 500, end),)))
    await hand.acks(acks)


async def test_a_minute_without_speech_is_marked_before_the_words_that_follow() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hear(one, hand, 0, 5 * SECOND)
        await speak(hand, 0, 5 * SECOND, acks=2)
        await hear(one, hand, 5 * SECOND, 70 * SECOND, settled=66 * SECOND)
        assert await quiets(one) == [], "only what follows shows how long it was"
        await speak(hand, 1, 70 * SECOND, acks=4)
        stored = await said(one)
        at = stored.index(QuietMarked("en", 5000, 66_000))
        assert isinstance(stored[at + 1], WordsCommitted)
        segment = (await one.folded()).channel("en").segments[1]
        assert (segment.words, segment.after_t) == (["Good."], 66_000)
        assert len(await quiets(one)) == 1


async def test_a_pause_to_think_is_not_marked() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hear(one, hand, 0, QUIET_MS * 16 - 16)
        await speak(hand, 0, QUIET_MS * 16 - 16, acks=2)
        assert await quiets(one) == []


async def test_what_was_heard_but_is_not_settled_is_not_called_quiet() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hear(one, hand, 0, 2 * MINUTE, settled=10 * SECOND)
        await speak(hand, 0, 2 * MINUTE, acks=2)
        assert await quiets(one) == []


async def test_a_gap_ends_a_quiet_stretch_and_is_no_part_of_one() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hear(one, hand, 0, 30 * SECOND)
        await hear(one, hand, 45 * SECOND, 60 * SECOND)
        await hand.say(Gap(handle(hand), 30_000, 45_000, "not-recorded"))
        await hand.acks(1)
        await speak(hand, 0, 60 * SECOND, acks=3)
        assert await quiets(one) == [(0, 30_000)], "the fifteen seconds after the gap are too short"


async def test_what_never_reached_the_worker_is_not_called_quiet_even_if_it_says_so() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hear(one, hand, 0, 15 * SECOND)
        await hear(one, hand, 45 * SECOND, 60 * SECOND)
        await speak(hand, 0, 60 * SECOND, acks=2)
        assert await quiets(one) == []


async def test_two_runs_are_two_stretches() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hear(one, hand, 0, 25 * SECOND)
        one.ears.silence("en", 25 * SECOND)
        await hear(one, hand, 25 * SECOND, 60 * SECOND)
        await speak(hand, 0, 60 * SECOND, acks=2)
        assert await quiets(one) == [(0, 25_000), (25_000, 60_000)]


async def test_what_a_captioner_held_is_not_called_quiet() -> None:
    async with bench(hold=Typist(delay_ms=0, silence_s=60)) as one:
        hand = await one.carrying()
        await hear(one, hand, 0, 50 * SECOND)
        carried = one.dispatch.carried("m", "en")
        assert await one.dispatch.captioners.type(carried, Line("Good morning.", "c", 1))
        one.play(50 * SECOND, 110 * SECOND)
        assert await one.dispatch.captioners.type(carried, Line("Good night.", "c", 2))
        assert await quiets(one) == []
        await one.dispatch.captioners.hand_back(carried)
        await one.ears.drain(0.05)
        assert await quiets(one) == []


async def test_captions_that_were_paused_say_quiet_only_of_what_was_heard_in_the_end() -> None:
    async with bench() as one:
        first = await one.carrying()
        await hear(one, first, 0, 15 * SECOND)
        await first.pipe.close()
        one.play(15 * SECOND, 60 * SECOND)
        await one.ears.drain(0.05)
        events = await said(one)
        assert await quiets(one) == []
        assert [type(event).__name__ for event in events] == ["GapMarked"]


async def test_a_successor_hears_on_and_the_stretch_is_marked_once() -> None:
    async with bench() as one:
        first = await one.carrying()
        await hear(one, first, 0, 40 * SECOND, settled=35 * SECOND)
        await until_settled(one, 35 * SECOND)
        await first.pipe.close()
        second = await one.carrying()
        assert second.assigned[handle(second)].from_sample == 35 * SECOND
        await hear(one, second, 40 * SECOND, 60 * SECOND)
        await speak(second, 0, 60 * SECOND, acks=2)
        assert await quiets(one) == [(0, 60_000)]


async def until_settled(one: Bench, sample: int) -> None:
    """Wait until the relay knows how far a worker is."""
    carried = one.dispatch.carried("m", "en")
    async with asyncio.timeout(60):
        while carried._settled < sample:
            await asyncio.sleep(0.01)


async def test_another_relay_that_takes_the_channel_up_does_not_say_it_again() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hear(one, hand, 0, 30 * SECOND)
        await drain(one, hand)
        assert await quiets(one) == [(0, 30_000)]
        await one.ears.detach()
        one.ears = await one.dispatch.attach(meeting(), nothing_recorded)
        await hand._wait(lambda: len(hand.assigned) == 2)
        assert hand.assigned[handle(hand)].from_sample == 30 * SECOND
        one.play(30 * SECOND, 40 * SECOND)
        await hand.heard(40 * SECOND)
        await drain(one, hand)
        assert await quiets(one) == [(0, 30_000)]


async def drain(one: Bench, hand: Hand) -> None:
    """See the channel out; its worker says nothing more."""
    hand.told.clear()
    draining = asyncio.create_task(one.ears.drain(5))
    await hand.gets(Finish)
    await hand.say(Drained(handle(hand)))
    await draining


async def test_a_writer_that_came_between_does_not_lose_the_mark_at_the_end() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hear(one, hand, 0, 40 * SECOND)
        other = WordsCommitted("en", "en.0", 0, ("other",), 10 * SECOND)
        await one.log.append(PUBLIC, [encode(other)], subject="channel:en")
        await drain(one, hand)
        assert await quiets(one) == [(10_000, 40_000)]


async def test_what_is_not_heard_by_the_end_is_a_gap_after_what_was_quiet() -> None:
    async with bench() as one:
        hand = await one.carrying()
        await hear(one, hand, 0, 30 * SECOND)
        await until_settled(one, 30 * SECOND)
        one.play(30 * SECOND, 40 * SECOND)
        await one.ears.drain(0.05)
        quiet, gap = await said(one)
        assert quiet == QuietMarked("en", 0, 30_000)
        assert (getattr(gap, "t0", 0), getattr(gap, "t1", 0)) == (30_000, 40_000)


async def test_what_is_taken_out_of_the_record_is_not_called_quiet() -> None:
    async with bench() as one:
        cut = Cut("en", 20_000, 40_000)
        await one.log.append(PUBLIC, [encode(PassageRedacted("r", "privacy", (cut,), 0))])
        await one.dispatch.redact("m", [cut])
        hand = await one.carrying()
        await hear(one, hand, 0, 60 * SECOND)
        await drain(one, hand)
        assert await quiets(one) == [(0, 20_000), (40_000, 60_000)]


@pytest.mark.parametrize(
    ("chunks", "spans"),
    [
        ([(1, 0, 10), (1, 10, 20)], [(0, 20)]),
        ([(1, 0, 10), (1, 8009, 9000)], [(0, 9000)]),
        ([(1, 0, 10), (1, 8010, 9000)], [(0, 10), (8010, 9000)]),
        ([(1, 0, 10), (1, 5010, 6000), (1, 8999, 9500)], [(0, 9500)]),
        ([(1, 0, 10), (1, 5010, 6000), (1, 9000, 9500)], [(0, 6000), (9000, 9500)]),
        ([(1, 0, 10), (1, 5010, 6000), (1, 9000, 9500), (1, 14_500, 20_000)], [(0, 6000), (9000, 20_000)]),
        ([(1, 0, 100), (1, 50, 7000), (1, 14_950, 20_000)], [(0, 20_000)]),
        ([(1, 0, 10), (2, 10, 20)], [(0, 10), (10, 20)]),
        ([(1, 0, 10), (0, 10, 10), (1, 10, 20)], [(0, 10), (10, 20)]),
        ([(0, 0, 0), (1, 0, 10)], [(0, 10)]),
    ],
    ids=[
        "one",
        "a moment is filled",
        "half a second is a hole",
        "moments are filled",
        "moments are half a second in sum",
        "the sum is of one stretch",
        "what was sent twice fills nothing",
        "another run",
        "a run that is over",
        "an end first",
    ],
)
def test_stretches_end_at_holes_and_runs(chunks: list[tuple[int, int, int]], spans: list[tuple[int, int]]) -> None:
    sent = Stretches()
    for run, begin, end in chunks:
        sent.add(Chunk(run, begin, bytes(2 * (end - begin))))
    assert sent.spans == spans


def test_a_successor_is_sent_again_what_its_predecessor_did_not_settle() -> None:
    sent = Stretches()
    sent.add(Chunk(1, 0, bytes(200)))
    sent.begin(60)
    assert sent.spans == [(0, 60)]
    sent.add(Chunk(1, 60, bytes(200)))
    assert sent.spans == [(0, 160)]
    sent.forget(160)
    assert sent.spans == []


def test_a_hole_where_a_successor_begins_counts_with_those_before_it() -> None:
    sent = Stretches()
    sent.add(Chunk(1, 0, bytes(200)))
    sent.add(Chunk(1, 4100, bytes(20_000)))
    sent.begin(10_000)
    assert sent.spans == [(0, 10_000)]
    sent.add(Chunk(1, 14_000, bytes(20_000)))
    assert sent.spans == [(0, 10_000), (14_000, 24_000)]


async def test_audio_of_which_half_is_missing_is_not_called_heard() -> None:
    async with bench() as one:
        hand = await one.carrying()
        for sample in range(0, MINUTE, 8000):
            one.play(sample, sample + 4000)
        await hear(one, hand, MINUTE, MINUTE + 16)
        await speak(hand, 0, MINUTE + 16, acks=2)
        assert await quiets(one) == []


def test_a_stretch_is_marked_from_its_first_whole_millisecond_to_its_last() -> None:
    [mark] = marks("en", (0, 100_000), [(1, 50_000 * 16 + 15)], [])
    assert (mark.t0, mark.t1) == (1, 50_000)


async def test_what_a_worker_heard_that_may_call_unsaid_words_settled_is_not_marked() -> None:
    async with bench() as one:
        hand = one.worker()
        await hand.say(Hello(1, "old", 1, knows=("languages", "glossary")))
        one.group.create_task(hand.pulse())
        await hand.gets(Assign)
        await hear(one, hand, 0, MINUTE)
        await speak(hand, 0, MINUTE, acks=2)
        assert await quiets(one) == []
