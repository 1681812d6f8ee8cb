"""Who is at the desk: the session cookie of an invitation, one per dialogue and one for the house, and its page."""

import hashlib
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing.access import Action, Capability, Role, may, require
from hearing.errors import Gone, NotFound, Refused
from hearing.qa.invites import SESSION_MS
from hearing.site import dialogue
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.forms import read_form

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MOST_SEATS = 16
_LIFETIME_S = SESSION_MS // 1000  # as long as a session lasts at the most
NO_STORE = {"Cache-Control": "no-store"}


def routes(rooms: Rooms) -> list[Route]:
    """Serve the page on which an invitation is accepted."""

    async def accept(request: Request) -> Response:
        found = await dialogue.find(rooms, request)
        if request.method == "POST":
            return await _accepted(rooms, request, found)
        return _page(rooms, request, found)

    async def accept_staff(request: Request) -> Response:
        return await _accepted(rooms, request) if request.method == "POST" else _page(rooms, request)

    return [
        Route("/staff/accept", accept_staff, methods=["GET", "POST"]),
        Route("/staff/{dialogue}/accept", accept, methods=["GET", "POST"]),
    ]


async def capability(rooms: Rooms, request: Request, action: Action, dialogue_id: str = "") -> Capability | None:
    """Return what the bearer of the request holds in a dialogue, that of its address: the seat there, or the house's.

    Of both the one that allows the action; where neither does, the seat.
    """
    dialogue_id = dialogue_id or request.path_params["dialogue"]
    held = [await _held(rooms, request, name) for name in (dialogue_id, "")]
    return next((one for one in held if may(one, action, dialogue_id)), held[0] or held[1])


async def capability_in(rooms: Rooms, request: Request, action: Action, dialogue_id: str) -> Capability | None:
    """Return what lets the bearer of the request do this in a dialogue; None where nothing does."""
    held = [await _held(rooms, request, name) for name in (dialogue_id, "")]
    return next((one for one in held if may(one, action, dialogue_id)), None)


async def allowed(rooms: Rooms, request: Request, action: Action) -> tuple[Dialogue, Capability]:
    """Return the dialogue and what the bearer may do. Raises Unauthorized, Forbidden, then NotFound."""
    who = require(await capability(rooms, request, action), action, request.path_params["dialogue"])
    return await dialogue.find(rooms, request), who


async def allowed_house(rooms: Rooms, request: Request, action: Action) -> Capability:
    """Return what the bearer may do in the whole house. Raises Unauthorized, and Forbidden for a dialogue's seat."""
    who = await _held(rooms, request, "")
    return require(who or await _seat(rooms, request), action, "")


async def _held(rooms: Rooms, request: Request, dialogue_id: str) -> Capability | None:
    session = request.cookies.get(cookie_name(request, dialogue_id), "")
    return await rooms.office.capability(session) if session else None


async def _seat(rooms: Rooms, request: Request) -> Capability | None:
    """Return any seat the bearer has: who has one is told that it is not enough."""
    sessions = [value for name, value in request.cookies.items() if name.removeprefix("__Host-").startswith("desk-")]
    for session in sessions[:_MOST_SEATS]:
        if found := await rooms.office.capability(session):
            return found
    return None


def cookie_name(request: Request, dialogue_id: str, kind: str = "desk") -> str:
    """Name the cookie of a dialogue, or of the house where it is empty.

    Over https with the prefix that binds it to this host alone (RFC 6265bis).
    """
    name = f"{kind}-{hashlib.sha256(dialogue_id.encode()).hexdigest()[:12]}" if dialogue_id else f"{kind}-house"
    return f"__Host-{name}" if is_https(request) else name


def keep(request: Request, answer: Response, name: str, value: str, max_age_s: int) -> None:
    """Set a cookie that no script reads and no other site sends."""
    secure = is_https(request)
    answer.set_cookie(name, value, max_age=max_age_s, secure=secure, httponly=True, samesite="strict")


def first_page(role: Role) -> str:
    """Name the page that a role begins with."""
    return {"moderator": "queue", "member": "member", "chair": "chair", "captioner": "caption"}.get(role, "wall")


def pages(who: Capability, dialogue_id: str) -> list[str]:
    """Name the desk's pages that are open to somebody."""
    actions: tuple[tuple[str, Action], ...] = (
        ("queue", "queue.read"),
        ("said", "passage.hide"),
        ("speakers", "turn.set"),
        ("misheard", "passage.correct"),
        ("notices", "notice.write"),
        ("member", "route.read"),
        ("chair", "chair.read"),
        ("caption", "caption.write"),
        ("invitations", "invite.create"),
    )
    return [page for page, action in actions if may(who, action, dialogue_id)]


async def _accepted(rooms: Rooms, request: Request, found: Dialogue | None = None) -> Response:
    """Take the invitation in two steps: the second carries the session, so that a lost answer loses nothing.

    One to somewhere else is not used up here; one that this browser took already leads to its seat.
    """
    here = found.id if found else ""
    form = await read_form(request)
    token = form.one("invite").strip().rpartition("#")[2]
    _check_transport(request)
    session = form.one("session")
    try:
        if await rooms.office.invited(token) != here:
            return _page(rooms, request, found, trouble="unknown")
        held = await _held(rooms, request, here)
        if held and held.invite == token.partition(".")[0]:
            return _seated(request, found, held, request.cookies[cookie_name(request, here)])
        if not session:
            return _page(rooms, request, found, invite=token, session=rooms.office.propose_session(token))
        session = await rooms.office.accept_invite(token, session)
    except (NotFound, Gone, Refused) as error:
        return _page(rooms, request, found, trouble="gone" if isinstance(error, Gone) else "unknown")
    who = await rooms.office.capability(session)
    if who is None:
        return _page(rooms, request, found, trouble="unknown")
    return _seated(request, found, who, session)


def _seated(request: Request, found: Dialogue | None, who: Capability, session: str) -> Response:
    """Lead to the first page of a seat, and keep its cookie."""
    path = found.path(first_page(who.role)) if found else "/staff"
    answer = RedirectResponse(_again(request, path), 303, NO_STORE)
    keep(request, answer, cookie_name(request, found.id if found else ""), session, _LIFETIME_S)
    return answer


def _page(
    rooms: Rooms,
    request: Request,
    found: Dialogue | None = None,
    *,
    trouble: str = "",
    invite: str = "",
    session: str = "",
) -> Response:
    shown = {"dialogue": found, "trouble": trouble, "invite": invite, "session": session}
    status = {"": 200, "gone": 410}.get(trouble, 404)
    return rooms.look.page(request, "accept.html", shown, status=status, headers=NO_STORE)


def _again(request: Request, path: str) -> str:
    language = request.query_params.get("l")
    return f"{path}?l={quote(language)}" if language else path


def _check_transport(request: Request) -> None:
    if not is_https(request) and request.url.hostname not in _LOOPBACK:
        raise Refused("An invitation is accepted over https only. Ask whoever runs this server.")


def is_https(request: Request) -> bool:
    """Tell whether the browser speaks https, to us or to a proxy in front: to believe it makes a cookie stricter."""
    return "https" in (request.url.scheme, request.headers.get("X-Forwarded-Proto", ""))
