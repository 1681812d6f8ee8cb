"""Who may do what: roles, what each role may do, and the check that every desk route makes."""

from typing import Literal

import msgspec

from hearing.errors import Forbidden, Unauthorized

Role = Literal["staff", "moderator", "member", "chair", "captioner"]
Action = Literal[
    "queue.read",
    "item.decide",
    "item.claim",
    "notice.write",
    "passage.hide",
    "passage.redact",
    "turn.set",
    "passage.correct",
    "route.read",
    "chair.read",
    "caption.write",
    "invite.create",
    "meeting.run",
]

INVITED: tuple[Role, ...] = ("moderator", "member", "chair", "captioner", "staff")
"""The roles an invitation can give: `staff` over the whole house, for which its dialogue is empty."""

_MAY: dict[Role, frozenset[Action]] = {
    "staff": frozenset(
        {
            "invite.create",
            "meeting.run",
            "chair.read",
            "passage.hide",
            "passage.redact",
            "passage.correct",
            "turn.set",
            "caption.write",
        }
    ),
    "moderator": frozenset(
        {
            "queue.read",
            "item.decide",
            "item.claim",
            "notice.write",
            "chair.read",
            "passage.hide",
            "passage.correct",
            "turn.set",
        }
    ),
    "member": frozenset({"route.read"}),
    "chair": frozenset({"chair.read", "notice.write", "passage.hide"}),
    "captioner": frozenset({"caption.write"}),
}


class Actor(msgspec.Struct, frozen=True):
    """Who acted, as the log keeps it: a role and an invitation's id, never a person's data."""

    role: Role
    invite: str = ""


class Capability(msgspec.Struct, frozen=True):
    """What a session may do: one role in one dialogue. `label` is the seat, as staff named it.

    A captioner's is for one channel of one meeting, or, where these are empty, of any.
    """

    role: Role
    dialogue: str
    invite: str = ""
    label: str = ""
    meeting: str = ""
    channel: str = ""

    @property
    def actor(self) -> Actor:
        return Actor(self.role, self.invite)


def may(capability: Capability | None, action: Action, dialogue: str) -> bool:
    """Tell whether the bearer may. Staff are staff of every dialogue; all others of their own only."""
    if capability is None or action not in _MAY[capability.role]:
        return False
    return capability.role == "staff" or capability.dialogue == dialogue


def captions(capability: Capability, meeting: str, channel: str) -> bool:
    """Tell whether somebody who may caption in a dialogue may do so on this channel of this meeting of it."""
    return capability.meeting in ("", meeting) and capability.channel in ("", channel)


def require(capability: Capability | None, action: Action, dialogue: str) -> Capability:
    """Return the capability. Raises Unauthorized where there is none, Forbidden where it is not enough."""
    if capability is None:
        raise Unauthorized("This page is for those who were invited. Open your invitation link first.")
    if not may(capability, action, dialogue):
        raise Forbidden("Your invitation does not cover this. Ask the secretariat for another one.")
    return capability
