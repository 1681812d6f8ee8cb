"""The glossary of a meeting, over HTTP, for the command line and other programs of staff."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import glossary
from hearing.access import Capability
from hearing.errors import Refused
from hearing.glossary import Glossary
from hearing.qa.glossary import Written
from hearing.site import api, forms
from hearing.site.dialogue import Rooms
from hearing.site.session import NO_STORE

MAX_BODY = 128 * 1024
"""The longest terms, each letter written as an escape."""

_STAFF = Capability("staff", "")


class GlossaryWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A glossary as it is to be, and the version that it takes the place of."""

    glossary: Glossary
    version: int


def routes(rooms: Rooms) -> list[Route]:
    """Serve the glossary; each route asks for the staff token first."""

    async def read(request: Request) -> Response:
        api.check_staff(request, rooms.staff)
        meeting = rooms.house().meeting(request.path_params["meeting"])
        return _answer(await rooms.office.glossaries.read(_STAFF, meeting.created.dialogue, meeting.id))

    async def write(request: Request) -> Response:
        api.check_staff(request, rooms.staff)
        wanted = _wanted(await forms.read_body(request, MAX_BODY))
        meeting = rooms.house().meeting(request.path_params["meeting"])
        written = Glossary(glossary.checked(wanted.glossary.terms), wanted.glossary.names)
        at = (_STAFF, meeting.created.dialogue, meeting.id)
        return _answer(await rooms.office.glossaries.write(*at, written, wanted.version))

    path = "/api/meetings/{meeting}/glossary"
    return [Route(path, read), Route(path, write, methods=["PUT"])]


def _wanted(body: bytes) -> GlossaryWanted:
    try:
        return msgspec.json.decode(body, type=GlossaryWanted)
    except msgspec.DecodeError as error:
        raise Refused('Write it as {"glossary": {"terms": [...], "names": false}, "version": N}.') from error


def _answer(written: Written) -> Response:
    return Response(msgspec.json.encode(written), 200, NO_STORE, "application/json")
