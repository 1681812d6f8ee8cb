"""The facts of stream `house`: meetings and invitations come and go. A union, one frozen struct each.

As in `hearing.events`: released events never change, and a reader skips a tag it does not know.
"""

from typing import Literal, get_args

import msgspec

from hearing.access import Role
from hearing.events import ChannelKind, Event, Tag

Profile = Literal["treaty-body", "open", "upr", "procedures"]
CloseReason = Literal["staff", "source-ended"]


class Channel(msgspec.Struct, frozen=True, omit_defaults=True):
    """One audio track of a meeting. `track` counts the source's audio tracks from 0.

    `languages`: on a floor, any of these may be spoken; `language`, one of them, is taken until another is heard.
    Empty: only `language` is spoken.
    """

    id: str
    language: str
    track: int
    kind: ChannelKind = "interpretation"
    languages: tuple[str, ...] = ()


class Block(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a meeting's agenda, as in "Articles 6 and 7". `minutes` it is planned to take; 0: not said."""

    id: str
    title: str
    minutes: int = 0


class MeetingCreated(Event, frozen=True, tag="meeting.created"):
    """A meeting exists. `starts_ms` and `created_ms` are UTC since the Unix epoch; `starts_ms` is when it is planned.

    `loop` plays a file source again and again; `close_at_end` closes the meeting when its source ends. `rehearses`
    names the meeting it is a rehearsal of: then only staff see it, and it is purged in the end. `support` lets readers
    say that they want the answer to a published question too.
    """

    meeting: str
    dialogue: str
    title: str
    profile: Profile
    channels: tuple[Channel, ...]
    source: str
    body: str = ""
    loop: bool = False
    close_at_end: bool = False
    starts_ms: int | None = None
    created_ms: int = 0
    agenda: tuple[Block, ...] = ()
    rehearses: str = ""
    support: bool = False


class MeetingChanged(Event, frozen=True, tag="meeting.changed"):
    """Staff set it up anew: it is as `wanted` says from now on. Its id, dialogue and profile stay as they were."""

    meeting: str
    wanted: MeetingCreated
    at_ms: int


class BlockBegan(Event, frozen=True, tag="block.began"):
    """This block of the agenda is being dealt with from now on; an empty `block`: none is."""

    meeting: str
    block: str
    at_ms: int


class MeetingPurged(Event, frozen=True, tag="meeting.purged"):
    """A rehearsal is over, and everything of it is to be erased: its stream and its recording."""

    meeting: str
    at_ms: int


class MeetingOpened(Event, frozen=True, tag="meeting.opened"):
    """Staff opened it: the relay follows its source from now on."""

    meeting: str
    at_ms: int


class MeetingClosed(Event, frozen=True, tag="meeting.closed"):
    """It is over; what was said stays readable."""

    meeting: str
    at_ms: int
    reason: CloseReason = "staff"


class InviteCreated(Event, frozen=True, tag="invite.created"):
    """An invitation exists; who holds its token may take the role in the dialogue, once. `hash` is of the token.

    `label` names the seat, as in "rapporteur" or "member 3", never a person. A captioner's is to one channel of one
    meeting, where these are named. `url`: the token is no invitation, but stands in the address that a captioner's
    software sends to.
    """

    invite: str
    role: Role
    dialogue: str
    hash: str
    label: str = ""
    at_ms: int = 0
    expires_ms: int = 0
    meeting: str = ""
    channel: str = ""
    url: bool = False


class InviteBound(Event, frozen=True, tag="invite.bound"):
    """It was opened; from then on only the session with this hash stands for it."""

    invite: str
    session: str
    at_ms: int = 0


class InviteRevoked(Event, frozen=True, tag="invite.revoked"):
    """Neither the invitation nor its session is good any more."""

    invite: str
    at_ms: int = 0


InviteEvent = InviteCreated | InviteBound | InviteRevoked
MeetingEvent = MeetingCreated | MeetingChanged | MeetingOpened | BlockBegan | MeetingClosed | MeetingPurged
HouseEvent = MeetingEvent | InviteEvent

HOUSE = "house"

_house: msgspec.json.Decoder[HouseEvent] = msgspec.json.Decoder(HouseEvent)
_HOUSE_TAGS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(HouseEvent))
_tag = msgspec.json.Decoder(Tag)


def decode_house(body: bytes) -> HouseEvent | None:
    """Decode a record of `house`; None for an erased record or an event of a later release."""
    if not body or _tag.decode(body).type not in _HOUSE_TAGS:
        return None
    return _house.decode(body)
