"""What a hard review broke: each of these leaked, lost or misled once."""

import sqlite3
from pathlib import Path

import pytest

from hearing.access import Capability
from hearing.errors import Unavailable
from hearing.qa.acts import Accept, Answer, Decline, Publish, Route, TurnTo
from hearing.qa.office import Office
from hearing.qa.outcome import Wanted
from tests.qa.support import MODERATOR, OPEN, STAFF, Clock, new_keys, office, question


async def member(desk: Office, label: str = "Member 1") -> Capability:
    session = await desk.accept_invite(await desk.invite(STAFF, OPEN, "member", label))
    who = await desk.capability(session)
    assert who
    return who


async def sent(desk: Office, text: str = "What of the wells?") -> str:
    keys = new_keys()
    await desk.submit(OPEN, keys, question(text))
    return keys.item


async def decide(desk: Office, item: str, *acts: Accept | Decline | Route | Answer | Publish | TurnTo) -> None:
    for act in acts:
        view = await desk.moderators.item(MODERATOR, OPEN, item)
        await desk.moderators.decide(MODERATOR, OPEN, item, view.version, act)


async def test_taking_up_a_declined_item_again_shows_it_to_no_member(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        who, item = await member(desk), await sent(desk)
        await decide(desk, item, Accept(), Route())
        clock.settle()
        assert len(await desk.routed(who, OPEN)) == 1
        await decide(desk, item, Decline("identifies-a-person"))
        assert await desk.routed(who, OPEN) == []
        clock.settle()
        await decide(desk, item, Accept())
        clock.settle()
        assert await desk.routed(who, OPEN) == []
        await decide(desk, item, Route())
        clock.settle()
        assert len(await desk.routed(who, OPEN)) == 1


async def test_a_member_is_told_of_an_answer_when_its_sender_is(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        who, item = await member(desk), await sent(desk)
        await decide(desk, item, Accept(), Route())
        clock.settle()
        await decide(desk, item, Answer(body="In May."))
        assert [one.answered for one in await desk.routed(who, OPEN)] == [False]
        clock.settle()
        assert [one.answered for one in await desk.routed(who, OPEN)] == [True]


async def test_passing_on_many_that_nobody_had_read_yet_accepts_them_by_that(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        who = await member(desk)
        items = [await sent(desk, f"Question {number}?") for number in range(5)]
        wanted = [Wanted(item, (await desk.moderators.item(MODERATOR, OPEN, item)).version) for item in items]
        outcomes = await desk.moderators.bulk(MODERATOR, OPEN, wanted, Route())
        assert [one.code for one in outcomes] == ["ok"] * 5
        clock.settle()
        assert len(await desk.routed(who, OPEN)) == 5


async def test_an_answered_question_has_no_turn_any_more(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        item = await sent(desk)
        await decide(desk, item, Accept(), Publish())
        clock.settle()
        await decide(desk, item, TurnTo("now"))
        assert len((await desk.published(OPEN)).by_turn()["now"]) == 1
        await decide(desk, item, Answer(body="In May."))
        clock.settle()
        await (await desk._desks.of(OPEN)).publish_now()
        assert (await desk.published(OPEN)).by_turn() == {"queued": [], "next": [], "now": []}


async def test_another_vault_than_the_folders_own_is_found_at_the_start(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        await sent(desk)
    for path in (tmp_path / "data").glob("vault.db*"):
        path.unlink()
    with pytest.raises(Unavailable, match="Put back"):
        async with office(tmp_path, clock):
            pass


async def test_a_lost_key_is_not_told_as_a_withdrawal(tmp_path: Path) -> None:
    clock, keys = Clock(), new_keys()
    async with office(tmp_path, clock) as (desk, _):
        await desk.submit(OPEN, keys, question())
        await sent(desk, "Another?")
    with sqlite3.connect(tmp_path / "data" / "vault.db") as database:
        table = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()[0]
        assert database.execute(f"DELETE FROM {table} WHERE name LIKE ?", (f"%{keys.item}",)).rowcount == 1  # noqa: S608
    database.close()
    async with office(tmp_path, clock) as (desk, _):
        status = await desk.status(keys)
        assert status.state == "received"
        assert "cannot be read" in status.says
        assert "withdrawn" not in status.says
