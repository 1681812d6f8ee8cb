"""Who may speak in a meeting, and its glossary, over HTTP, for the command line and other programs of staff."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import glossary, names
from hearing.access import Capability
from hearing.errors import Refused
from hearing.glossary import Glossary
from hearing.names import Name
from hearing.qa.lists import Kept, Lists
from hearing.site import api, forms
from hearing.site.dialogue import Rooms
from hearing.site.session import NO_STORE

C = TypeVar("C")

MAX_NAMES = 256 * 1024
"""A list of the longest names, each letter written as an escape."""
MAX_TERMS = 128 * 1024
"""The longest terms, each letter written as an escape."""

_STAFF = Capability("staff", "")


class Listed(msgspec.Struct, frozen=True):
    """A list and its version: 0 where none was written yet."""

    names: tuple[Name, ...] = ()
    version: int = 0


class NamesWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list as it is to be, and the version that it takes the place of."""

    names: tuple[Name, ...]
    version: int


class Written(msgspec.Struct, frozen=True):
    """A glossary and its version: 0 where none was written yet."""

    glossary: Glossary = Glossary()
    version: int = 0


class GlossaryWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A glossary as it is to be, and the version that it takes the place of."""

    glossary: Glossary
    version: int


def routes(rooms: Rooms) -> list[Route]:
    """Serve both; each route asks for the staff token first."""
    office = rooms.office
    return [
        *_routes(rooms, "names", office.names, _names, Listed),
        *_routes(rooms, "glossary", office.glossaries, _glossary, Written),
    ]


def _routes(
    rooms: Rooms,
    called: str,
    lists: Lists[C],
    taken: Callable[[Request], Awaitable[Kept[C]]],
    answer: Callable[[C, int], msgspec.Struct],
) -> list[Route]:
    async def read(request: Request) -> Response:
        api.check_staff(request, rooms.staff)
        return answered(await lists.read(_STAFF, *at(request)))

    async def write(request: Request) -> Response:
        api.check_staff(request, rooms.staff)
        wanted = await taken(request)
        return answered(await lists.write(_STAFF, *at(request), wanted.content, wanted.version))

    def at(request: Request) -> tuple[str, str]:
        meeting = rooms.house().meeting(request.path_params["meeting"])
        return meeting.created.dialogue, meeting.id

    def answered(kept: Kept[C]) -> Response:
        body = msgspec.json.encode(answer(kept.content, kept.version))
        return Response(body, 200, NO_STORE, "application/json")

    path = f"/api/meetings/{{meeting}}/{called}"
    return [Route(path, read), Route(path, write, methods=["PUT"])]


async def _names(request: Request) -> Kept[tuple[Name, ...]]:
    body = await forms.read_body(request, MAX_NAMES)
    try:
        wanted = msgspec.json.decode(body, type=NamesWanted)
    except msgspec.DecodeError as error:
        raise Refused('A list is written as {"names": [{"name", "title", "side"}], "version": N}.') from error
    return Kept(names.checked(wanted.names), wanted.version)


async def _glossary(request: Request) -> Kept[Glossary]:
    body = await forms.read_body(request, MAX_TERMS)
    try:
        wanted = msgspec.json.decode(body, type=GlossaryWanted)
    except msgspec.DecodeError as error:
        raise Refused('Write it as {"glossary": {"terms": [...], "names": false}, "version": N}.') from error
    return Kept(Glossary(glossary.checked(wanted.glossary.terms), wanted.glossary.names), wanted.version)
