"""Invitations: made for one role in one dialogue, good once, bound on first use to a session. Only hashes are kept.

An invitation waits 14 days to be opened; its session lasts 60 days from when it was made, or until it is revoked.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable

import msgspec

from hearing.access import INVITED, Capability, Role
from hearing.errors import Conflict, Gone, NotFound, Refused
from hearing.events import encode
from hearing.house_events import HOUSE, InviteBound, InviteCreated, InviteRevoked
from hearing.log.base import Log
from hearing.meeting import Meeting
from hearing.qa.rooms import Invite, Rooms

LIFETIME_MS = 14 * 24 * 3_600_000
SESSION_MS = 60 * 24 * 3_600_000
MOST = 2_000

# The id in front finds the invitation; the 32 bytes behind it prove it.
_TOKEN = re.compile(r"[0-9a-f]{16}\.[A-Za-z0-9_-]{43}")
_LABEL = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,60}")


class Seat(msgspec.Struct, frozen=True):
    """An invitation as staff see it in their list: never its token."""

    invite: str
    role: Role
    dialogue: str
    label: str
    used: bool
    revoked: bool
    expires_ms: int
    meeting: str = ""
    channel: str = ""
    url: bool = False


class Place(msgspec.Struct, frozen=True):
    """What a captioner is invited to: a channel of a meeting, or all of them. `url`: their software is, not they."""

    meeting: str = ""
    channel: str = ""
    url: bool = False


class Invites:
    """Makes, binds, checks and revokes invitations on the stream `house`."""

    def __init__(self, log: Log, rooms: Rooms, now_ms: Callable[[], int]) -> None:
        self._log = log
        self._rooms = rooms
        self._now_ms = now_ms

    async def create(self, role: Role, dialogue: str, label: str = "", place: Place | None = None) -> str:
        """Return a new token, shown once. `label` names the seat, as in "member 3". Raises Refused, NotFound."""
        place = place or Place()
        rooms = await self._rooms.refresh()
        if role not in INVITED:
            raise Refused(f"An invitation is for one of: {', '.join(INVITED)}.")
        if (role == "staff") != (dialogue == ""):
            raise Refused("Staff are invited to the whole house, all others to one dialogue: --dialogue ID.")
        if dialogue:
            _check_place(role, place, rooms.meetings(dialogue))
        if not _LABEL.fullmatch(label):
            raise Refused("A seat's name has up to 60 characters, as in: member 3.")
        if len(rooms.invites) >= MOST:
            raise Refused("There are too many invitations in this house. Use those there are.")
        token = new_token()
        invite, now = _id(token), self._now_ms()
        expires_ms = now + (SESSION_MS if place.url else LIFETIME_MS)
        where = (place.meeting, place.channel, place.url)
        event = InviteCreated(invite, role, dialogue, hashed(token), label, now, expires_ms, *where)
        await self._append(event, expect=0)
        return token

    async def invited(self, token: str) -> str:
        """Return the dialogue an invitation is to, empty for the house. Raises NotFound for a token there is not."""
        invite = await self._found(token)
        if invite is None or invite.created.url or not _same(token, invite.created.hash):
            raise _unknown()
        return invite.created.dialogue

    async def captioner(self, token: str) -> Capability:
        """Return what the token in a caption URL allows. Raises NotFound, and Gone where it was ended or is old."""
        invite = await self._found(token)
        if invite is None or not invite.created.url or not _same(token, invite.created.hash):
            raise NotFound("There is no such caption URL. Copy it again, whole.")
        if invite.revoked or self._now_ms() >= invite.created.expires_ms:
            raise Gone("This caption URL is not good any more. Ask the secretariat for another one.")
        return _capability(invite.created)

    async def accept(self, token: str, session: str | None = None) -> str:
        """Bind an invitation to a session and return the session's token: `session`, or a new one.

        The same session again is answered the same, so that a lost answer loses nothing: let the form that asks
        carry one from `propose`. Raises NotFound for a token there is not, Gone where it was used, revoked or is old.
        """
        invite = await self._found(token)
        if invite is None or invite.created.url or not _same(token, invite.created.hash):
            raise _unknown()
        session = session or self.propose(token)
        if not _TOKEN.fullmatch(session) or _id(session) != _id(token):
            raise Refused("This session does not belong to this invitation. Open the link again.")
        if invite.revoked:
            raise _old()
        if not invite.session:
            self._check_young(invite)
            await self._bind(invite, hashed(session))
            invite = self._rooms.invites[invite.created.invite]
        if not _same(session, invite.session):
            raise Gone("This invitation was used already. If not by you, tell the secretariat and ask for another one.")
        return session

    def propose(self, token: str) -> str:
        """Return a new session token for an invitation; it is worth nothing until the invitation is bound to it."""
        if not _TOKEN.fullmatch(token):
            raise _unknown()
        return new_token(_id(token))

    async def check(self, session: str) -> Capability | None:
        """Return what a session may do; None for one that may nothing (any more)."""
        invite = await self._found(session)
        if invite is None or invite.revoked or not invite.session or not _same(session, invite.session):
            return None
        if self._now_ms() >= invite.created.at_ms + SESSION_MS:
            return None
        return _capability(invite.created)

    async def revoke(self, invite_id: str) -> None:
        """End an invitation and its session. Raises NotFound."""
        invite = (await self._rooms.refresh()).invites.get(invite_id)
        if invite is None:
            raise NotFound("There is no such invitation.")
        if not invite.revoked:
            await self._append(InviteRevoked(invite_id, self._now_ms()), key=f"revoked {invite_id}")

    async def seats(self, dialogue: str) -> list[Seat]:
        """Return the invitations to a dialogue."""
        rooms = await self._rooms.refresh()
        return [_seat(one) for one in rooms.invites.values() if one.created.dialogue == dialogue]

    async def members(self, dialogue: str) -> set[str]:
        """Return the invitations of members that something can be passed to."""
        return {seat.invite for seat in await self.seats(dialogue) if seat.role == "member" and not seat.revoked}

    async def succeeded(self, member: Capability) -> set[str]:
        """Return a member's invitation, with the revoked ones to the seat of the same name that it replaces."""
        seats = [seat for seat in await self.seats(member.dialogue) if seat.role == "member" and seat.revoked]
        return {member.invite} | {seat.invite for seat in seats if member.label and seat.label == member.label}

    async def _found(self, token: str) -> Invite | None:
        if not _TOKEN.fullmatch(token):
            return None
        return (await self._rooms.refresh()).invites.get(_id(token))

    def _check_young(self, invite: Invite) -> None:
        if self._now_ms() >= invite.created.expires_ms:
            raise _old()

    async def _bind(self, invite: Invite, session_hash: str) -> None:
        """Bind it once; of two at the same time the first in the log wins."""
        event = InviteBound(invite.created.invite, session_hash, self._now_ms())
        subject = _subject(invite.created.invite)
        try:
            await self._append(event, expect=await self._log.head(HOUSE, subject))
        except Conflict:
            await self._rooms.refresh()

    async def _append(
        self, event: InviteCreated | InviteBound | InviteRevoked, *, expect: int | None = None, key: str | None = None
    ) -> None:
        await self._log.append(HOUSE, [encode(event)], subject=_subject(event.invite), expect=expect, key=key)
        await self._rooms.refresh()


def new_token(invite: str = "") -> str:
    """Return a token of 256 random bits behind an invitation's id."""
    return f"{invite or secrets.token_hex(8)}.{secrets.token_urlsafe(32)}"


def hashed(token: str) -> str:
    """Return what is kept of a token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _unknown() -> NotFound:
    return NotFound("This invitation does not exist. Check that the link is whole, or ask for another one.")


def _old() -> Gone:
    return Gone("This invitation is not good any more. Ask for another one.")


def _same(token: str, stored: str) -> bool:
    return hmac.compare_digest(hashed(token), stored)


def _id(token: str) -> str:
    return token.split(".", 1)[0]


def _subject(invite: str) -> str:
    return f"invite:{invite}"


def _seat(invite: Invite) -> Seat:
    made = invite.created
    used = bool(invite.session) or made.url
    place = (made.meeting, made.channel, made.url)
    return Seat(made.invite, made.role, made.dialogue, made.label, used, invite.revoked, made.expires_ms, *place)


def _capability(made: InviteCreated) -> Capability:
    return Capability(made.role, made.dialogue, made.invite, made.label, made.meeting, made.channel)


def _check_place(role: Role, place: Place, meetings: list[Meeting]) -> None:
    """Raise Refused for a place of who is no captioner, and NotFound for one that the dialogue has not."""
    if place != Place() and role != "captioner":
        raise Refused("Only a captioner is invited to a channel.")
    if place.url and not (place.meeting and place.channel):
        raise Refused("A caption URL is for one channel of one meeting.")
    found = [one for one in meetings if place.meeting in ("", one.id)]
    if not found:
        raise NotFound("This dialogue has no such meeting.")
    if place.channel and not any(place.channel == channel.id for one in found for channel in one.created.channels):
        raise NotFound("This meeting has no such channel.")
