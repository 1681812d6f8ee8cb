"""What a page sends, read within bounds; and the check that no page of another site sends it."""

import asyncio
import unicodedata
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.requests import Request

from hearing.errors import Forbidden, Refused, Unavailable
from hearing.site.faults import TooLarge

MAX_FORM = 192 * 1024
"""8,000 characters of four bytes, each byte written as three, and room for the rest."""

_MAX_FIELDS = 600
_PATIENCE_S = 120.0
_FORM = "application/x-www-form-urlencoded"


class Form(msgspec.Struct, frozen=True):
    """The fields of a form, in the order they came; a name may come more than once."""

    fields: tuple[tuple[str, str], ...]

    def one(self, name: str, default: str = "") -> str:
        """Return the last value of a field."""
        return next((value for key, value in reversed(self.fields) if key == name), default)

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return [value for key, value in self.fields if key == name]


def clean(text: str) -> str:
    """Drop what is no text, as pasted pages hold it, so that nobody is refused for what they cannot see."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(" " if unicodedata.category(one) == "Cc" and one not in "\n\t" else one for one in text).strip()


async def read_form(request: Request) -> Form:
    """Read a form. Raises Refused, TooLarge."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refused("This is not what the form sends.")
    body = await read_body(request, MAX_FORM)
    try:
        pairs = parse_qsl(
            body.decode("ascii", "replace"), keep_blank_values=True, errors="replace", max_num_fields=_MAX_FIELDS
        )
    except ValueError as error:
        raise Refused("This is not what the form sends.") from error
    return Form(tuple(pairs))


async def read_body(request: Request, limit: int) -> bytes:
    """Read a body. Raises TooLarge past the limit without reading on, Unavailable for one that takes minutes."""
    body = b""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise TooLarge(f"A request may hold {limit} bytes at the most.")
    except TimeoutError:
        raise Unavailable("This took too long to arrive. Send it again: it counts once.") from None
    return body


def check_origin(headers: Mapping[str, str]) -> None:
    """Raise Forbidden where a browser says that a page of somebody else sends this.

    A browser that says nothing is let through: Tor Browser at its safest sends no Sec-Fetch-Site, and every browser
    sends `Origin: null` from a page that asks for no referrer, as ours do (Fetch, 3.2). What staff do needs their
    cookie besides, which no other site can make a browser send (SameSite=Strict).
    """
    site = headers.get("Sec-Fetch-Site", "")
    if site and site not in ("same-origin", "none"):
        raise Forbidden("This was sent by a page of another site. Open the page here and send it again.")
    origin = headers.get("Origin", "null")
    if origin != "null" and urlsplit(origin).netloc.lower() != headers.get("Host", "").lower():
        raise Forbidden("This was sent by a page of another site. Open the page here and send it again.")
