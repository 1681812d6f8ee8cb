"""Invitations over HTTP, for the command line: the token comes back once, and is kept nowhere in clear."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing.access import Capability, Role
from hearing.errors import Refused
from hearing.qa.office import Office
from hearing.site import api
from hearing.site.session import NO_STORE


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to invite: a role, and how staff call the seat."""

    role: Role
    label: str = ""


class Invited(msgspec.Struct, frozen=True):
    """The invitation's token, for the fragment of `/staff/{dialogue}/accept#token` or `/staff/accept#token`."""

    invite: str


def routes(office: Office, staff: api.Staff) -> list[Route]:
    """Return the routes that make invitations: to a dialogue, and of staff to the house."""

    async def invite(request: Request) -> Response:
        api.check_staff(request, staff)
        asked = await _asked(request)
        dialogue = request.path_params["dialogue"]
        token = await office.invite(Capability("staff", dialogue), dialogue, asked.role, asked.label)
        return Response(msgspec.json.encode(Invited(token)), 201, NO_STORE, "application/json")

    async def invite_staff(request: Request) -> Response:
        api.check_staff(request, staff)
        asked = await _asked(request)
        token = await office.invite(Capability("staff", ""), "", asked.role, asked.label)
        return Response(msgspec.json.encode(Invited(token)), 201, NO_STORE, "application/json")

    return [
        Route("/api/invites", invite_staff, methods=["POST"]),
        Route("/api/dialogues/{dialogue}/invites", invite, methods=["POST"]),
    ]


async def _asked(request: Request) -> Asked:
    try:
        return msgspec.json.decode(await api.body_of(request), type=Asked)
    except msgspec.DecodeError as error:
        raise Refused("An invitation names a role: moderator, member, chair or staff.") from error
