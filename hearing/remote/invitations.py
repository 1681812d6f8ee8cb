"""Invite people to a dialogue, to the house, or to type a channel's captions."""

from urllib.parse import quote

import msgspec

from hearing.access import Role
from hearing.errors import Refused
from hearing.house import HouseKeeper
from hearing.log.sqlite import SqliteLog
from hearing.now import utc_ms
from hearing.qa.invites import Invites, Place
from hearing.qa.rooms import Rooms
from hearing.remote.connection import Target, at_meeting, reach, request
from hearing.remote.folder import with_log
from hearing.site.captioning import AskedCaptioner, InvitedCaptioner


def invite(where: Target, dialogue: str, role: Role, label: str) -> str:
    """Invite somebody to a dialogue, or staff to the house; return the link that they open, once. Raises Refused."""
    if (role == "staff") != (dialogue == ""):
        raise Refused("Name the dialogue with --dialogue ID. Only staff are invited without one: to the whole house.")
    page = f"/staff/{quote(dialogue, safe='')}/accept" if dialogue else "/staff/accept"
    found = reach(where)
    if found:
        body = msgspec.json.encode({"role": role, "label": label})
        path = f"/api/dialogues/{quote(dialogue, safe='')}/invites" if dialogue else "/api/invites"
        return f"{found.server}{page}#{request(found, 'POST', path, body)['invite']}"

    async def make(log: SqliteLog) -> str:
        return await Invites(log, Rooms(log), utc_ms).create(role, dialogue, label)

    return f"{page}#{with_log(where.data, make)}"


def invite_captioner(where: Target, meeting: str, channel: str, label: str, *, url: bool) -> InvitedCaptioner:
    """Invite a captioner to a channel, or make the address for their software; `path` is whole where a server runs."""
    found = reach(where)
    if found:
        body = msgspec.json.encode(AskedCaptioner(channel, url, label))
        made = msgspec.convert(request(found, "POST", at_meeting(meeting, "/captioners"), body), InvitedCaptioner)
        return InvitedCaptioner(made.invite, f"{found.server}{made.path}")

    async def make(log: SqliteLog) -> InvitedCaptioner:
        dialogue = (await HouseKeeper(log, utc_ms).start()).house().meeting(meeting).created.dialogue
        place = Place(meeting, channel, url)
        token = await Invites(log, Rooms(log), utc_ms).create("captioner", dialogue, label, place)
        return InvitedCaptioner.of(token, dialogue, url=url)

    return with_log(where.data, make)


def end_captioner(where: Target, meeting: str, invite: str) -> None:
    """End a captioner's invitation or address. Raises NotFound."""
    found = reach(where)
    if found:
        request(found, "POST", at_meeting(meeting, f"/captioners/{quote(invite, safe='')}/end"), b"{}")
        return

    async def end(log: SqliteLog) -> None:
        await Invites(log, Rooms(log), utc_ms).revoke(invite)

    with_log(where.data, end)
