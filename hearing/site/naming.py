"""The list of who may speak in a meeting, over HTTP, for the command line and other programs of staff."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import names
from hearing.access import Capability
from hearing.errors import Refused
from hearing.names import Name
from hearing.qa.names import Listed
from hearing.site import api, forms
from hearing.site.dialogue import Rooms
from hearing.site.session import NO_STORE

MAX_BODY = 256 * 1024
"""A list of the longest names, each letter written as an escape."""

_STAFF = Capability("staff", "")


class NamesWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list as it is to be, and the version that it takes the place of."""

    names: tuple[Name, ...]
    version: int


def routes(rooms: Rooms) -> list[Route]:
    """Serve the list; each route asks for the staff token first."""

    async def read(request: Request) -> Response:
        api.check_staff(request, rooms.staff)
        meeting = rooms.house().meeting(request.path_params["meeting"])
        return _answer(await rooms.office.names.read(_STAFF, meeting.created.dialogue, meeting.id))

    async def write(request: Request) -> Response:
        api.check_staff(request, rooms.staff)
        wanted = _wanted(await forms.read_body(request, MAX_BODY))
        meeting = rooms.house().meeting(request.path_params["meeting"])
        listed = names.checked(wanted.names)
        at = (_STAFF, meeting.created.dialogue, meeting.id)
        return _answer(await rooms.office.names.write(*at, listed, wanted.version))

    path = "/api/meetings/{meeting}/names"
    return [Route(path, read), Route(path, write, methods=["PUT"])]


def _wanted(body: bytes) -> NamesWanted:
    try:
        return msgspec.json.decode(body, type=NamesWanted)
    except msgspec.DecodeError as error:
        raise Refused('A list is written as {"names": [{"name", "title", "side"}], "version": N}.') from error


def _answer(listed: Listed) -> Response:
    return Response(msgspec.json.encode(listed), 200, NO_STORE, "application/json")
