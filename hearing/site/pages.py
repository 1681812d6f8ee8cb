"""The pages: home, and one meeting live or closed. All of them are whole without script."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import turns
from hearing.board.base import Board
from hearing.meeting import House, Meeting
from hearing.site import asked, correcting, endless, exporting, passage, show, speaking, wire
from hearing.site.dialogue import Rooms
from hearing.site.feed import Source, parse_cursor
from hearing.site.folds import Fold, Folds
from hearing.site.i18n import Words
from hearing.site.look import Look
from hearing.site.scriptwords import CAPTIONS, MARKS, STATES, script_words, sign_of
from hearing.site.session import NO_STORE
from hearing.transcript import Transcript

Media = Callable[[str], Awaitable[Sequence[show.Track]]]


class Site(msgspec.Struct, frozen=True):
    """What pages are made from. `media` tells what was recorded of a meeting; `rooms` has the questions about it."""

    look: Look
    folds: Folds
    board: Board
    source: Source
    house: Callable[[], House]
    media: Media
    rooms: Rooms | None = None


def routes(site: Site) -> list[Route]:
    """Serve the pages."""

    async def home(request: Request) -> Response:
        meetings = [Listed(meeting, await site.folds.glance(meeting.id)) for meeting in _known(site)]
        return site.look.page(request, "home.html", by_phase(meetings) | {"signs": STATES})

    async def meeting(request: Request) -> Response:
        return await _meeting(site, request)

    async def text(request: Request) -> Response:
        found = site.house().meeting(request.path_params["meeting"])
        choice = show.choose(found, request.query_params, [], site.look.words(request).language)
        cursor = parse_cursor(request.query_params.get("after", ""))
        return endless.answer(site.look, site.source, request, (found, choice.channel), cursor)

    async def one_passage(request: Request) -> Response:
        found = site.house().meeting(request.path_params["meeting"])
        tracks = await site.media(found.id)
        fold = await site.folds.of(found.id)
        editing = await correcting.offered(site.rooms, request, found, fold) if site.rooms else None
        return await passage.page(site.look, request, found, fold, tracks, editing=editing)

    return [
        Route("/", home),
        Route("/m/{meeting}", meeting),
        Route("/m/{meeting}/text", text),
        Route("/m/{meeting}/{channel}/{segment}", one_passage),
    ]


class Listed(msgspec.Struct, frozen=True):
    """A meeting in a list, with what the stream says of it."""

    meeting: Meeting
    transcript: Transcript

    @property
    def minutes(self) -> int:
        """How long it was, rounded."""
        return max(1, round(show.duration_ms(self.transcript) / 60_000))

    @property
    def day_ms(self) -> int:
        """The instant under which it is listed."""
        created = self.meeting.created
        return self.transcript.media_zero_utc_ms or self.meeting.opened_ms or created.starts_ms or created.created_ms

    @property
    def since_ms(self) -> int:
        """The instant since which it is in its state."""
        return self.day_ms + self.transcript.state_t

    @property
    def state(self) -> str:
        """The state as its page names it."""
        return state_of(self.meeting, self.transcript)


def state_of(meeting: Meeting, transcript: Transcript) -> str:
    """Name the state of a meeting: the house knows of planned and closed, the stream of the rest."""
    return {"planned": "planned", "closed": "closed"}.get(meeting.phase, sign_of(transcript.state, transcript.reason))


def _known(site: Site) -> list[Meeting]:
    return list(site.house().meetings.values())


def by_phase(meetings: list[Listed]) -> dict[str, Any]:
    """Return the meetings that are on, that come and that are over, each in the order they are of use."""
    coming = [one for one in meetings if one.meeting.phase == "planned"]
    past = [one for one in meetings if one.meeting.phase == "closed"]
    return {
        "now": [one for one in meetings if one.meeting.phase == "open"],
        "coming": sorted(coming, key=lambda one: one.meeting.created.starts_ms or 0),
        "past": sorted(past, key=lambda one: -(one.meeting.closed_ms or 0)),
    }


async def _meeting(site: Site, request: Request) -> Response:
    meeting = site.house().meeting(request.path_params["meeting"])
    words = site.look.words(request)
    captions = await wire.captions_now(site.board, meeting)
    tracks = await site.media(meeting.id)
    offered = show.modes(tracks, request.query_params.get("hear") or request.query_params.get("channel") or "")
    choice = show.choose(meeting, request.query_params, offered, words.language)
    shown = _shown(site, meeting, await site.folds.of(meeting.id), choice, words)
    shown |= {"modes": offered, "captions": captions, "lean": request.headers.get("Save-Data", "").lower() == "on"}
    shown["asked"] = await asked.on_page(site.rooms, meeting) if site.rooms else None
    shown["speakers"] = panel = await speaking.panel(site.rooms, request, meeting) if site.rooms else None
    return site.look.page(request, "meeting.html", shown, headers=NO_STORE if panel else None)


def _shown(site: Site, meeting: Meeting, fold: Fold, choice: show.Choice, words: Words) -> dict[str, Any]:
    transcript = fold.transcript
    zero = transcript.media_zero_utc_ms
    return {
        "meeting": meeting,
        "created": meeting.created,
        "state": state_of(meeting, transcript),
        "choice": choice,
        "text": show.text(transcript, choice),
        "cursor": fold.cursor,
        "zero": zero,
        "signs": STATES,
        "marks": MARKS,
        "since": None if zero is None else zero + transcript.state_t,
        "end_t": show.duration_ms(transcript),
        "from_t": choice.from_t,
        "from_clock": show.clock(zero, choice.from_t or 0),
        "exports": exporting.KINDS,
        "first_run_t": transcript.runs[0].t if transcript.runs else 0,
        "caption_words": CAPTIONS,
        "script_words": script_words(words),
        "has_player": site.look.web.has_player,
        "turns": _turns(transcript),
        "lag_ms": 0 if choice.channel.kind == "floor" else turns.LAG_MS,
    }


def _turns(said: Transcript) -> str:
    """Return the turns as JSON."""
    held = [wire.SpeakerTurn.of(turn) for turn in turns.ordered(said.turns)]
    return msgspec.json.encode(held).decode()
