"""Invitations: one role, one dialogue, one use; and who may do what with them."""

import asyncio
from pathlib import Path
from typing import get_args

import pytest

from hearing.access import Action, Capability, Role, may, require
from hearing.errors import Forbidden, Gone, NotFound, Refused, Unauthorized
from hearing.house_events import HOUSE
from hearing.qa.invites import LIFETIME_MS, SESSION_MS
from tests.qa.support import CLOSED, MODERATOR, OPEN, STAFF, Clock, holding, office, records


async def test_an_invitation_is_bound_to_the_first_session_and_its_role(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, log):
        token = await desk.invite(STAFF, CLOSED, "member", "member 3")
        [seat] = await desk.seats(STAFF, CLOSED)
        assert (seat.role, seat.label, seat.used) == ("member", "member 3", False)
        session = await desk.accept_invite(token)
        assert await desk.capability(session) == Capability("member", CLOSED, seat.invite, "member 3")
        with pytest.raises(Gone, match="used already"):
            await desk.accept_invite(token)
        assert (await desk.seats(STAFF, CLOSED))[0].used
        assert [record.subject for record in await records(log, HOUSE)][-2:] == [f"invite:{seat.invite}"] * 2
        secret, proof = token.split(".")[1], session.split(".")[1]
    for part in (secret, proof):
        assert holding(tmp_path, part) == []
    async with office(tmp_path, clock) as (desk, _):
        assert await desk.capability(session)


async def test_a_lost_answer_loses_nothing_where_the_form_carried_the_session(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        token = await desk.invite(STAFF, OPEN, "moderator")
        session = desk.propose_session(token)
        assert await desk.capability(session) is None
        assert await desk.accept_invite(token, session) == session
        assert await desk.accept_invite(token, session) == session
        with pytest.raises(Gone):
            await desk.accept_invite(token, desk.propose_session(token))


async def test_of_many_who_open_an_invitation_one_gets_it(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        token = await desk.invite(STAFF, OPEN, "moderator")
        answers = await asyncio.gather(*(desk.accept_invite(token) for _ in range(8)), return_exceptions=True)
        sessions = [answer for answer in answers if isinstance(answer, str)]
        assert len(sessions) == 1
        assert await desk.capability(sessions[0])
        assert all(isinstance(answer, Gone) for answer in answers if not isinstance(answer, str))


async def test_a_revoked_and_an_old_invitation_open_nothing(tmp_path: Path) -> None:
    clock = Clock()
    async with office(tmp_path, clock) as (desk, _):
        used, unused, old = [await desk.invite(STAFF, OPEN, "chair") for _ in range(3)]
        session, kept = await desk.accept_invite(used), await desk.accept_invite(old)
        seats = await desk.seats(MODERATOR, OPEN)
        for seat in seats[:2]:
            await desk.revoke(STAFF, OPEN, seat.invite)
            await desk.revoke(STAFF, OPEN, seat.invite)
        assert await desk.capability(session) is None
        for token in (used, unused):
            with pytest.raises(Gone):
                await desk.accept_invite(token)
        assert await desk.capability(kept)
        late = await desk.invite(STAFF, OPEN, "chair")
        clock.ms += LIFETIME_MS
        with pytest.raises(Gone):
            await desk.accept_invite(late)
        assert await desk.capability(kept)
        clock.ms += SESSION_MS - LIFETIME_MS
        assert await desk.capability(kept) is None
        with pytest.raises(NotFound):
            await desk.revoke(STAFF, CLOSED, seats[0].invite)


async def test_what_is_no_invitation_opens_nothing(tmp_path: Path) -> None:
    async with office(tmp_path, Clock()) as (desk, _):
        token = await desk.invite(STAFF, OPEN, "chair")
        other = await desk.invite(STAFF, OPEN, "chair")
        forged = f"{token.split('.')[0]}.{other.split('.')[1]}"
        for wrong in ("", "x", forged, token[:-1], "\ud800", "é" * 60, f"{'0' * 16}.{'A' * 43}"):
            with pytest.raises(NotFound):
                await desk.accept_invite(wrong)
            assert await desk.capability(wrong) is None
        with pytest.raises(Refused, match="does not belong"):
            await desk.accept_invite(token, other)
        assert await desk.capability(token) is None
        with pytest.raises(Refused):
            await desk.invite(STAFF, OPEN, "staff")
        with pytest.raises(Refused):
            await desk.invite(STAFF, OPEN, "chair", "x" * 61)
        with pytest.raises(NotFound):
            await desk.invite(STAFF, "nowhere", "chair")


@pytest.mark.parametrize("action", get_args(Action))
def test_every_action_needs_a_capability_of_the_same_dialogue(action: Action) -> None:
    with pytest.raises(Unauthorized):
        require(None, action, OPEN)
    roles: tuple[Role, ...] = get_args(Role)
    assert any(may(Capability(role, OPEN), action, OPEN) for role in roles)
    for role in roles:
        elsewhere = Capability(role, CLOSED)
        assert may(elsewhere, action, OPEN) == (role == "staff" and may(elsewhere, action, CLOSED))
        if not may(elsewhere, action, OPEN):
            with pytest.raises(Forbidden):
                require(elsewhere, action, OPEN)


def test_only_moderators_read_the_queue_and_only_members_what_is_routed() -> None:
    roles: tuple[Role, ...] = get_args(Role)
    assert [role for role in roles if may(Capability(role, OPEN), "queue.read", OPEN)] == ["moderator"]
    assert [role for role in roles if may(Capability(role, OPEN), "item.decide", OPEN)] == ["moderator"]
    assert [role for role in roles if may(Capability(role, OPEN), "route.read", OPEN)] == ["member"]
