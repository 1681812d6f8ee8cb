"""Notices and calls for information: written at the desk in up to six languages, read on the live page and the wall."""

import re
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing import lang
from hearing.errors import HearingError, NotFound
from hearing.events import Wording
from hearing.site import faults, session
from hearing.site.asked import wording
from hearing.site.deskwords import VOCABULARY
from hearing.site.dialogue import Rooms
from hearing.site.forms import Form, read_form
from hearing.site.session import NO_STORE

_NOTICE = re.compile(r"[0-9a-f]{16}")


def routes(rooms: Rooms) -> list[Route]:
    """Serve the page of notices, for those who may write them."""

    async def notices(request: Request) -> Response:
        return await _page(rooms, request, Form(()))

    async def post(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "notice.write")
        form = await read_form(request)
        call = form.one("call") == "yes"
        try:
            await rooms.office.notices.post(who, found.id, read_wordings(form), call=call, notice=_carried(form))
        except HearingError as error:
            return await _page(rooms, request, form, faults.status_of(error))
        return _again(request, found.path("notices"))

    async def one(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "notice.write")
        form, notice = await read_form(request), request.path_params["notice"]
        if form.one("act") == "take-away":
            await rooms.office.notices.take_away(who, found.id, notice)
        elif form.one("act") == "close":
            await rooms.office.notices.close_call(who, found.id, notice)
        else:
            raise NotFound("There is no such act.")
        return _again(request, found.path("notices"))

    base = "/d/{dialogue}/notices"
    return [
        Route(base, notices),
        Route(base, post, methods=["POST"]),
        Route(base + "/{notice}", one, methods=["POST"]),
    ]


def read_wordings(form: Form) -> list[Wording]:
    """Read the wordings: one field per language, as many as were filled in."""
    texts = {code: form.one(f"text-{code}").replace("\r\n", "\n").strip() for code in lang.NAMES}
    return [Wording(code, text) for code, text in texts.items() if text]


def _carried(form: Form) -> str | None:
    """Return the id that the form brought for its notice, by which a second send is known."""
    return form.one("notice") if _NOTICE.fullmatch(form.one("notice")) else None


def _again(request: Request, path: str) -> Response:
    language = request.query_params.get("l")
    return RedirectResponse(f"{path}?l={language}" if language in lang.NAMES else path, 303, NO_STORE)


async def _page(rooms: Rooms, request: Request, form: Form, status: int = 200) -> Response:
    found, who = await session.allowed(rooms, request, "notice.write")
    used = status in (409, 410)
    fresh = (None if used else _carried(form)) or secrets.token_hex(8)
    shown: dict[str, Any] = {
        "dialogue": found,
        "who": who,
        "desk_pages": session.pages(who, found.id),
        "say": VOCABULARY,
        "notices": await rooms.office.notices.read(who, found.id),
        "form": form,
        "fresh": fresh,
        "wording": wording,
        "trouble": status != 200,
        "sent_before": used,
    }
    return rooms.look.page(request, "notices.html", shown, status=status, headers=NO_STORE)
