"""A captioner's hand on a channel: their words instead of the machine's, each once, and none said twice."""

import asyncio
import json

import pytest

from hearing.errors import Conflict, Refused
from hearing.events import (
    RunStarted,
    WordsCommitted,
    channel_subject,
    encode,
)
from hearing.house_events import Channel
from hearing.log.memory import MemoryLog
from hearing.transcribe import captioners
from hearing.transcribe.carried import Carried
from hearing.transcribe.dispatch import Dispatch
from hearing.transcribe.protocol import Ack, Assign, Closed, Draft, Drained, Finish, Release, Words
from hearing.transcribe.typed import Hand, Line
from hearing.transcribe.worker import work
from tests.transcribe.fakes import FakeEngine, name, silence, speech
from tests.transcribe.relaying import PUBLIC, Bench, bench, meeting, nothing_recorded
from tests.transcribe.route import make, play, said, serving
from tests.transcribe.test_dispatch import SECOND, handle
from tests.transcribe.test_typed_lines import posted
from tests.transcribe.test_worker import settings

WAIT_S = 60
SEVERAL = Channel("floor", "fr", 0, "floor", ("fr", "en", "zh"))
LONG = Hand(silence_s=3600.0)
"""A hold that outlasts every test."""


async def typing(one: Bench, line: Line, channel: str = "en") -> bool:
    return await one.dispatch.captioners.type(one.dispatch.carried("m", channel), line)


async def shown(one: Bench, channel: str = "en") -> list[tuple[str, str]]:
    """Return each passage with who answers for it."""
    spoken = (await one.folded()).channel(channel)
    return [(" ".join(segment.words), segment.mark) for segment in spoken.segments]


async def until(one: Bench, channel: str, state: str) -> None:
    """Wait for a caption state on the board."""
    async with asyncio.timeout(WAIT_S):
        async for _, value in one.board.watch(f"captions:m:{channel}"):
            if value and json.loads(value)["state"] == state:
                return


# --- the channel ------------------------------------------------------------------------------------------------------


async def test_a_captioners_words_are_the_channels_and_the_worker_is_told() -> None:
    async with bench(hold=LONG) as one:
        worker = await one.carrying()
        one.play(0, 10 * SECOND)
        await worker.heard(2 * SECOND)
        key = handle(worker)
        await worker.say(Words(key, 0, 0, ("The", "law", "sets", "a", "limit"), 2 * SECOND))
        await worker.say(Draft(key, 0, 5, "of forty"))
        await worker.acks(1)
        assert await typing(one, posted(1, "law sets a limit of 48 hours."))
        assert await worker.gets(Release) == Release(key, "moved")
        await worker.say(Words(key, 0, 5, ("of", "forty"), 3 * SECOND))
        await worker.say(Closed(key, 0, 0, 900, ((0, 1),) * 5))
        assert await typing(one, posted(2, "Beyond it, nobody is held."))
        assert await shown(one) == [
            ("The law sets a limit", "machine"),
            ("of 48 hours.", "typed"),
            ("Beyond it, nobody is held.", "typed"),
        ]
        assert not (await one.folded()).channel("en").open_segments()
        await until(one, "en", "typed")
        async with asyncio.timeout(WAIT_S):
            while await one.board.get("draft:m:en") is not None:
                await asyncio.sleep(0.02)
        assert sum(isinstance(told, Assign) for told in worker.told) == 1


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no passage end because a busy machine was slow to send what goes on with it."""
    monkeypatch.setattr("hearing.transcribe.carried._PAUSE_S", 3600.0)


@pytest.mark.usefixtures("no_pause")
async def test_fragments_make_one_passage_until_a_sentence_or_a_line_ends() -> None:
    async with bench(hold=LONG) as one:
        one.play(0, 10 * SECOND)
        for seq, text in enumerate(("I turn", "to article", "9.", "Next"), 1):
            await typing(one, posted(seq, text))
        await typing(one, posted(5, "question", ends=True))
        await typing(one, posted(6, "Thank you"))
        assert await shown(one) == [
            ("I turn to article 9.", "typed"),
            ("Next question", "typed"),
            ("Thank you", "typed"),
        ]


@pytest.mark.usefixtures("no_pause")
async def test_lines_on_a_floor_of_several_languages_are_in_the_language_they_were_typed_in() -> None:
    async with bench((SEVERAL,), hold=LONG) as one:
        one.play(0, 10 * SECOND, "floor")
        lines = (("Je vous", "fr"), ("remercie", ""), ("Thank you", "en-US"), ("多谢主席。", "zh"), ("谢谢", ""))
        for seq, (text, language) in enumerate(lines, 1):
            assert await typing(one, Line(text, "cart", seq, language=language), "floor")
        with pytest.raises(Refused, match="fr, en, zh"):
            await typing(one, Line("Gracias.", "cart", 6, language="es"), "floor")
        assert one.dispatch.carried("m", "floor").last_seq("cart") == 5
        assert not await typing(one, Line("多谢主席。", "cart", 4, language="es"), "floor"), "it was taken before"
        spoken = (await one.folded()).channel("floor")
        assert [(" ".join(segment.words), segment.language, segment.closed) for segment in spoken.segments] == [
            ("Je vous remercie", "fr", True),
            ("Thank you", "en", True),
            ("多 谢 主 席。", "zh", True),
            ("谢 谢", "zh", False),
        ]


async def test_a_line_in_a_language_that_is_refused_takes_nothing_from_the_machine() -> None:
    async with bench((SEVERAL,), hold=LONG) as one:
        one.play(0, 10 * SECOND, "floor")
        with pytest.raises(Refused):
            await typing(one, Line("Gracias.", "cart", 1, language="es"), "floor")
        assert not one.dispatch.carried("m", "floor").hand.holds


async def test_a_line_that_is_sent_twice_stands_once_though_the_server_was_started_again() -> None:
    async with bench(hold=LONG) as one:
        one.play(0, 10 * SECOND)
        line = posted(7, "Once and for all.")
        assert await typing(one, line)
        assert not await typing(one, line)
        await asyncio.gather(*(typing(one, posted(8, "Together.")) for _ in range(5)))
        named = Line("From the page.", name="p:0123")
        assert [await typing(one, named), await typing(one, named)] == [True, False]
        await one.ears.detach()
        one.ears = await one.dispatch.attach(meeting(), nothing_recorded)
        one.play(10 * SECOND, 11 * SECOND)
        assert not await typing(one, line)
        assert not await typing(one, named)
        assert one.dispatch.carried("m", "en").last_seq("cart") == 8
        assert await one.words() == ["Once", "and", "for", "all.", "Together.", "From", "the", "page."]


async def test_a_blank_line_takes_nothing_from_the_machine() -> None:
    async with bench(hold=LONG) as one:
        worker = await one.carrying()
        one.play(0, 2 * SECOND)
        await worker.heard(2 * SECOND)
        assert await typing(one, posted(1, " ", ends=True))
        assert not one.dispatch.carried("m", "en").hand.holds
        assert await one.words() == []


async def test_captions_are_refused_before_anything_is_heard_and_for_what_is_not_on() -> None:
    async with bench() as one:
        one.dispatch.carried("m", "en").supply.recorded = False
        with pytest.raises(Conflict, match="Nothing is heard"):
            await typing(one, posted(1, "Too early."))
        with pytest.raises(Conflict, match="not open"):
            one.dispatch.carried("another", "en")


async def test_a_channel_without_sound_of_its_own_can_be_written() -> None:
    async with bench(("en", "sign"), LONG) as one:
        one.ears.missing("sign")
        one.play(0, 10 * SECOND, "en")
        assert await typing(one, posted(1, "Written for those who read."), "sign")
        await until(one, "sign", "typed")
        segment = (await one.folded()).channel("sign").segments[0]
        assert segment.t1 == 7000


async def test_the_machine_goes_on_when_it_is_handed_back_after_the_last_typed_word() -> None:
    async with bench(hold=LONG) as one:
        worker = await one.carrying()
        one.play(0, 10 * SECOND)
        await worker.heard(2 * SECOND)
        carried = one.dispatch.carried("m", "en")
        await typing(one, posted(1, "Typed and not ended"))
        await one.dispatch.captioners.hand_back(carried)
        async with asyncio.timeout(WAIT_S):
            while len(worker.assigned) < 2:
                await asyncio.sleep(0.02)
        assign = worker.assigned[handle(worker)]
        assert (assign.from_sample, assign.next_segment, assign.prefix) == (7 * SECOND, 1, ())
        await worker.say(Words(handle(worker), 1, 0, ("And", "on."), 10 * SECOND))
        async with asyncio.timeout(WAIT_S):
            while not any(isinstance(told, Ack) for told in worker.told):
                await asyncio.sleep(0.02)
        assert await shown(one) == [("Typed and not ended", "typed"), ("And on.", "machine")]


async def test_the_machine_goes_on_when_nothing_has_come_for_a_while() -> None:
    async with bench(hold=Hand(silence_s=0.2)) as one:
        worker = await one.carrying()
        one.play(0, 10 * SECOND)
        await typing(one, posted(1, "And then they fell silent"))
        async with asyncio.timeout(WAIT_S):
            while len(worker.assigned) < 2:
                await asyncio.sleep(0.02)
        assert not one.dispatch.carried("m", "en").hand.holds
        assert not (await one.folded()).channel("en").open_segments()


async def test_to_take_the_channel_and_type_nothing_leaves_the_machines_open_words_to_it() -> None:
    async with bench(hold=LONG) as one:
        worker = await one.carrying()
        one.play(0, 4 * SECOND)
        await worker.heard(2 * SECOND)
        await worker.say(Words(handle(worker), 0, 0, ("Still", "open"), SECOND))
        await worker.acks(1)
        carried = one.dispatch.carried("m", "en")
        await one.dispatch.captioners.take(carried)
        await worker.gets(Release)
        await one.dispatch.captioners.hand_back(carried)
        async with asyncio.timeout(WAIT_S):
            while len(worker.assigned) < 2:
                await asyncio.sleep(0.02)
        assert worker.assigned[handle(worker)].prefix == ((0, ("Still", "open")),)


async def test_after_a_restart_the_captioner_is_waited_for() -> None:
    async with bench(hold=LONG) as one:
        worker = await one.carrying()
        one.play(0, 10 * SECOND)
        await typing(one, posted(1, "Before the restart"))
        await worker.gets(Release)
        await one.ears.detach()
        one.ears = await one.dispatch.attach(meeting(), nothing_recorded)
        carried = one.dispatch.carried("m", "en")
        assert (carried.hand.assumed, carried.holder) == (True, None)
        one.play(10 * SECOND, 14 * SECOND)
        await typing(one, posted(2, "and after it."))
        assert not carried.hand.assumed
        assert await shown(one) == [("Before the restart", "typed"), ("and after it.", "typed")]


async def test_one_on_standby_does_not_wait_for_a_captioner_who_cannot_reach_it() -> None:
    async with bench(hold=LONG) as one:
        one.play(0, 10 * SECOND)
        await typing(one, posted(1, "Before the home"))
        await one.ears.detach()
        standby = Dispatch(one.log, one.board, LONG, takes_captions=False)
        running = one.group.create_task(standby.run())
        ears = await standby.attach(meeting(), nothing_recorded)
        other = Bench(one.log, one.board, standby, ears, one.group)
        assert not standby.carried("m", "en").hand.holds
        worker = await other.carrying()
        assigned = worker.assigned[handle(worker)]
        assert (assigned.prefix, assigned.next_segment) == ((), 1), "the captioner's passage is over"
        assert assigned.from_sample == (await one.folded()).channel("en").through_t * 16
        other.play(10 * SECOND, 14 * SECOND)
        await worker.heard(14 * SECOND)
        await worker.say(Words(handle(worker), 1, 0, ("was", "gone."), 14 * SECOND))
        await worker.acks(1)
        assert await shown(one) == [("Before the home", "typed"), ("was gone.", "machine")]
        assert (await one.folded()).channel("en").segments[0].closed
        await worker.pipe.close()
        await ears.detach()
        running.cancel()


async def test_a_meeting_that_is_closed_has_no_gap_where_a_captioner_wrote() -> None:
    async with bench(hold=LONG) as one:
        one.play(0, 10 * SECOND)
        await typing(one, posted(1, "The meeting"))
        draining = asyncio.create_task(one.ears.drain(WAIT_S, 10_000))
        await typing(one, posted(2, "is closed"))
        await draining
        spoken = (await one.folded()).channel("en")
        assert await shown(one) == [("The meeting is closed", "typed")]
        assert (spoken.gaps, spoken.open_segments()) == ([], [])
        with pytest.raises(Conflict):
            await typing(one, posted(3, "Too late."))


async def test_a_meeting_that_is_closed_at_once_has_no_gap_either() -> None:
    async with bench(hold=LONG) as one:
        one.play(0, 10 * SECOND)
        await typing(one, posted(1, "Cut short"))
        await one.ears.drain(0.01, 10_000)
        spoken = (await one.folded()).channel("en")
        assert (spoken.gaps, spoken.open_segments()) == ([], [])


async def test_a_channel_that_goes_back_while_the_last_lines_are_waited_for_is_heard_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(captioners, "_LINGER_S", 0.05)
    async with bench(hold=LONG) as one:
        worker = await one.carrying()
        one.play(0, 10 * SECOND)
        await typing(one, posted(1, "The last line."))
        draining = asyncio.create_task(one.ears.drain(WAIT_S, 10_000))
        await asyncio.sleep(0)
        await one.dispatch.captioners.hand_back(one.dispatch.carried("m", "en"))
        await worker.gets(Finish)
        await asyncio.wait({draining}, timeout=0.3)
        await worker.say(Words(handle(worker), 1, 0, ("And", "on."), 10 * SECOND))
        await worker.acks(1)
        assert not draining.done()
        await worker.say(Drained(handle(worker)))
        await draining
        assert await shown(one) == [("The last line.", "typed"), ("And on.", "machine")]


async def test_a_line_that_meets_the_end_of_the_hold_takes_the_channel_again_and_is_stored() -> None:
    """While an append takes long, as when the log is away, the silence may be over and the next line be there."""
    async with bench(hold=LONG) as one:
        one.play(0, 10 * SECOND)
        await typing(one, posted(1, "First line."))
        carried = one.dispatch.carried("m", "en")
        async with carried._lock:
            going_back = asyncio.create_task(one.dispatch.captioners.hand_back(carried))
            await asyncio.sleep(0)
            posting = asyncio.create_task(typing(one, posted(2, "Second line.")))
            while len(carried._lock._waiters or ()) < 2:  # what it is about: who comes first
                await asyncio.sleep(0)
        await going_back
        assert await posting
        assert carried.hand.holds
        assert await shown(one) == [("First line.", "typed"), ("Second line.", "typed")]


async def test_a_line_that_waits_while_the_channel_ends_is_refused_and_not_stored() -> None:
    async with bench(hold=LONG) as one:
        one.play(0, 10 * SECOND)
        carried = one.dispatch.carried("m", "en")
        async with carried._lock:
            posting = asyncio.create_task(typing(one, posted(1, "Too late.")))
            while not carried._lock._waiters:
                await asyncio.sleep(0)
            carried.drained.set()
        with pytest.raises(Conflict):
            await posting
        assert (await one.words(), carried.last_seq("cart")) == ([], 0)


async def test_who_is_told_late_that_a_captioner_took_over_takes_the_channel_from_nobody() -> None:
    async with bench(hold=LONG) as one:
        first = await one.carrying()
        second = one.worker()
        await second.hello()
        one.group.create_task(second.pulse())
        one.play(0, 10 * SECOND)
        async with asyncio.timeout(WAIT_S):
            while len(one.dispatch.workers.seats) < 2:
                await asyncio.sleep(0.01)
        slow, removing, remove = asyncio.Event(), asyncio.Event(), one.board.remove

        async def remove_slowly(name: str) -> None:
            removing.set()
            await slow.wait()
            await remove(name)

        one.board.remove = remove_slowly  # type: ignore[method-assign]
        carried = one.dispatch.carried("m", "en")
        await one.dispatch.captioners.take(carried)
        await removing.wait()
        await one.dispatch.captioners.hand_back(carried)
        await second.gets(Assign)
        slow.set()
        await first.gets(Release)
        await second.heard(SECOND)
        await second.say(Words(handle(second), 0, 0, ("It", "goes", "on."), SECOND))
        await second.acks(1)
        assert (len(first.assigned), len(second.assigned)) == (1, 1)


async def test_another_who_wrote_for_the_channel_is_read_before_the_line_is_stored() -> None:
    async with MemoryLog() as log:
        await log.append(PUBLIC, [encode(RunStarted(1, 0))])
        carried = Carried("m", meeting().created.channels[0], log, nothing_recorded)
        await carried.fold()
        carried.hand.hold(0)
        other = WordsCommitted("en", "en.0", 0, ("Somebody", "else."), SECOND)
        await log.append(PUBLIC, [encode(other)], subject=channel_subject("en"))
        assert await carried.type(Line("Mine.", name="p:1"), 20_000)
        again = Carried("m", meeting().created.channels[0], log, nothing_recorded)
        await again.fold()
        assert [segment.words for segment in again._spoken().segments] == [["Somebody", "else."], ["Mine."]]


async def test_machine_and_captioner_share_a_channel_and_no_word_is_missing_or_doubled() -> None:
    """A real worker with an engine whose truth is known hears the channel before, and again after, a captioner."""
    pcm = [*speech(range(1, 13)), *silence(1.0), *speech(range(13, 25)), *silence(1.0), *speech(range(25, 37))]
    whole = speech([])
    whole = type(whole)(len(pcm), whole.dtype)
    whole[:] = pcm
    third = len(whole) // 3
    async with bench(hold=Hand(delay_ms=0, silence_s=3600.0)) as one, serving(one) as url:
        working = asyncio.create_task(work(settings(url), FakeEngine(), 1, make))
        await play(one, whole, 0, third)
        await said(one, 6)
        carried = one.dispatch.carried("m", "en")
        await one.dispatch.captioners.take(carried)
        machine = await one.words()
        await play(one, whole, third // 3200 * 3200, 2 * third)
        line = [name(number) for number in range(len(machine) - 3, 25)]
        assert await typing(one, posted(1, " ".join(line)))
        await one.dispatch.captioners.hand_back(carried)
        await play(one, whole, 2 * third // 3200 * 3200, len(whole))
        await one.ears.drain(WAIT_S, len(whole) // 16)
        words = await one.words()
        assert words[: len(machine)] == machine
        typed_words = [
            word for segment in (await one.folded()).channel("en").segments if segment.by for word in segment.words
        ]
        assert machine + typed_words == [name(number) for number in range(1, 25)]
        assert words[:24] == machine + typed_words
        after = words[24:]
        assert after == [word for word in map(name, range(1, 37)) if word in after][: len(after)]
        assert name(36) in after
        assert len(set(after)) == len(after)
        working.cancel()
        await asyncio.wait([working])


async def test_what_the_board_says_of_a_typed_channel_is_never_late() -> None:
    async with bench(hold=LONG) as one:
        one.play(0, 60 * SECOND)
        await typing(one, posted(1, "On time."))
        await until(one, "en", "typed")
        told = await one.board.get("captions:m:en")
        assert told is not None
        assert json.loads(told) == {"state": "typed", "late_ms": 0}
