"""The API: meetings and what was said in them, for everyone; creating, opening and closing them, for staff."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import turns
from hearing.errors import Forbidden, Refused, Unauthorized
from hearing.finding import Finding
from hearing.house_events import MeetingCreated
from hearing.meeting import House
from hearing.redaction import Account, Wanted
from hearing.site import answers, readiness, wire
from hearing.site.faults import TooLarge
from hearing.site.folds import Folds

MAX_BODY = 16 * 1024

_wanted = msgspec.json.Decoder(MeetingCreated)
_NO_STORE = {"Cache-Control": "no-store"}


class Staff(Protocol):
    """What staff may do, and who is staff."""

    def allows(self, token: str) -> bool: ...

    def masked(self, source: str) -> str: ...

    def seen(self, created: MeetingCreated) -> str: ...

    def near(self, token: str) -> bool: ...

    async def create(self, wanted: MeetingCreated, *, near: bool = False) -> None: ...

    async def change(self, wanted: MeetingCreated) -> None: ...

    async def begin_block(self, meeting: str, block: str) -> None: ...

    async def open(self, meeting: str) -> None: ...

    async def close(self, meeting: str) -> None: ...

    async def rehearse(self, meeting: str) -> str: ...

    async def purge(self, meeting: str) -> None: ...

    async def readiness(self, meeting: str) -> list[Finding]: ...

    async def account(self, meeting: str) -> Account: ...

    async def redact(self, meeting: str, wanted: Wanted) -> bool: ...


def routes(folds: Folds, house: Callable[[], House], staff: Staff) -> list[Route]:
    """Serve the API."""

    async def meetings(_request: Request) -> Response:
        known = list(house().meetings.values())
        return _json(answers.MeetingsAnswer([await _meeting(folds, meeting.id, house) for meeting in known]))

    async def meeting(request: Request) -> Response:
        return _json(await _meeting(folds, request.path_params["meeting"], house))

    async def segments(request: Request) -> Response:
        found = house().meeting(request.path_params["meeting"])
        asked = request.query_params.get("channel")
        channels = [found.channel(asked)] if asked else list(found.created.channels)
        fold = await folds.of(found.id)
        held = [wire.SpeakerTurn.of(turn) for turn in turns.ordered(fold.transcript.turns)]
        said = [
            answers.segment_answer(segment, channel.language, heard)
            for channel in channels
            for heard in [turns.heard(fold.transcript.turns, channel.kind)]
            for segment in fold.transcript.channel(channel.id).segments
        ]
        return _json(answers.SegmentsAnswer(said, fold.cursor, held))

    one = "/api/meetings/{meeting}"
    return [
        Route("/api/meetings", meetings),
        Route(one, meeting),
        Route(f"{one}/segments", segments),
        *_staff_routes(folds, house, staff),
    ]


def _staff_routes(folds: Folds, house: Callable[[], House], staff: Staff) -> list[Route]:
    """Serve what staff do; each asks for their token first."""

    async def create(request: Request) -> Response:
        check_staff(request, staff)
        wanted = _decode(await body_of(request))
        await staff.create(wanted, near=staff.near(_bearer(request.headers)))
        return _json(await _meeting(folds, wanted.meeting, house), 201)

    async def setup(request: Request) -> Response:
        check_staff(request, staff)
        created = house().meeting(request.path_params["meeting"]).created
        return _json(msgspec.structs.replace(created, source=staff.masked(created.source)))

    def act(do: Callable[[str], Awaitable[None]]) -> Callable[[Request], Awaitable[Response]]:
        async def acted(request: Request) -> Response:
            check_staff(request, staff)
            await body_of(request)
            meeting_id = house().meeting(request.path_params["meeting"]).id
            await do(meeting_id)
            return _json(await _meeting(folds, meeting_id, house))

        return acted

    async def rehearse(request: Request) -> Response:
        check_staff(request, staff)
        await body_of(request)
        rehearsal = await staff.rehearse(house().meeting(request.path_params["meeting"]).id)
        return _json(await _meeting(folds, rehearsal, house), 201)

    async def purge(request: Request) -> Response:
        check_staff(request, staff)
        await body_of(request)
        await staff.purge(request.path_params["meeting"])
        return Response(status_code=204, headers=_NO_STORE)

    async def ready(request: Request) -> Response:
        check_staff(request, staff)
        found = house().meeting(request.path_params["meeting"])
        return _json(readiness.answer(await staff.readiness(found.id)))

    one = "/api/meetings/{meeting}"
    return [
        Route("/api/meetings", create, methods=["POST"]),
        Route(f"{one}/setup", setup),
        Route(f"{one}/open", act(staff.open), methods=["POST"]),
        Route(f"{one}/close", act(staff.close), methods=["POST"]),
        Route(f"{one}/rehearse", rehearse, methods=["POST"]),
        Route(f"{one}/purge", purge, methods=["POST"]),
        Route(f"{one}/readiness", ready),
    ]


async def _meeting(folds: Folds, meeting_id: str, house: Callable[[], House]) -> answers.MeetingAnswer:
    found = house().meeting(meeting_id)
    return answers.meeting_answer(found, await folds.glance(found.id))


def check_staff(request: Request, staff: Staff) -> None:
    """Raise Unauthorized without a bearer token, Forbidden with one that is not this server's."""
    token = _bearer(request.headers)
    if not token:
        raise Unauthorized("Only staff may do this. Send the staff token: Authorization: Bearer TOKEN")
    if not staff.allows(token):
        raise Forbidden("This token is not one of this server's. Ask whoever runs it for the staff token.")


def is_staff(headers: Mapping[str, str], staff: Staff) -> bool:
    """Tell whether the request carries the staff token."""
    token = _bearer(headers)
    return bool(token) and staff.allows(token)


def _bearer(headers: Mapping[str, str]) -> str:
    """Return the token that a request bears; empty where there is none."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def body_of(request: Request) -> bytes:
    """Read the body. Raises TooLarge past its bound, without reading on."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge(f"A request may hold {MAX_BODY} bytes at the most.")
    return body


def _decode(body: bytes) -> MeetingCreated:
    """Decode what is wanted. The event's tag may be left out; what only the server knows is not taken from outside."""
    try:
        wanted = _wanted.decode(_tagged(body))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"This is not a meeting: {error}. docs/api.md shows one.") from error
    return msgspec.structs.replace(wanted, created_ms=0, rehearses="")


def _tagged(body: bytes) -> bytes:
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields["type"] = msgspec.Raw(b'"meeting.created"')
    return msgspec.json.encode(fields)


def _json(answer: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status, _NO_STORE, "application/json")
