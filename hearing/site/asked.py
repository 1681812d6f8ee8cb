"""What everybody sees of questions and notices: on the live page, on the wall of the room, and as JSON."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing.events import Wording
from hearing.meeting import Meeting
from hearing.qa.shown import PublicQuestion, Shown
from hearing.site import dialogue, digest
from hearing.site.deskwords import VOCABULARY
from hearing.site.dialogue import Dialogue, Rooms

_NEWEST_NOTICES = 6


class Asked(msgspec.Struct, frozen=True):
    """What stands on a meeting's page."""

    meeting: str
    dialogue: Dialogue
    public: Shown
    say: Any = VOCABULARY

    @property
    def questions(self) -> list[PublicQuestion]:
        """What is published, as it is of use to readers: now, next, then the newest; answered ones last."""
        turns = ("now", "next", "queued")
        newest = list(reversed(self.public.questions))
        return sorted(newest, key=lambda one: (one.answer is not None, turns.index(one.turn)))

    def wording(self, texts: Sequence[Wording], language: str) -> Wording:
        """Choose a notice's wording for a reader."""
        return wording(texts, language)


def routes(rooms: Rooms) -> list[Route]:
    """Serve what is public."""

    async def fragment(request: Request) -> Response:
        meeting = rooms.house().meeting(request.path_params["meeting"])
        html = rooms.look.render(request, "asked.html", {"asked": await on_page(rooms, meeting)})
        html += rooms.look.render(request, "agenda.html", {"meeting": meeting})
        return digest.answer(request, html.encode(), "text/html; charset=utf-8")

    async def wall(request: Request) -> Response:
        found = await dialogue.find(rooms, request)
        public = await rooms.office.published(found.id)
        by_turn = (public if found.rules.publishes else Shown()).by_turn()
        shown = {
            "dialogue": found,
            "say": VOCABULARY,
            "notices": public.notices[-_NEWEST_NOTICES:],
            "by_turn": by_turn,
            "wording": wording,
        }
        return rooms.look.page(request, "wall.html", shown)

    async def public(request: Request) -> Response:
        found = await dialogue.find(rooms, request)
        return digest.answer(request, msgspec.json.encode(await rooms.office.published(found.id)), "application/json")

    return [
        Route("/m/{meeting}/asked", fragment),
        Route("/d/{dialogue}/wall", wall),
        Route("/api/dialogues/{dialogue}/public", public),
    ]


async def on_page(rooms: Rooms, meeting: Meeting) -> Asked:
    """Return what stands on a meeting's page."""
    found = await dialogue.of(rooms, meeting.created.dialogue)
    return Asked(meeting.id, found, await rooms.office.published(found.id))


def wording(texts: Sequence[Wording], language: str) -> Wording:
    """Choose the wording a reader understands: theirs, else English, else the first."""
    by_language = {one.language: one for one in texts}
    return by_language.get(language) or by_language.get("en") or texts[0]
