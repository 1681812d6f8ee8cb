"""The house as the question queues need it: dialogues with their meetings, and the invitations to them."""

import msgspec

from hearing import meeting
from hearing.errors import NotFound
from hearing.house_events import HOUSE, InviteBound, InviteCreated, InviteRevoked, decode_house
from hearing.log.base import Log
from hearing.meeting import House, Meeting
from hearing.qa.profile import Rules, strictest


class Invite(msgspec.Struct, frozen=True):
    """An invitation, as the log tells it. `session` is the hash of the session it is bound to."""

    created: InviteCreated
    session: str = ""
    revoked: bool = False


class Rooms:
    """Folds `house`; kept current by whoever refreshes. Rehearsals are none of its meetings."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._whole = House()
        self._house = House()
        self.position = 0
        self.invites: dict[str, Invite] = {}

    async def refresh(self) -> "Rooms":
        """Fold what has come since, and return itself."""
        while records := await self._log.read(HOUSE, self.position):
            for record in records:
                if record.position > self.position:
                    self._follow(record.body)
                    self.position = record.position
        return self

    def dialogues(self) -> list[str]:
        """Return every dialogue, in the order of their first meetings."""
        return list(dict.fromkeys(one.created.dialogue for one in self._house.meetings.values()))

    def meetings(self, dialogue: str) -> list[Meeting]:
        """Return a dialogue's meetings in the order they are planned. Raises NotFound."""
        found = [one for one in self._house.meetings.values() if one.created.dialogue == dialogue]
        if not found:
            raise NotFound("There is no such dialogue. A dialogue begins with its first meeting.")
        return sorted(found, key=lambda one: one.created.starts_ms or one.created.created_ms)

    def meeting_ids(self, dialogue: str) -> list[str]:
        """Return the ids of a dialogue's meetings, in that order. Raises NotFound."""
        return [one.id for one in self.meetings(dialogue)]

    def rules(self, dialogue: str) -> Rules:
        """Return how a dialogue works: as the strictest of its meetings. Raises NotFound."""
        meetings = self.meetings(dialogue)
        rules = strictest(one.created.profile for one in meetings)
        supports = rules.publishes and any(one.created.support for one in meetings)
        return msgspec.structs.replace(rules, supports=supports)

    def current(self, dialogue: str) -> Meeting | None:
        """Return the meeting that is open, or else the next one; None where all are over."""
        meetings = self.meetings(dialogue)
        going = [one for one in meetings if one.phase == "open"]
        planned = [one for one in meetings if one.phase == "planned"]
        return next(iter([*reversed(going), *planned]), None)

    def _follow(self, body: bytes) -> None:
        event = decode_house(body)
        match event:
            case InviteCreated() if event.invite not in self.invites:
                self.invites[event.invite] = Invite(event)
            case InviteBound() if event.invite in self.invites and not self.invites[event.invite].session:
                self._change(event.invite, session=event.session)
            case InviteRevoked() if event.invite in self.invites:
                self._change(event.invite, revoked=True)
            case _:
                self._whole = meeting.apply(self._whole, event)
                self._house = self._whole.public()

    def _change(self, invite: str, **changes: object) -> None:
        self.invites[invite] = msgspec.structs.replace(self.invites[invite], **changes)
