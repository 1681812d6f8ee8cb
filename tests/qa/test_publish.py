"""From the desk to the public: once, late enough, and without a trace of anything else."""

import asyncio
import base64
import contextlib
import json
import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hearing.desk_events import (
    ItemAccepted,
    ItemPublished,
    ItemReceived,
    ItemWithdrawn,
    Placed,
    desk_stream,
    encode_desk,
    item_subject,
)
from hearing.errors import Refused, Unavailable
from hearing.events import (
    QuestionAnswered,
    QuestionPublished,
    QuestionRemoved,
    QuestionTurned,
    Redacted,
    Wording,
    public_stream,
)
from hearing.house_events import MeetingClosed, MeetingOpened
from hearing.qa.acts import Accept, Answer, Decline, Publish, Route, TurnTo, Unpublish
from hearing.qa.office import Office
from hearing.qa.outcome import Wanted
from hearing.qa.receipt import Keys
from hearing.qa.vault import Vault
from tests.qa.support import (
    MODERATOR,
    NEEDLE,
    OPEN,
    Clock,
    holding,
    house,
    meeting,
    new_keys,
    next_meeting,
    office,
    public,
    question,
    records,
)


async def published(desk: Office, text: str, clock: Clock, *, settle: bool = True) -> tuple[Keys, str, int]:
    """Send, accept and publish; return the keys, the item and its version."""
    keys = new_keys()
    await desk.submit(OPEN, keys, question(text))
    view = await desk.moderators.item(MODERATOR, OPEN, keys.item)
    view = await desk.moderators.decide(MODERATOR, OPEN, keys.item, view.version, Accept())
    view = await desk.moderators.decide(MODERATOR, OPEN, keys.item, view.version, Publish())
    if settle:
        clock.settle()
        view = await desk.moderators.decide(MODERATOR, OPEN, keys.item, view.version, TurnTo("next"))
    return keys, keys.item, view.version


async def turn(desk: Office, item: str) -> None:
    """Have the publisher do all that is due."""
    view = await desk.moderators.item(MODERATOR, OPEN, item)
    await desk.moderators.decide(MODERATOR, OPEN, item, view.version, TurnTo("now" if view.turn != "now" else "next"))


async def test_nothing_is_public_before_ten_seconds_have_passed_and_all_of_it_after(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        _, item, _ = await published(desk, "One?", clock, settle=False)
        clock.ms += 9_999
        await turn(desk, item)
        assert await public(log, "b1") == []
        clock.ms += 1
        await turn(desk, item)
        assert [type(event) for event in await public(log, "b1")] == [QuestionPublished, QuestionTurned]


async def test_a_publisher_that_starts_again_repeats_nothing(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(3):
        async with office(tmp_path, clock) as (desk, log):
            if not (await desk.moderators.queue(MODERATOR, OPEN)).total:
                await published(desk, "One?", clock)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await desk.run()
            events = await public(log, "b1", "b2")
            assert sum(isinstance(event, QuestionPublished) for event in events) == 1
            assert len(events) == 2


@pytest.mark.parametrize("appended", [False, True])
async def test_a_publisher_killed_half_way_goes_on_where_it_was(tmp_path: Path, appended: bool) -> None:
    """What was placed in the first meeting goes there, though the second is open by now."""
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        _, item, version = await published(desk, "One?", clock, settle=False)
        if appended:
            clock.settle()
            await turn(desk, item)
        else:
            await log.append(desk_stream(OPEN), [encode_desk(Placed(version, "b1"))], subject=f"placed:{version}")
        await next_meeting(log)
    clock.settle()
    async with office(tmp_path, clock) as (desk, log):
        await turn(desk, item)
        shown = [event for event in await public(log, "b1", "b2") if isinstance(event, QuestionPublished)]
        assert len(shown) == 1
        assert [question.meeting for question in (await desk.published(OPEN)).questions] == ["b1"]


async def test_what_is_withdrawn_before_it_was_sent_to_where_it_was_placed_is_never_public(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        keys, _, version = await published(desk, NEEDLE, clock, settle=False)
        await log.append(desk_stream(OPEN), [encode_desk(Placed(version, "b1"))], subject=f"placed:{version}")
        clock.settle()
        await desk.withdraw(keys)
        assert await public(log, "b1", "b2") == []


async def test_without_a_meeting_to_come_it_waits_for_one(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        await house(log, MeetingClosed("b1", 1), MeetingClosed("b2", 1))
        await published(desk, "One?", clock)
        running = asyncio.create_task(desk.run())
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
            assert (await desk.published(OPEN)).questions == ()
            await house(log, meeting("b3"), MeetingOpened("b3", 1))
            await log.wait(public_stream("b3"), 0)
        running.cancel()


async def test_of_several_meetings_the_open_one_is_told(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        await house(log, meeting("b0", starts_ms=0))
        await published(desk, "One?", clock)
        assert [len(await records(log, public_stream(name))) for name in ("b0", "b1", "b2")] == [0, 2, 0]


async def test_a_cleaned_text_published_later_takes_the_place_of_the_first(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        _, item, version = await published(desk, NEEDLE, clock)
        await desk.moderators.decide(MODERATOR, OPEN, item, version, Publish("Cleaned."))
        assert [shown.text for shown in (await desk.published(OPEN)).questions] == [NEEDLE]
        clock.settle()
        await turn(desk, item)
        assert [(one.text, one.turn) for one in (await desk.published(OPEN)).questions] == [("Cleaned.", "now")]
        assert holding(tmp_path, NEEDLE) == []


async def test_the_public_streams_hold_nothing_of_the_desk(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        shown, _, _ = await published(desk, "Shown?", clock)
        hidden = [await published(desk, NEEDLE, clock, settle=False)]
        view = await desk.moderators.item(MODERATOR, OPEN, hidden[0][1])
        await desk.moderators.undo(MODERATOR, OPEN, hidden[0][1], view.version)
        for act in (Decline("other", NEEDLE), Accept(), Route()):
            view = await desk.moderators.item(MODERATOR, OPEN, hidden[0][1])
            await desk.moderators.decide(MODERATOR, OPEN, hidden[0][1], view.version, act)
        await desk.notices.post(MODERATOR, OPEN, [Wording("en", "Notice.")])
        clock.settle()
        await turn(desk, shown.item)
        bodies = [record.body for name in ("b1", "b2", "v1") for record in await records(log, public_stream(name))]
        subjects = {record.subject for name in ("b1", "b2") for record in await records(log, public_stream(name))}
        assert subjects == {""}
        assert len(bodies) == 4
        everything = b"\n".join(bodies)
        for trace in (NEEDLE, shown.item, shown.auth, hidden[0][0].item, MODERATOR.invite, "180000", "at_ms", "actor"):
            assert trace.encode() not in everything
        fields = {name for body in bodies for name in json.loads(body)}
        assert fields == {"type", "question", "kind", "language", "text", "turn", "nth", "notice", "texts"}
        ids = {json.loads(body).get("question", "") for body in bodies}
        desk_bodies = b"".join(record.body for record in await records(log, desk_stream(OPEN)))
        assert not any(one and one.encode() in desk_bodies for one in ids)


async def test_what_is_published_together_comes_in_an_order_of_its_own(tmp_path: Path) -> None:
    clock = Clock()
    texts = [f"{number}?" for number in range(24)]
    async with office(tmp_path, clock) as (desk, _):
        for text in texts:
            await desk.submit(OPEN, new_keys(), question(text))
        for act in (Accept(), Publish()):
            views = (await desk.moderators.queue(MODERATOR, OPEN)).items
            outcomes = await desk.moderators.bulk(
                MODERATOR, OPEN, [Wanted(view.item, view.version) for view in views], act
            )
            clock.ms += 1
        assert len({one.current.undo_until_ms for one in outcomes if one.current}) == 1
        clock.settle()
        await turn(desk, views[0].item)
        shown = [one.text for one in (await desk.published(OPEN)).questions]
        assert sorted(shown) == sorted(texts)
        assert shown != texts


async def test_a_withdrawal_that_a_dying_server_began_is_finished_by_the_next(tmp_path: Path) -> None:
    clock, keys = Clock(), new_keys()
    async with office(tmp_path, clock) as (desk, log):
        await desk.submit(OPEN, keys, question(NEEDLE))
        await log.append(desk_stream(OPEN), [encode_desk(ItemWithdrawn(keys.item))], subject=item_subject(keys.item))
    async with office(tmp_path, clock):
        pass
    async with Vault(tmp_path / "data" / "vault.db", tmp_path / "state" / "kek") as vault:
        assert await vault.destroyed(f"{OPEN}/{keys.item}")


async def test_a_withdrawal_while_somebody_reads_the_vault_is_not_answered_and_finished_later(tmp_path: Path) -> None:
    clock, keys = Clock(), new_keys()
    async with office(tmp_path, clock) as (desk, _):
        await desk.submit(OPEN, keys, question(NEEDLE))
        with sqlite3.connect(tmp_path / "data" / "vault.db") as reader:
            wrapped = reader.execute("SELECT wrapped FROM keys WHERE name LIKE ?", (f"%{keys.item}",)).fetchone()[0]
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM keys").fetchone()
        with pytest.raises(Unavailable):
            await desk.withdraw(keys)
        assert (await desk.status(keys)).text == ""
        reader.close()
        assert holding(tmp_path, wrapped) != []
        running = asyncio.create_task(desk.run())
        async with asyncio.timeout(60):
            while holding(tmp_path, wrapped):
                await asyncio.sleep(0.05)
        running.cancel()


async def test_one_damaged_item_holds_up_no_other(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        keys = new_keys()
        body = base64.b64encode(bytes(300)).decode()
        damaged = ItemReceived(keys.item, "h", "question", "en", "cso", "public-text", 0, body)
        events = (damaged, ItemAccepted(keys.item, MODERATOR.actor, 1), ItemPublished(keys.item, MODERATOR.actor, 1))
        await log.append(desk_stream(OPEN), [encode_desk(event) for event in events], subject=item_subject(keys.item))
        await published(desk, "One?", clock)
        assert [shown.text for shown in (await desk.published(OPEN)).questions] == ["One?"]
        views = (await desk.moderators.queue(MODERATOR, OPEN)).items
        assert [view.readable for view in views] == [False, True]


async def test_a_withdrawal_takes_answers_in_other_meetings_along_and_leaves_the_others(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        _, other, _ = await published(desk, "Other?", clock)
        keys, item, version = await published(desk, NEEDLE, clock)
        await next_meeting(log)
        for one in (other, item):
            view = await desk.moderators.item(MODERATOR, OPEN, one)
            await desk.moderators.decide(
                MODERATOR, OPEN, one, view.version, Answer("b2", ("en.1",), f"answer to {one}")
            )
        clock.settle()
        await turn(desk, item)
        assert [shown.answer is not None for shown in (await desk.published(OPEN)).questions] == [True, True]
        await desk.withdraw(keys)
        [shown] = (await desk.published(OPEN)).questions
        assert shown.answer
        assert (shown.text, shown.answer.text) == ("Other?", f"answer to {other}")
        assert holding(tmp_path, f"answer to {item}") == holding(tmp_path, NEEDLE) == []
        removed = [event for event in await public(log, "b1", "b2") if isinstance(event, QuestionRemoved)]
        assert len(removed) == 2
        with pytest.raises(Refused, match="no such meeting"):
            await desk.moderators.decide(MODERATOR, OPEN, other, version, Answer("v1", ("en.1",)))
    async with office(tmp_path, clock) as (desk, _):
        assert len((await desk.published(OPEN)).questions) == 1


async def test_a_closed_call_takes_nothing_new_and_still_answers_a_resend(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        call = await desk.notices.post(MODERATOR, OPEN, [Wording("en", "Figures?")], call=True)
        notice = await desk.notices.post(MODERATOR, OPEN, [Wording("en", "Back at three.")])
        keys = new_keys()
        await desk.submit(OPEN, keys, question("12", kind="information", call=call))
        assert (await desk.notices.read(MODERATOR, OPEN))[1].replies == 1
        await desk.notices.close_call(MODERATOR, OPEN, call)
        assert (await desk.submit(OPEN, keys, question("12", kind="information", call=call))).state == "received"
        for closed in (call, notice):
            with pytest.raises(Refused, match="call"):
                await desk.submit(OPEN, new_keys(), question("12", call=closed))
        with pytest.raises(Refused, match="not a call"):
            await desk.notices.close_call(MODERATOR, OPEN, notice)


async def test_no_position_of_the_public_stream_is_left_out_for_what_is_not_public(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        for text in ("One?", "Two?"):
            await desk.submit(OPEN, new_keys(), question("hidden"))
            await published(desk, text, clock)
        assert [record.position for record in await records(log, public_stream("b1"))] == [1, 2, 3, 4]


async def test_logs_hold_no_text_no_id_and_no_receipt(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        keys, _, _ = await published(desk, NEEDLE, clock)
        await desk.withdraw(keys)
    assert "question_published" in caplog.text
    for secret in (NEEDLE, keys.item, keys.auth):
        assert secret not in caplog.text


async def test_a_reader_of_the_files_delays_the_erasing_and_not_the_removal(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        keys, _, _ = await published(desk, NEEDLE, clock)
        reader = sqlite3.connect(tmp_path / "data" / "log.db")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()
        assert (await desk.withdraw(keys)).state == "withdrawn"
        assert (await desk.published(OPEN)).questions == ()
        reader.close()
        running = asyncio.create_task(desk.run())
        async with asyncio.timeout(60):
            while holding(tmp_path, NEEDLE):
                await asyncio.sleep(0.05)
        running.cancel()


async def answered(desk: Office, item: str, clock: Clock, *answers: Answer) -> None:
    """Answer, each time in the place of the answer before, and publish each."""
    for answer in answers:
        view = await desk.moderators.item(MODERATOR, OPEN, item)
        await desk.moderators.decide(MODERATOR, OPEN, item, view.version, answer)
        clock.settle()
        await turn(desk, item)


async def answers_shown(desk: Office) -> list[str]:
    return [one.answer.text if one.answer else "" for one in (await desk.published(OPEN)).questions]


@pytest.mark.parametrize("first", [Answer(body=NEEDLE), Answer("b1", ("en.1",), NEEDLE)])
@pytest.mark.parametrize("then", [Answer(body="In May."), Answer("b2", ("en.2",), "In May.")])
async def test_an_answer_that_was_corrected_is_gone_from_every_file(
    tmp_path: Path, first: Answer, then: Answer
) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        _, other, _ = await published(desk, "Other?", clock)
        _, item, _ = await published(desk, "One?", clock)
        await answered(desk, other, clock, Answer(body="Never."))
        await answered(desk, item, clock, first)
        assert holding(tmp_path, NEEDLE) != []
        assert sorted(await answers_shown(desk)) == sorted([NEEDLE, "Never."])
        await answered(desk, item, clock, then)
        assert sorted(await answers_shown(desk)) == ["In May.", "Never."]
        assert holding(tmp_path, NEEDLE) == []
        redacted = [event for event in await public(log, "b1", "b2") if isinstance(event, Redacted)]
        assert len(redacted) == 1
    async with office(tmp_path, clock) as (desk, log):
        await turn(desk, item)
        assert sorted(await answers_shown(desk)) == ["In May.", "Never."]
        assert [event for event in await public(log, "b1", "b2") if isinstance(event, Redacted)] == redacted


@pytest.mark.parametrize("dies_at", ["append", "erase"])
async def test_a_correction_that_a_dying_publisher_began_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        _, item, _ = await published(desk, "One?", clock)
        await answered(desk, item, clock, Answer(body=NEEDLE))
        view = await desk.moderators.item(MODERATOR, OPEN, item)
        await desk.moderators.decide(MODERATOR, OPEN, item, view.version, Answer(body="In May."))
        clock.settle()
        append = log.append

        async def dies(stream: str, bodies: Sequence[bytes], **more: Any) -> int:  # noqa: ANN401 - passed on
            if dies_at == "append" and b"In May." in bodies[0]:
                raise Unavailable("No.")
            return await append(stream, bodies, **more)

        async def keeps(_stream: str, _position: int) -> None:
            raise Unavailable("No.")

        with monkeypatch.context() as broken:
            broken.setattr(log, "append", dies)
            broken.setattr(log, "erase", keeps)
            await turn(desk, item)
        assert await answers_shown(desk) == ["" if dies_at == "append" else "In May."]
        assert holding(tmp_path, NEEDLE) != []
    async with office(tmp_path, clock) as (desk, log):
        await turn(desk, item)
        assert await answers_shown(desk) == ["In May."]
        assert holding(tmp_path, NEEDLE) == []
        assert sum(isinstance(event, Redacted) for event in await public(log, "b1")) == 1


async def test_a_reader_of_the_files_delays_the_erasing_of_a_corrected_answer_only(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        keys, item, _ = await published(desk, "One?", clock)
        await answered(desk, item, clock, Answer(body=NEEDLE))
        reader = sqlite3.connect(tmp_path / "data" / "log.db")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()
        await answered(desk, item, clock, Answer(body="In May."))
        assert await answers_shown(desk) == ["In May."]
        assert holding(tmp_path, NEEDLE) != []
        reader.close()
        await desk.withdraw(keys)
        assert holding(tmp_path, NEEDLE) == []


@pytest.mark.parametrize("narrows", [True, False])
async def test_an_answer_outlives_the_end_of_publicity_and_is_public_no_more(tmp_path: Path, narrows: bool) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        keys, item, _ = await published(desk, "One?", clock)
        await answered(desk, item, clock, Answer(body=NEEDLE))
        view = await desk.moderators.item(MODERATOR, OPEN, item)
        if narrows:
            await desk.narrow(keys, "committee")
        else:
            await desk.moderators.decide(MODERATOR, OPEN, item, view.version, Unpublish())
        status = await desk.status(keys)
        assert (status.state, status.answer_text) == ("answered", NEEDLE)
        assert (await desk.published(OPEN)).questions == ()
        assert holding(tmp_path, NEEDLE) == []
    async with office(tmp_path, clock) as (desk, log):
        await desk.narrow(keys, "committee" if narrows else "public-text")
        assert (await desk.published(OPEN)).questions == ()
        assert holding(tmp_path, NEEDLE) == []
        assert not any(isinstance(event, QuestionAnswered) for event in await public(log, "b1", "b2"))
        assert (await desk.status(keys)).answer_text == NEEDLE
