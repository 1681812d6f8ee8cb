"""What is answered when something is wrong: a page in the look, JSON under /api, plain text to captions' software."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hearing.errors import Conflict, Forbidden, Gone, HearingError, NotFound, Unauthorized, Unavailable
from hearing.site import answers
from hearing.site.look import Look

logger = logging.getLogger(__name__)

_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    410: "gone",
    413: "too-large",
}
_WAIT_S = {429: "1", 503: "5"}
"""When to try again, by status."""
_TEXTS = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "This is too large.",
}

PLAINLY = "/closedcaption"
"""Software that posts captions shows an answer from here as it comes."""

# The statuses that fault.html has words for.
_SAID = (401, 403, 404, 405, 409, 410, 413, 500, 503)


class TooLarge(HearingError):
    """The body is over its bound."""

    code = "too-large"


_STATUSES: tuple[tuple[type[HearingError], int], ...] = (
    (NotFound, 404),
    (Gone, 410),
    (TooLarge, 413),
    (Unauthorized, 401),
    (Forbidden, 403),
    (Conflict, 409),
    (Unavailable, 503),
)


def status_of(error: HearingError) -> int:
    """Return the HTTP status of an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)


def plainly(status: int, text: str, headers: Mapping[str, str]) -> Response:
    """Answer in plain text, and say when to try again where that may do."""
    wait = _WAIT_S.get(status)
    again = {"Retry-After": wait} if wait else {}
    return Response(f"{text}\n", status, {**headers, **again, "Cache-Control": "no-store"}, "text/plain")


class Faults:
    """Exception handlers for the site, which need its look."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def expected(self, request: Request, error: Exception) -> Response:
        """Answer an error of ours."""
        assert isinstance(error, HearingError)  # noqa: S101 - Starlette types every handler's error as Exception
        return self._answer(request, status_of(error), error.code, str(error))

    def http(self, request: Request, error: Exception) -> Response:
        """Answer what the router refused."""
        assert isinstance(error, HTTPException)  # noqa: S101 - as above
        code = _CODES.get(error.status_code, "refused")
        text = _TEXTS.get(error.status_code, "This was not understood.")
        return self._answer(request, error.status_code, code, text, dict(error.headers or {}))

    def bug(self, request: Request, error: Exception) -> Response:
        """Answer a bug; the log tells which, without what was asked."""
        logger.error("bug kind=%s", type(error).__name__)
        return self._answer(request, 500, "bug", "Something broke here. It is not your fault; try again in a minute.")

    def _answer(
        self, request: Request, status: int, code: str, text: str, headers: dict[str, str] | None = None
    ) -> Response:
        headers = dict(headers or {})
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if status == 503:
            headers["Retry-After"] = _WAIT_S[status]
        path = request.url.path
        if path == PLAINLY or path.startswith(f"{PLAINLY}/"):
            return plainly(status, text, headers)
        if not path.startswith("/api/"):
            return self._page(request, status, headers)
        body = msgspec.json.encode(answers.Fault(code, text))
        return Response(body, status, headers, "application/json")

    def _page(self, request: Request, status: int, headers: dict[str, str]) -> Response:
        shown = status if status in _SAID else 400
        return self._look.page(request, "fault.html", {"status": shown}, status=HTTPStatus(status), headers=headers)
