"""A name is redacted while a worker speaks: hidden at once, erased when its segment closes, and not brought back."""

import asyncio
from pathlib import Path

import msgspec

from hearing import redaction
from hearing.events import Cut, PassageRedacted, RunEnded, encode
from hearing.meeting import House
from hearing.redacting import Redactor
from hearing.redaction import Wanted
from hearing.site.folds import Folds
from hearing.store.folder import FolderStore
from hearing.transcribe.protocol import Closed, Draft, Words
from hearing.transcribe.ring import Chunk, Ring
from tests.transcribe.relaying import PUBLIC, bench, meeting

SECOND = 16_000
NAME = "Zyxwvuqa"
ONE = "1" * 16


async def test_a_worker_that_is_busy_brings_nothing_back_and_goes_on(tmp_path: Path) -> None:
    async with bench() as one, FolderStore(tmp_path) as store:

        async def forget(_meeting: str, cuts: tuple[Cut, ...], _position: int) -> None:
            await one.dispatch.redact("m", cuts)

        known = House({"m": msgspec.structs.replace(meeting(), phase="open")})
        redactor = Redactor(one.log, store, one.board, house=lambda: known, forget=forget, now_ms=lambda: 7)
        folds = Folds(one.log, one.log)
        hand = await one.carrying()
        key = max(hand.assigned)
        one.play(0, 6 * SECOND)
        await hand.heard(6 * SECOND)
        await hand.say(Words(key, 0, 0, ("We", "heard", NAME), 2 * SECOND))
        await hand.say(Draft(key, 0, 3, f"of {NAME}"))
        await hand.acks(1)
        said = (await redactor.account("m")).said
        cut = redaction.cut_words(known.meeting("m"), said, "en", "en.0.2")
        await redactor.ask("m", Wanted(ONE, "person-at-risk", (cut,)))
        working = asyncio.create_task(redactor.run())
        assert (await folds.of("m")).transcript.channel("en").segments[0].words == []
        await hand.say(Words(key, 0, 3, ("speak.",), 3 * SECOND))
        await hand.acks(2)
        assert (await folds.of("m")).transcript.channel("en").segments[0].words == []
        assert NAME in await one.words()
        await one.log.append(PUBLIC, [encode(RunEnded(1, 6000, "lost"))])  # so that no more of its sound is awaited
        await hand.say(Closed(key, 0, 100, 2900, ((100, 400), (500, 900), (1000, 1600), (1700, 2900))))
        await hand.acks(3)
        async with asyncio.timeout(60):
            await redactor.ended("m", ONE)
        working.cancel()
        assert not [record for record in await one.log.read(PUBLIC, 0) if NAME.encode() in record.body]
        assert (await folds.of("m")).transcript.channel("en").segments[0].words == ["We", "heard", "", "speak."]
        await hand.say(Words(key, 1, 0, ("We", "go", "on."), 4 * SECOND))
        await hand.acks(4)
        assert await one.words() == ["We", "heard", "", "speak.", "We", "go", "on."]
        await hand.pipe.close()
        other = await one.carrying()
        taken = next(iter(other.assigned.values()))
        assert NAME not in msgspec.json.encode(taken).decode()
        assert (taken.next_segment, taken.prefix) == (2, ((1, ("We", "go", "on.")),))


async def test_the_sound_that_is_kept_for_workers_is_silent_there() -> None:
    ring = Ring()
    for sample in range(0, 32_000, 3200):
        ring.add(Chunk(1, sample, b"\x01\x02" * 3200))
    ring.silence(5000, 9000)
    kept = b""
    place = 0
    while found := ring.after(place):
        kept, place = kept + found[0].pcm, found[1]
    assert kept == b"\x01\x02" * 5000 + bytes(8000) + b"\x01\x02" * 23_000


async def test_a_rehearsal_that_is_purged_meanwhile_gets_no_more_records(tmp_path: Path) -> None:
    async with bench() as one, FolderStore(tmp_path) as store:

        async def forget(_meeting: str, _cuts: tuple[Cut, ...], _position: int) -> None:
            house.meetings.clear()  # type: ignore[attr-defined]
            await one.log.erase_all(PUBLIC)

        house = House({"m": meeting()})
        redactor = Redactor(one.log, store, one.board, house=lambda: house, forget=forget, now_ms=lambda: 7)
        event = PassageRedacted(ONE, "error", (Cut("en", 0, 1000),), 7)
        await one.log.append(PUBLIC, [encode(event), encode(RunEnded(1, 6000, "lost"))])
        assert await redactor.carry_out_alone("m", ONE)
        assert all(record.erased for record in await one.log.read(PUBLIC, 0))
