"""Rehearsals: only staff see them. Everybody else is answered as if there were none, whatever the route.

The routes ask one callable for the house, made by `shown`. It gives the public house, unless `Rehearsing`, which wraps
them all, found the bearer to be staff: so a new route need not know of rehearsals, and cannot forget them.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hearing.access import Capability, may
from hearing.errors import HearingError
from hearing.meeting import House
from hearing.qa.office import Office
from hearing.site import api
from hearing.site.session import cookie_name

IsStaff = Callable[[Request], Awaitable[bool]]

_FOR_STAFF = ("/api/meetings", "/staff")
"""Where staff work: there they see rehearsals among the meetings. Everywhere else, only under a rehearsal's own id."""

_seen: ContextVar[bool] = ContextVar("rehearsals_seen", default=False)


def shown(house: Callable[[], House]) -> Callable[[], House]:
    """Return the house as whoever asks just now may see it."""
    return lambda: house() if _seen.get() else house().public()


class Rehearsing:
    """Wraps the site: lets staff see rehearsals, and lets nobody keep what they were shown of one.

    `forget` is told of each that was purged, to let go of what is kept of it.
    """

    def __init__(
        self, app: ASGIApp, house: Callable[[], House], is_staff: IsStaff, forget: Callable[[str], None]
    ) -> None:
        self._app = app
        self._house = house
        self._is_staff = is_staff
        self._forget = forget
        self._purged: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._let_go(self._house().purged)
        if scope["type"] != "http" or not await self._may_see(scope):
            await self._app(scope, receive, send)
            return
        seen = _seen.set(True)
        try:
            await self._app(scope, receive, _unkept(send))
        finally:
            _seen.reset(seen)

    def _let_go(self, purged: frozenset[str]) -> None:
        if purged is not self._purged:
            for meeting in purged - self._purged:
                self._forget(meeting)
            self._purged = purged

    async def _may_see(self, scope: Scope) -> bool:
        path: str = scope["path"]
        meetings = self._house().meetings
        named = any(part in meetings and meetings[part].rehearsal for part in path.split("/"))
        if not named and not path.startswith(_FOR_STAFF):
            return False
        return await self._is_staff(Request(scope))


def staff_check(staff: api.Staff, office: Office | None) -> IsStaff:
    """Return what tells staff: by the bearer token, or by the cookie of a session of the house."""

    async def is_staff(request: Request) -> bool:
        if api.is_staff(request.headers, staff):
            return True
        return may(await house_session(request, office), "meeting.run", "")

    return is_staff


async def house_session(request: Request, office: Office | None) -> Capability | None:
    """Return what the bearer of the house's session cookie may do; None without one that is good."""
    session = request.cookies.get(cookie_name(request, ""), "")
    if not session or office is None:
        return None
    try:
        return await office.capability(session)
    except HearingError:  # a strange cookie, or a log that is away for a moment: not staff just now
        return None


def _unkept(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Cache-Control"] = "no-store"
        await send(message)

    return sent
