"""What members read of what was passed on to them, as a page that prints as a brief; and the chair's own screen."""

from itertools import groupby
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import agenda
from hearing.access import may
from hearing.site import hiding, session, wire
from hearing.site.asked import wording
from hearing.site.deskwords import VOCABULARY
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.scriptwords import CAPTIONS, STATES
from hearing.site.session import NO_STORE


def routes(rooms: Rooms) -> list[Route]:
    """Serve both; each asks for its capability first."""

    async def member(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "route.read")
        order = {block: number for number, block in enumerate(["", *found.blocks])}
        routed = sorted(await rooms.office.routed(who, found.id), key=lambda one: order.get(one.block, len(order)))
        shown: dict[str, Any] = {
            "dialogue": found,
            "who": who,
            "desk_pages": session.pages(who, found.id),
            "say": VOCABULARY,
            "count": len(routed),
            "parts": [(block, list(items)) for block, items in groupby(routed, key=lambda one: one.block)],
        }
        return rooms.look.page(request, "member.html", shown, headers=NO_STORE)

    async def chair(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "chair.read")
        shown = await _room(rooms, found) | {"who": who, "desk_pages": session.pages(who, found.id)}
        shown["just"] = hiding.just(rooms, request, found) if may(who, "passage.hide", found.id) else None
        shown["hid"] = request.query_params.get("hid", "")
        return rooms.look.page(request, "chair.html", shown, headers=NO_STORE)

    return [Route("/d/{dialogue}/member", member), Route("/d/{dialogue}/chair", chair)]


async def _room(rooms: Rooms, found: Dialogue) -> dict[str, Any]:
    public = await rooms.office.published(found.id)
    fold = await rooms.folds.of(found.meeting.id)
    transcript = fold.transcript
    phase = found.meeting.phase
    meeting = found.meeting
    left_ms = agenda.left_ms(meeting, rooms.now_ms())
    return {
        "dialogue": found,
        "block": meeting.current_block if phase == "open" else None,
        "block_began_ms": meeting.block_began_ms,
        "left_ms": left_ms,
        "left": None if left_ms is None else agenda.minutes_left(left_ms),
        "next": agenda.following(meeting),
        "say": VOCABULARY,
        "public": public,
        "by_turn": public.by_turn(),
        "stream_state": transcript.state if phase == "open" else phase,
        "zero": transcript.media_zero_utc_ms,
        "signs": STATES,
        "captions": await wire.captions_now(rooms.board, found.meeting),
        "caption_words": CAPTIONS,
        "wording": wording,
    }
