"""What is taken in and what is not, and how much of it."""

import asyncio
import string
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearing.desk_events import Ceiling, ItemReceived, decode_desk, desk_stream
from hearing.errors import Conflict, Gone, Refused, Unavailable
from hearing.qa import receipt
from hearing.qa.acts import Accept, Ask
from hearing.qa.intake import Submission, check, tidy
from hearing.qa.profile import rules_of
from hearing.qa.quota import Quota
from hearing.qa.receipt import Keys
from tests.qa.support import CLOSED, MODERATOR, NEEDLE, OPEN, Clock, holding, new_keys, office, question, records


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (question("x" * 2_001), "2000 characters"),
        (question("x" * 8_001, kind="information"), "8000 characters"),
        (question(""), "Write something"),
        (question(" \r\n\t"), "Write something"),
        (question("\u200b\u2060\ufeff"), "Write something"),
        (question("\u0301\u20dd"), "Write something"),
        (question("a\x00b"), "no text"),
        (question("a\ud800"), "no text"),
        (question("a\x1bb"), "no text"),
        (question(name="x" * 101), "100 characters"),
        (question(name="a\nb"), "100 characters"),
        (question(language=""), "language"),
        (question(language="english please"), "language"),
        (question(block="../x"), "no such block"),
        (question(call=NEEDLE), "no such call"),
        (question(meeting=NEEDLE), "no such meeting"),
        (question(meeting="v1"), "no such meeting"),
        (question(block="x" * 25), "no such block"),
    ],
)
async def test_what_does_not_fit_is_refused_and_leaves_no_trace(tmp_path: Path, changed: Submission, says: str) -> None:
    async with office(tmp_path, Clock()) as (desk, log):
        with pytest.raises(Refused, match=says) as told:
            await desk.submit(OPEN, new_keys(), changed)
        assert await records(log, desk_stream(OPEN)) == []
        assert len(str(told.value)) < 200


@pytest.mark.parametrize(("kind", "length"), [("question", 2_000), ("information", 8_000)])
async def test_a_text_may_be_as_long_as_is_said(tmp_path: Path, kind: str, length: int) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        keys = new_keys()
        text = "ع" * length
        await desk.submit(OPEN, keys, question(text, kind=kind, language="ar"))
        assert (await desk.status(keys)).text == text


@pytest.mark.parametrize("zero", [0x30, 0x660, 0x966, 0xFF10])
async def test_a_text_that_holds_its_own_receipt_is_refused(tmp_path: Path, zero: int) -> None:
    made = receipt.mint()
    keys = receipt.keys(made)
    typed = "".join(chr(zero + int(char)) if char.isdigit() else char for char in made)
    async with office(tmp_path, Clock()) as (desk, log):
        for changed in (question(f"Mine is {typed}."), question(name=typed), question(f"{typed[:14]}\n{typed[14:]}")):
            with pytest.raises(Refused, match="Take it out"):
                await desk.submit(OPEN, keys, changed)
        assert await records(log, desk_stream(OPEN)) == []
        await desk.submit(OPEN, keys, question("About article 12, +41 22 123 45 67."))
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Ask("Which year?"))
        with pytest.raises(Refused, match="Take it out"):
            await desk.reply(keys, typed)


@pytest.mark.parametrize(
    "keys", [Keys("", ""), Keys("0" * 31, "0" * 64), Keys("g" * 32, "0" * 64), Keys("٠" * 32, "0" * 64)]
)
async def test_what_no_receipt_gives_is_refused(tmp_path: Path, keys: Keys) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        with pytest.raises(Refused):
            await desk.submit(OPEN, keys, question())


async def test_what_the_log_holds_of_an_item_is_no_text_and_no_time(tmp_path: Path) -> None:
    clock = Clock()
    made = receipt.mint()
    keys = receipt.keys(made)
    async with office(tmp_path, clock) as (desk, log):
        await desk.submit(OPEN, keys, question(name=f"by {NEEDLE}"))
        [record] = await records(log, desk_stream(OPEN))
        event = decode_desk(record.body)
        assert isinstance(event, ItemReceived)
        assert event.bucket == clock.ms // 300_000 * 300_000
        assert event.auth == receipt.auth_hash(keys.auth)
    for secret in (NEEDLE, made, made.replace(" ", ""), keys.auth, str(clock.ms)):
        assert holding(tmp_path, secret) == []


async def test_staff_ask_and_the_sender_replies_by_receipt(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        keys = new_keys()
        await desk.submit(OPEN, keys, question())
        with pytest.raises(Conflict, match="Nothing is asked"):
            await desk.reply(keys, "Hello?")
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Ask("Which year?"))
        assert (await desk.status(keys)).asked == "Which year?"
        with pytest.raises(Refused):
            await desk.reply(keys, " ")
        status = await desk.reply(keys, "Last year.")
        assert (status.asked, [line.text for line in status.lines]) == ("", ["Which year?", "Last year."])
        view = await desk.moderators.item(MODERATOR, OPEN, view.item)
        assert [(line.kind, line.text) for line in view.lines] == [("asked", "Which year?"), ("replied", "Last year.")]
        assert view.lines[1].at_ms is None
        await desk.withdraw(keys)
        with pytest.raises(Gone):
            await desk.reply(keys, "Again.")


async def test_a_sender_narrows_who_may_see_it_and_never_widens(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        keys = new_keys()
        await desk.submit(OPEN, keys, question(ceiling="public-theme"))
        wider: Ceiling = "public-text"
        with pytest.raises(Refused, match="narrowed"):
            await desk.narrow(keys, wider)
        status = await desk.narrow(keys, "committee")
        assert (status.ceiling, status.narrower) == ("committee", ("secretariat",))
        assert await desk.submit(OPEN, keys, question(ceiling="public-theme")) == status


async def test_a_sender_who_withdraws_is_not_held_up_by_staff(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        keys = new_keys()
        await desk.submit(OPEN, keys, question())
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        answers = await asyncio.gather(
            desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Accept()),
            desk.withdraw(keys),
            desk.withdraw(keys),
            desk.submit(OPEN, keys, question()),
            return_exceptions=True,
        )
        assert [getattr(answer, "state", "") for answer in answers[1:3]] == ["withdrawn", "withdrawn"]
        assert (await desk.status(keys)).state == "withdrawn"
        assert holding(tmp_path, NEEDLE) == []


def test_a_quota_lets_a_burst_through_and_then_so_many_a_second() -> None:
    clock = Clock()
    quota = Quota(3, 2.0, clock)
    for _ in range(3):
        quota.take()
    with pytest.raises(Unavailable, match="Keep your receipt"):
        quota.take()
    clock.ms += 500
    quota.take()
    with pytest.raises(Unavailable):
        quota.take()
    clock.ms -= 100_000
    with pytest.raises(Unavailable):
        quota.take()
    clock.ms += 10_000_000
    for _ in range(3):
        quota.take()
    with pytest.raises(Unavailable):
        quota.take()


async def test_a_flood_is_turned_away_and_resends_of_what_is_there_are_not(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        first = new_keys()
        await desk.submit(CLOSED, first, question("x", ceiling="committee"))
        sent = 1
        while sent < 600:
            await desk.submit(CLOSED, new_keys(), question("x", ceiling="committee"))
            sent += 1
        with pytest.raises(Unavailable, match="Keep your receipt"):
            await desk.submit(CLOSED, new_keys(), question("x", ceiling="committee"))
        assert sent == len(await records(log, desk_stream(CLOSED)))
        assert (await desk.submit(CLOSED, first, question("x", ceiling="committee"))).state == "received"
        await desk.withdraw(first)
        await desk.submit(OPEN, new_keys(), question())


@given(st.text(max_size=60), st.text(string.ascii_letters, max_size=5))
def test_what_is_checked_twice_is_the_same(text: str, name: str) -> None:
    wanted = question(text, name=name)
    try:
        once = tidy(wanted)
        check(once, rules_of("open"), "0" * 32)
    except Refused:
        return
    assert tidy(once) == once
    assert msgspec.json.decode(msgspec.json.encode(once), type=Submission) == once
