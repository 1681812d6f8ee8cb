"""Saying that one wants the answer to a published question too: one button, one cookie, and only where it is offered.

The cookie holds a random voice and nothing else; it is set when the button is pressed, never before. Confidential
dialogues do not have the button, and so no cookie.
"""

import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing import lang
from hearing.site import dialogue, session
from hearing.site.dialogue import Rooms
from hearing.site.forms import read_form
from hearing.site.session import NO_STORE

_LIFETIME_S = 60 * 24 * 3600


def routes(rooms: Rooms) -> list[Route]:
    """Serve the button."""

    async def support(request: Request) -> Response:
        found = await dialogue.find(rooms, request)
        form = await read_form(request)
        cookie = session.cookie_name(request, found.id, "voice")
        voice = request.cookies.get(cookie) or secrets.token_urlsafe(32)
        await rooms.office.support(found.id, form.one("question"), voice)
        meeting = rooms.house().meeting(form.one("meeting"))
        language = request.query_params.get("l")
        query = f"?l={language}" if language in lang.NAMES else ""
        answer = RedirectResponse(f"/m/{meeting.id}{query}#asked", 303, NO_STORE)
        session.keep(request, answer, cookie, voice, _LIFETIME_S)
        return answer

    return [Route("/d/{dialogue}/support", support, methods=["POST"])]
