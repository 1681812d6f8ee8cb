"""Refuses what a page of another site makes a browser send, before any route sees it: pure ASGI."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hearing.errors import Forbidden
from hearing.site.forms import check_origin

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class SameOrigin:
    """Wraps an app, so that no route that changes something can forget the check. `refuse` makes the answer."""

    def __init__(self, app: ASGIApp, refuse: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _READING:
            try:
                check_origin(Headers(scope=scope))
            except Forbidden as error:
                await self._refuse(Request(scope), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)
