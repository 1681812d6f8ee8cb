"""Who may do what: roles, what each role may do, and the check that every desk route makes."""

from typing import Literal

import msgspec

from hearing.errors import Forbidden, Unauthorized

Role = Literal["staff", "moderator", "member", "chair"]
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
    "invite.create",
    "meeting.run",
]

INVITED: tuple[Role, ...] = ("moderator", "member", "chair", "staff")
"""The roles an invitation can give: `staff` over the whole house, for which its dialogue is empty."""

_MAY: dict[Role, frozenset[Action]] = {
    "staff": frozenset(
        {"invite.create", "meeting.run", "chair.read", "passage.hide", "passage.redact", "passage.correct", "turn.set"}
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
}


class Actor(msgspec.Struct, frozen=True):
    """Who acted, as the log keeps it: a role and an invitation's id, never a person's data."""

    role: Role
    invite: str = ""


class Capability(msgspec.Struct, frozen=True):
    """What a session may do: one role in one dialogue. `label` is the seat, as staff named it."""

    role: Role
    dialogue: str
    invite: str = ""
    label: str = ""

    @property
    def actor(self) -> Actor:
        return Actor(self.role, self.invite)


def may(capability: Capability | None, action: Action, dialogue: str) -> bool:
    """Tell whether the bearer may. Staff are staff of every dialogue; all others of their own only."""
    if capability is None or action not in _MAY[capability.role]:
        return False
    return capability.role == "staff" or capability.dialogue == dialogue


def require(capability: Capability | None, action: Action, dialogue: str) -> Capability:
    """Return the capability. Raises Unauthorized where there is none, Forbidden where it is not enough."""
    if capability is None:
        raise Unauthorized("This page is for those who were invited. Open your invitation link first.")
    if not may(capability, action, dialogue):
        raise Forbidden("Your invitation does not cover this. Ask the secretariat for another one.")
    return capability
