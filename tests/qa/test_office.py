"""The round trip through the facade: sent, decided, published, answered, withdrawn."""

import asyncio
from pathlib import Path

import pytest

from hearing.access import Capability
from hearing.desk_events import desk_stream
from hearing.errors import Conflict, Forbidden, Gone, NotFound, Refused, Unauthorized
from hearing.events import (
    QuestionAnswered,
    QuestionPublished,
    QuestionRemoved,
    QuestionTurned,
    Redacted,
    Wording,
    public_stream,
)
from hearing.qa.acts import Accept, Answer, Ask, Decline, Lower, Note, Publish, Route, TurnTo, Unpublish
from hearing.qa.office import Office
from hearing.qa.outcome import Changed, Wanted
from hearing.qa.queue import Filters
from hearing.qa.receipt import Keys
from tests.qa.support import (
    CLOSED,
    MODERATOR,
    NEEDLE,
    OPEN,
    OTHER,
    STAFF,
    Clock,
    holding,
    new_keys,
    next_meeting,
    office,
    public,
    question,
    records,
)


async def test_a_question_goes_all_the_way_and_its_sender_reads_each_step(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        keys = new_keys()
        status = await desk.submit(OPEN, keys, question(name="Ana"))
        assert (status.state, status.text, status.name) == ("received", f"What of {NEEDLE}?", "Ana")
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        assert view.bucket % 300_000 == 0
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Accept())
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Publish("Cleaned.", named=True))
        assert (await desk.status(keys)).state == "received"
        assert (await desk.published(OPEN)).questions == ()
        clock.settle()
        assert (await desk.status(keys)).state == "published"
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, TurnTo("now"))
        [shown] = (await desk.published(OPEN)).questions
        assert (shown.text, shown.name, shown.turn, shown.meeting) == ("Cleaned.", "Ana", "now", "b1")
        await next_meeting(log)
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Answer("b2", ("en.1", "en.2")))
        clock.settle()
        await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, TurnTo("queued"))
        [shown] = (await desk.published(OPEN)).questions
        assert shown.answer
        assert (shown.answer.meeting, shown.answer.segments, shown.turn) == ("b2", ("en.1", "en.2"), "queued")
        assert (await desk.status(keys)).answer_segments == ("en.1", "en.2")
        kinds = [type(event) for event in await public(log, "b1", "b2")]
        assert kinds == [QuestionPublished, QuestionTurned, QuestionAnswered, QuestionTurned] or set(kinds) == {
            QuestionPublished,
            QuestionTurned,
            QuestionAnswered,
        }


async def test_the_same_sent_again_is_one_item_and_another_text_is_a_conflict(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, log):
        keys = new_keys()
        answers = await asyncio.gather(*(desk.submit(OPEN, keys, question("One\nline")) for _ in range(8)))
        assert all(answer == answers[0] for answer in answers)
        assert await desk.submit(OPEN, keys, question("  One\r\nline ")) == answers[0]
        assert len(await records(log, desk_stream(OPEN))) == 1
        for changed in (question("Two"), question("One\nline", language="fr"), question("One\nline", name="X")):
            with pytest.raises(Conflict, match="new receipt"):
                await desk.submit(OPEN, keys, changed)
        with pytest.raises(Conflict):
            await desk.submit(OPEN, Keys(keys.item, "0" * 64), question("One\nline"))
        with pytest.raises(Conflict):
            await desk.submit(CLOSED, keys, question("One\nline", ceiling="committee"))


async def test_what_was_withdrawn_is_gone_from_every_file_and_for_good(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        keys = new_keys()
        await desk.submit(OPEN, keys, question(name=f"name-{NEEDLE}"))
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Note(f"note {NEEDLE}"))
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Ask(f"asked {NEEDLE}"))
        await desk.reply(keys, f"reply {NEEDLE}")
        view = await desk.moderators.item(MODERATOR, OPEN, view.item)
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Accept())
        assert holding(tmp_path, NEEDLE) == []
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Publish(named=True))
        clock.settle()
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, TurnTo("next"))
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Answer(body=f"answer {NEEDLE}"))
        clock.settle()
        await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, TurnTo("now"))
        assert holding(tmp_path, NEEDLE) != []
        assert (await desk.withdraw(keys)).state == "withdrawn"
        assert holding(tmp_path, NEEDLE) == []
        assert (await desk.published(OPEN)).questions == ()
        told = [type(event) for event in await public(log, "b1")]
        assert told.count(QuestionRemoved) == 1
        assert told.count(Redacted) == 2
        with pytest.raises(Gone):
            await desk.submit(OPEN, keys, question())
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        assert (view.state, view.text, view.lines[0].text, view.readable) == ("withdrawn", "", "", False)
        with pytest.raises((Gone, Changed)):
            await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Accept())
        assert (await desk.withdraw(keys)).state == "withdrawn"
        assert len([event for event in await public(log, "b1") if isinstance(event, QuestionRemoved)]) == 1
    assert holding(tmp_path, NEEDLE) == []


async def test_a_night_lies_between_two_meetings_and_the_item_is_in_the_second_ones_queue(tmp_path: Path) -> None:
    clock = Clock()
    keys = new_keys()
    async with office(tmp_path, clock) as (desk, log):
        await next_meeting(log)
        await desk.submit(OPEN, keys, question())
    async with office(tmp_path, clock) as (desk, log):
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        assert (view.state, (await desk.status(keys)).next_meeting) == ("received", "b2")
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Accept())
        await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Publish())
    clock.settle()
    async with office(tmp_path, clock) as (desk, log):
        running = asyncio.create_task(desk.run())
        async with asyncio.timeout(60):
            await log.wait(public_stream("b2"), 0)
        running.cancel()
        assert [shown.meeting for shown in (await desk.published(OPEN)).questions] == ["b2"]


async def test_an_act_is_undone_within_ten_seconds_by_who_did_it_also_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    keys = new_keys()
    async with office(tmp_path, clock) as (desk, _):
        await desk.submit(OPEN, keys, question())
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Accept())
        clock.settle()
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Publish())
        assert view.undo_until_ms == clock.ms + 10_000
    clock.ms += 9_999
    async with office(tmp_path, clock) as (desk, log):
        with pytest.raises(Refused, match="Only who decided"):
            await desk.moderators.undo(OTHER, OPEN, view.item, view.version)
        view = await desk.moderators.undo(MODERATOR, OPEN, view.item, view.version)
        assert view.state == "accepted"
        clock.settle()
        await desk.narrow(keys, "public-theme")
        assert await public(log, "b1", "b2") == []
        view = await desk.moderators.item(MODERATOR, OPEN, view.item)
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Decline("unclear", "Sorry."))
        clock.settle()
        with pytest.raises(Conflict, match="ten seconds"):
            await desk.moderators.undo(MODERATOR, OPEN, view.item, view.version)
        status = await desk.status(keys)
        assert (status.state, status.reason, status.explanation) == ("declined", "unclear", "Sorry.")


async def test_a_stale_decision_is_told_what_the_item_is_now(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, log):
        await desk.submit(OPEN, new_keys(), question())
        [seen] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        await desk.moderators.decide(OTHER, OPEN, seen.item, seen.version, Decline("duplicate"))
        with pytest.raises(Changed) as told:
            await desk.moderators.decide(MODERATOR, OPEN, seen.item, seen.version, Accept())
        assert (told.value.current.state, told.value.code) == ("declined", "conflict")
        repeated = await desk.moderators.decide(OTHER, OPEN, seen.item, seen.version, Decline("duplicate"))
        assert repeated.version == told.value.current.version
        assert len(await records(log, desk_stream(OPEN))) == 2


async def test_a_bulk_decision_answers_for_each_item(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        for _each in range(3):
            await desk.submit(OPEN, new_keys(), question())
        views = (await desk.moderators.queue(MODERATOR, OPEN)).items
        await desk.moderators.decide(OTHER, OPEN, views[1].item, views[1].version, Accept())
        wanted = [Wanted(view.item, view.version) for view in views] + [Wanted("f" * 32, 1)]
        outcomes = await desk.moderators.bulk(MODERATOR, OPEN, wanted, Decline("too-late"))
        assert [one.code for one in outcomes] == ["ok", "conflict", "ok", "not-found"]
        assert outcomes[1].current
        assert outcomes[1].current.state == "accepted"
        queue = await desk.moderators.queue(MODERATOR, OPEN, Filters(states=("declined",)))
        assert (queue.total, queue.states) == (2, {"declined": 2, "accepted": 1})


async def test_nothing_is_published_in_a_confidential_dialogue_and_members_read_what_is_routed(tmp_path: Path) -> None:
    clock = Clock()
    moderator = Capability("moderator", CLOSED, "aa" * 8)
    async with office(tmp_path, clock) as (desk, log):
        member = await seated(desk)
        with pytest.raises(Refused, match="who may see it"):
            await desk.submit(CLOSED, new_keys(), question())
        with pytest.raises(Refused, match="name"):
            await desk.submit(CLOSED, new_keys(), question(ceiling="committee", name="Ana"))
        keys = [new_keys(), new_keys(), new_keys()]
        for each, ceiling in zip(keys, ("committee", "committee", "secretariat"), strict=True):
            await desk.submit(CLOSED, each, question(ceiling=ceiling))
        for view in (await desk.moderators.queue(moderator, CLOSED)).items:
            accepted = await desk.moderators.decide(moderator, CLOSED, view.item, view.version, Accept())
            with pytest.raises(Refused, match="Nothing is published"):
                await desk.moderators.decide(moderator, CLOSED, view.item, accepted.version, Publish())
            if view.ceiling == "secretariat":
                with pytest.raises(Refused, match="secretariat alone"):
                    await desk.moderators.decide(moderator, CLOSED, view.item, accepted.version, Route())
            else:
                await desk.moderators.decide(moderator, CLOSED, view.item, accepted.version, Route((member.invite,)))
        assert await desk.routed(member, CLOSED) == []
        clock.settle()
        assert len(await desk.routed(member, CLOSED)) == 2
        await desk.narrow(keys[0], "secretariat")
        await desk.withdraw(keys[1])
        assert await desk.routed(member, CLOSED) == []
        assert await desk.routed(Capability("member", CLOSED, "dd" * 8), CLOSED) == []
        assert await public(log, "v1") == []


async def seated(desk: Office, label: str = "", dialogue: str = CLOSED) -> Capability:
    """Invite a member, and have them come."""
    session = await desk.accept_invite(await desk.invite(STAFF, dialogue, "member", label))
    member = await desk.capability(session)
    assert member
    return member


async def test_nothing_is_passed_to_a_seat_that_nobody_can_sit_on(tmp_path: Path) -> None:
    moderator = Capability("moderator", CLOSED, "aa" * 8)
    async with office(tmp_path, Clock()) as (desk, _):
        there, gone, elsewhere = await seated(desk), await seated(desk), await seated(desk, dialogue=OPEN)
        await desk.revoke(STAFF, CLOSED, gone.invite)
        chair = (await desk.invite(STAFF, CLOSED, "chair")).split(".")[0]
        await desk.submit(CLOSED, new_keys(), question(ceiling="committee"))
        [view] = (await desk.moderators.queue(moderator, CLOSED)).items
        view = await desk.moderators.decide(moderator, CLOSED, view.item, view.version, Accept())
        for nobody in ("nobody", "", gone.invite, elsewhere.invite, chair):
            with pytest.raises(Refused, match="no member's seat"):
                await desk.moderators.decide(moderator, CLOSED, view.item, view.version, Route((there.invite, nobody)))
        view = await desk.moderators.decide(
            moderator, CLOSED, view.item, view.version, Route((there.invite, "committee"))
        )
        assert view.routed_to == (there.invite, "committee")


async def test_a_member_invited_again_reads_what_was_passed_to_the_revoked_seat_of_that_name(tmp_path: Path) -> None:
    clock, moderator = Clock(), Capability("moderator", CLOSED, "aa" * 8)
    async with office(tmp_path, clock) as (desk, _):
        first, unnamed = await seated(desk, "Member 3"), await seated(desk)
        for text, to in (("To three", first), ("To one without a name", unnamed)):
            keys = new_keys()
            await desk.submit(CLOSED, keys, question(text, ceiling="committee"))
            view = await desk.moderators.item(moderator, CLOSED, keys.item)
            view = await desk.moderators.decide(moderator, CLOSED, view.item, view.version, Accept())
            await desk.moderators.decide(moderator, CLOSED, view.item, view.version, Route((to.invite,)))
        clock.settle()
        again = await seated(desk, "Member 3")
        assert await desk.routed(again, CLOSED) == []
        for one in (first, unnamed):
            await desk.revoke(STAFF, CLOSED, one.invite)
        assert [view.text for view in await desk.routed(again, CLOSED)] == ["To three"]
        for other in (await seated(desk, "Member 4"), await seated(desk)):
            assert await desk.routed(other, CLOSED) == []
        assert await desk.routed(await seated(desk, "Member 3", OPEN), OPEN) == []


@pytest.mark.parametrize("act", [Unpublish(), Lower("committee"), Lower("public-theme")])
async def test_what_staff_take_back_or_narrow_is_out_of_public_at_once(tmp_path: Path, act: Unpublish | Lower) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        await desk.submit(OPEN, new_keys(), question())
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Accept())
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Publish())
        clock.settle()
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, TurnTo("now"))
        assert holding(tmp_path, NEEDLE) != []
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, act)
        assert (await desk.published(OPEN)).questions == ()
        assert holding(tmp_path, NEEDLE) == []
        assert (view.state, view.public) == ("accepted", False)


async def test_a_theme_is_published_without_the_text(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _log):
        await desk.submit(OPEN, new_keys(), question(ceiling="public-theme", name="Ana"))
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        view = await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Accept())
        with pytest.raises(Refused, match="does not want"):
            await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, Publish())
        view = await desk.moderators.decide(
            MODERATOR, OPEN, view.item, view.version, Publish("Water", theme=True, named=True)
        )
        clock.settle()
        await desk.moderators.decide(MODERATOR, OPEN, view.item, view.version, TurnTo("next"))
        [shown] = (await desk.published(OPEN)).questions
        assert (shown.theme, shown.text, shown.name) == ("Water", "", "")
        assert holding(tmp_path, NEEDLE) == []


async def test_notices_and_calls_wait_ten_seconds_and_can_be_taken_away(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _log):
        seen = await desk.notices.post(MODERATOR, OPEN, [Wording("en", "Back at three."), Wording("fr", "À 15 h.")])
        unseen = await desk.notices.post(MODERATOR, OPEN, [Wording("en", NEEDLE)])
        call = await desk.notices.post(MODERATOR, OPEN, [Wording("en", "Has anyone figures?")], call=True)
        await desk.notices.take_away(MODERATOR, OPEN, unseen)
        clock.settle()
        await desk.notices.close_call(MODERATOR, OPEN, call)
        await desk.notices.take_away(MODERATOR, OPEN, unseen)
        shown = (await desk.published(OPEN)).notices
        assert [(one.notice, one.call, one.open) for one in shown] == [(seen, False, True), (call, True, False)]
        assert [one.notice for one in await desk.notices.read(MODERATOR, OPEN)] == [call, seen]
        await desk.notices.take_away(MODERATOR, OPEN, seen)
        assert [one.notice for one in (await desk.published(OPEN)).notices] == [call]
        assert holding(tmp_path, "Back at three") == []
        assert holding(tmp_path, NEEDLE) == []


async def test_claims_are_told_to_others_and_bind_nobody(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        await desk.submit(OPEN, new_keys(), question())
        [view] = (await desk.moderators.queue(MODERATOR, OPEN)).items
        assert await desk.moderators.claim(MODERATOR, OPEN, view.item) == MODERATOR.invite
        assert await desk.moderators.claim(OTHER, OPEN, view.item) == MODERATOR.invite
        [mine] = (await desk.moderators.queue(OTHER, OPEN, Filters(mine=MODERATOR.invite))).items
        assert mine.claimed_by == MODERATOR.invite
        assert (await desk.moderators.queue(OTHER, OPEN, Filters(free=True))).items == []
        await desk.moderators.decide(OTHER, OPEN, view.item, view.version, Accept())
        await desk.moderators.release(MODERATOR, OPEN, view.item)
        assert (await desk.moderators.queue(OTHER, OPEN, Filters(free=True))).total == 1


async def test_nobody_without_the_right_does_anything(tmp_path: Path) -> None:
    member = Capability("member", OPEN, "cc" * 8)
    async with office(tmp_path, Clock()) as (desk, _):
        for who, error in ((None, Unauthorized), (member, Forbidden), (Capability("moderator", CLOSED), Forbidden)):
            for attempt in (
                desk.moderators.queue(who, OPEN),
                desk.moderators.item(who, OPEN, "a"),
                desk.moderators.decide(who, OPEN, "a", 1, Accept()),
                desk.moderators.undo(who, OPEN, "a", 1),
                desk.moderators.bulk(who, OPEN, [], Accept()),
                desk.moderators.claim(who, OPEN, "a"),
                desk.moderators.release(who, OPEN, "a"),
                desk.moderators.changed(who, OPEN, 0),
                desk.notices.read(who, OPEN),
                desk.notices.post(who, OPEN, [Wording("en", "x")]),
                desk.notices.take_away(who, OPEN, "a"),
                desk.notices.close_call(who, OPEN, "a"),
                desk.invite(who, OPEN, "chair"),
                desk.seats(who, OPEN),
                desk.revoke(who, OPEN, "a"),
            ):
                with pytest.raises(error):
                    await attempt
        with pytest.raises(Forbidden):
            await desk.routed(MODERATOR, OPEN)
        with pytest.raises(Forbidden):
            await desk.moderators.queue(STAFF, OPEN)


async def test_a_wrong_receipt_and_an_unknown_one_have_the_same_answer(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        keys = new_keys()
        await desk.submit(OPEN, keys, question())
        said = set()
        for wrong in (new_keys(), Keys(keys.item, new_keys().auth)):
            for act in (
                desk.status(wrong),
                desk.withdraw(wrong),
                desk.reply(wrong, "x"),
                desk.narrow(wrong, "committee"),
            ):
                with pytest.raises(NotFound) as told:
                    await act
                said.add(str(told.value))
        assert len(said) == 1
