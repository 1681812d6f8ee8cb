"""What staff can ask for: one frozen struct each. A `body` is plain as it comes, and sealed before it is decided."""

from typing import Literal

import msgspec

from hearing.desk_events import Ceiling, Reason, Turn

State = Literal["received", "accepted", "declined", "published", "routed", "answered", "withdrawn"]


class _Asked(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="act"):
    """An act."""


class Accept(_Asked, frozen=True, tag="accept"):
    """It will be dealt with; a declined item is taken up again."""


class Decline(_Asked, frozen=True, tag="decline"):
    """It will not; `body` explains it to the sender."""

    reason: Reason
    body: str = ""


class Publish(_Asked, frozen=True, tag="publish"):
    """Show it to everybody: as sent, or `body` as cleaned text. With `theme` only `body`, a few words of staff.

    `named` shows the name that its sender gave.
    """

    body: str = ""
    theme: bool = False
    named: bool = False


class Unpublish(_Asked, frozen=True, tag="unpublish"):
    """Take it out of the public view, at once."""


class Route(_Asked, frozen=True, tag="route"):
    """Give it to members: ids of their invitations, or `committee` for all."""

    to: tuple[str, ...] = ("committee",)


class Answer(_Asked, frozen=True, tag="answer"):
    """It was spoken to in these segments of this meeting, or is answered in writing by `body`."""

    meeting: str = ""
    segments: tuple[str, ...] = ()
    body: str = ""


class TurnTo(_Asked, frozen=True, tag="turn"):
    """A published question waits (`queued`), comes next, or is being answered now. Holds at once."""

    turn: Turn


class Lower(_Asked, frozen=True, tag="lower"):
    """Let fewer see it. Cannot be undone."""

    ceiling: Ceiling


class Note(_Asked, frozen=True, tag="note"):
    """Leave a note for other staff."""

    body: str


class Ask(_Asked, frozen=True, tag="ask"):
    """Ask the sender something; the reply comes by receipt."""

    body: str


Act = Accept | Decline | Publish | Unpublish | Route | Answer | TurnTo | Lower | Note | Ask
