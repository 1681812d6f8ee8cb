"""What an edge answers itself: what is only read. Pages with a player, media, and whatever is sent go to the home.

A route that is not named here goes to the home, so that a new one cannot be forgotten. While the home is away, pages
for reading come from here without sound; the rest is refused with a sentence, never taken in and lost.
"""

import re
from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hearing.errors import Unavailable
from hearing.site import api, upstream

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HERE = re.compile(
    r"/|/search|/favicon\.ico|/static/.*|/m/[^/]+/(text|asked|[^/]+\.[a-z]+)|/api/openapi\.json|/api/search"
    r"|/api/meetings(/[^/]+(/(events|segments|export))?)?|/api/dialogues/[^/]+/public"
)
_MEDIA = re.compile(r"/(?:media|listen|m)/([^/]+)(?:/.*)?")
_WITHOUT_SOUND = re.compile(r"/m/[^/]+(/[^/]+/[^/]+)?")
_BY_THE_LOG = re.compile(r"/api/meetings/[^/]+/(open|close)")
"""What staff do that needs nothing but the log."""

_TRY_AGAIN = 1013  # RFC 6455, registered at IANA


class Edge:
    """Wraps the site of an edge. `home` tells where the home is reached, '' while it is away.

    `relayed` are the meetings that this edge relays meanwhile, None on one that never does.
    """

    def __init__(
        self,
        app: ASGIApp,
        home: Callable[[], str],
        relayed: Collection[str] | None,
        staff: api.Staff,
        refuse: Callable[[Request, Exception], Response],
    ) -> None:
        self._app = app
        self._home = home
        self._relayed = relayed
        self._staff = staff
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and self._relayed is None:
            await send({"type": "websocket.close", "code": _TRY_AGAIN, "reason": "Connect to the home."})
        elif scope["type"] != "http" or self._is_for_here(scope):
            await self._app(scope, receive, send)
        else:
            await self._pass_on(scope, receive, send)

    def _is_for_here(self, scope: Scope) -> bool:
        headers, path = Headers(scope=scope), scope["path"]
        ours = api.is_staff(headers, self._staff)
        if "authorization" in headers and not ours:
            return False
        if scope["method"] not in _READING:
            return ours and bool(_BY_THE_LOG.fullmatch(path))
        if (media := _MEDIA.fullmatch(path)) and media[1] in (self._relayed or ()):
            return not _holds_seat(headers)
        return bool(_HERE.fullmatch(path)) and not _holds_seat(headers)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def told(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            home = self._home()
            if not home or upstream.MARK in dict(scope["headers"]):
                raise upstream.unreached()
            await upstream.pass_on(home, scope, receive, told)
        except Unavailable as error:
            if began:
                raise
            if _can_be_read_here(scope):
                await self._app(_stranger(scope), receive, send)
            else:
                await self._refuse(Request(scope), error)(scope, receive, send)


def _can_be_read_here(scope: Scope) -> bool:
    path = scope["path"]
    if scope["method"] not in _READING or "authorization" in Headers(scope=scope):
        return False
    return bool(_HERE.fullmatch(path) or _WITHOUT_SOUND.fullmatch(path))


def _holds_seat(headers: Headers) -> bool:
    """Tell whether a browser has a seat at a desk: what its pages show more may need the vault."""
    names = cookie_parser(headers.get("cookie", ""))
    return any(name.removeprefix("__Host-").startswith("desk-") for name in names)


def _stranger(scope: Scope) -> Scope:
    """Return the request as of somebody without a seat."""
    return {**scope, "headers": [one for one in scope["headers"] if one[0].lower() != b"cookie"]}
