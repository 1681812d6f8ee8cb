"""Invitations in the browser: staff make, list and end those to a dialogue, and those of staff to the house.

The new link is shown once, on the answer to the form: it stands in no address, and only its hash is kept.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing.access import INVITED, Capability, Role
from hearing.errors import NotFound, Refused
from hearing.qa.invites import LIFETIME_MS, SESSION_MS, Place, Seat
from hearing.site import captioning, session
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.forms import Form, read_form
from hearing.site.look import Link
from hearing.site.scriptwords import Sign, t
from hearing.site.session import NO_STORE

ROLES: Mapping[Role, str] = {
    "moderator": t("Moderator"),
    "member": t("Member of the committee"),
    "chair": t("Chair"),
    "captioner": t("Captioner"),
    "staff": t("Staff"),
}
ROLE_HINTS: Mapping[Role, str] = {
    "moderator": t("Reads the question queue and decides"),
    "member": t("Reads what is passed on to this seat"),
    "chair": t("Sees time, state and what is next, and writes notices"),
    "captioner": t("Types the captions of a channel in place of the machine"),
    "staff": t("Sets up and runs every meeting"),
}
STATES: Mapping[str, Sign] = {
    "waiting": Sign("soon", "off", t("Not opened yet")),
    "used": Sign("check", "ok", t("In use")),
    "old": Sign("late", "off", t("Too old")),
    "revoked": Sign("cross", "off", t("Ended")),
}


def routes(rooms: Rooms) -> list[Route]:
    """Serve them, for those who may invite."""

    async def of_dialogue(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "invite.create")
        return await _answer(rooms, request, who, found)

    async def of_house(request: Request) -> Response:
        who = await session.allowed_house(rooms, request, "invite.create")
        return await _answer(rooms, request, who, None)

    return [
        Route("/d/{dialogue}/invitations", of_dialogue, methods=["GET", "POST"]),
        Route("/staff/invitations", of_house, methods=["GET", "POST"]),
    ]


def state_of(seat: Seat, now_ms: int) -> str:
    """Name the state of an invitation."""
    if seat.revoked:
        return "revoked"
    bound = seat.used and not seat.url
    good_until_ms = seat.expires_ms - LIFETIME_MS + SESSION_MS if bound else seat.expires_ms
    if now_ms >= good_until_ms:
        return "old"
    return "used" if seat.used else "waiting"


async def _answer(rooms: Rooms, request: Request, who: Capability, found: Dialogue | None) -> Response:
    if request.method != "POST":
        return await _page(rooms, request, who, found)
    form = await read_form(request)
    if form.one("act") == "end":
        await rooms.office.revoke(who, found.id if found else "", form.one("invite"))
        return RedirectResponse(Link(request).to(request.url.path), 303, NO_STORE)
    if form.one("act") != "make":
        raise NotFound("There is no such act.")
    return await _made(rooms, request, who, found, form)


async def _made(rooms: Rooms, request: Request, who: Capability, found: Dialogue | None, form: Form) -> Response:
    """Make one and show its link, this once."""
    here = found.id if found else ""
    roles: dict[str, Role] = {role: role for role in _offered(found)}
    by_url = bool(found and form.one("url"))
    if by_url and not form.one("place"):
        return await _page(rooms, request, who, found, form=form, status=400)
    try:
        role = "captioner" if by_url else roles.get(form.one("role"), next(iter(roles.values())))
        place = _place(form, role)
        token = await rooms.office.invite(who, here, role, " ".join(form.one("label").split()), place)
    except Refused:
        return await _page(rooms, request, who, found, form=form, status=400)
    if place.url:
        return await _page(rooms, request, who, found, link_made=f"{_origin(request)}{captioning.address(token)}")
    path = found.path("accept").replace("/d/", "/staff/", 1) if found else "/staff/accept"
    return await _page(rooms, request, who, found, link_made=f"{_origin(request)}{path}#{token}")


def _place(form: Form, role: Role) -> Place:
    """Read which channel of which meeting a captioner is invited to: `meeting channel`, or any."""
    meeting, _, channel = form.one("place").partition(" ")
    if role != "captioner" or not channel:
        return Place()
    return Place(meeting, channel, bool(form.one("url")))


def _offered(found: Dialogue | None) -> list[Role]:
    return [role for role in INVITED if (role == "staff") == (found is None)]


def _origin(request: Request) -> str:
    scheme = "https" if session.is_https(request) else "http"
    return f"{scheme}://{request.headers.get('Host', request.url.netloc)}"


async def _page(
    rooms: Rooms,
    request: Request,
    who: Capability,
    found: Dialogue | None,
    *,
    form: Form | None = None,
    link_made: str = "",
    status: int = 200,
) -> Response:
    here, now_ms = (found.id if found else ""), rooms.now_ms()
    seats = [(seat, state_of(seat, now_ms)) for seat in await rooms.office.seats(who, here)]
    shown: dict[str, Any] = {
        "dialogue": found,
        "who": who,
        "desk_pages": session.pages(who, here),
        "seats": [one for one in reversed(seats) if one[1] in ("waiting", "used")],
        "gone": [one for one in reversed(seats) if one[1] not in ("waiting", "used")],
        "roles": ROLES,
        "role_hints": ROLE_HINTS,
        "offered": _offered(found),
        "states": STATES,
        "form": form or Form(()),
        "made": link_made,
        "made_url": captioning.PATH in link_made,
        "places": [one for one in found.meetings if one.phase != "closed"] if found else [],
        "trouble": status != 200,
        "placeless": bool(form and form.one("url") and not form.one("place")),
    }
    return rooms.look.page(request, "invitations.html", shown, status=status, headers=NO_STORE)
