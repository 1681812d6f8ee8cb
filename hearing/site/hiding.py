"""What is being said, for those who may hide it: the newest segments of a channel, and one key for what was just said.

Plain forms; web/src/said.js reads on, and saves the reloads.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing import hidden, transcript
from hearing.access import Capability
from hearing.desk_events import PassageActed
from hearing.errors import NotFound
from hearing.events import PassageHidden
from hearing.house_events import Channel
from hearing.meeting import Meeting
from hearing.site import session, show
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.folds import Fold
from hearing.site.forms import Form, read_form
from hearing.site.session import NO_STORE
from hearing.transcript import Transcript

_KEPT = ("state", "language", "kind", "block", "q", "skip", "item", "channel", "meeting", "all", "l")


class Just(msgspec.Struct, frozen=True):
    """What the form that hides what was just said carries. `passage` names it before it is sent: twice is once."""

    meeting: str
    channel: str
    passage: str


class Told(msgspec.Struct, frozen=True):
    """A hidden passage as the desk lists it, without a word of it. `act` says who hid it, where that is known."""

    id: str
    start: str
    end: str
    act: PassageActed | None


def routes(rooms: Rooms) -> list[Route]:
    """Serve the page. Every route asks for the capability first."""

    async def said(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "passage.hide")
        return await _page(rooms, request, found, who)

    async def act(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "passage.hide")
        form = await read_form(request)
        meeting = found.named(form.one("meeting"))
        if form.one("act") == "show":
            position = await rooms.office.passages.show(who, found.id, meeting.id, form.one("passage"))
        else:
            fold = await rooms.folds.of(meeting.id)
            passage = _passage(form, meeting, fold.transcript, rooms.office.passages.now_ms())
            position = await rooms.office.passages.hide(who, found.id, meeting.id, passage)
        await rooms.folds.past(meeting.id, position)
        return _back(request, found, who, form.one("act"))

    return [Route("/d/{dialogue}/said", said), Route("/d/{dialogue}/said", act, methods=["POST"])]


def just(rooms: Rooms, request: Request, found: Dialogue) -> Just | None:
    """Return what a page needs that offers the one key; None where nothing is being said."""
    if found.meeting.phase != "open":
        return None
    choice = show.choose(found.meeting, {}, [], rooms.look.words(request).language)
    return Just(found.meeting.id, choice.channel.id, secrets.token_hex(8))


def now_t(said: Transcript, now_ms: int) -> int:
    """Return the media time of now: by the clock while it is live, where it stopped otherwise."""
    heard = show.duration_ms(said)
    if said.state != "live" or said.media_zero_utc_ms is None:
        return heard
    return max(heard, now_ms - said.media_zero_utc_ms)


def _passage(form: Form, meeting: Meeting, said: Transcript, now_ms: int) -> PassageHidden:
    """Return the passage that a form asks to hide. Raises NotFound."""
    now = now_t(said, now_ms)
    if form.one("act") == "just":
        channel = meeting.channel(form.one("channel"))
        t0, t1 = hidden.just_said(now, said.channel(channel.id).through_t, floor=_is_floor(channel))
        return PassageHidden(form.one("passage"), t0, t1)
    channel = meeting.channel(form.one("segment").rpartition(".")[0])
    spoken = said.channel(channel.id)
    segment = transcript.find(spoken, form.one("segment"))
    if segment is None:
        raise NotFound("There is no such segment. Open the page again.")
    t0, t1 = hidden.around(spoken, segment, now, floor=_is_floor(channel))
    return PassageHidden(_id(meeting.id, segment.id), t0, t1)


def _id(meeting: str, segment: str) -> str:
    """Name the passage around a segment: two who hide it hide it once."""
    return hashlib.sha256(f"{meeting} {segment}".encode()).hexdigest()[:16]


def _is_floor(channel: Channel) -> bool:
    return channel.kind == "floor"


def _back(request: Request, found: Dialogue, who: Capability, act: str) -> Response:
    """Go back to the page that sent the form, as it stood."""
    query = request.query_params
    page = query.get("back", "")
    page = page if page in session.pages(who, found.id) else "said"
    kept = {name: query[name][:200] for name in _KEPT if query.get(name)} | {"hid": "no" if act == "show" else "yes"}
    address = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept.items())
    return RedirectResponse(f"{found.path(page)}?{address}", 303, NO_STORE)


async def _page(rooms: Rooms, request: Request, found: Dialogue, who: Capability) -> Response:
    query = request.query_params
    meeting = found.named(query.get("meeting", ""))
    asked = {name: query[name] for name in ("channel", "all") if name in query}
    choice = show.choose(meeting, asked, [], rooms.look.words(request).language)
    acts = await rooms.office.passages.acts(who, found.id)
    fold = await rooms.folds.of(meeting.id)
    text = show.text(fold.transcript, choice)
    offered = just(rooms, request, found) if meeting.id == found.meeting.id else None
    shown: dict[str, Any] = {
        "dialogue": found,
        "who": who,
        "desk_pages": session.pages(who, found.id),
        "meeting": meeting,
        "meetings": [one for one in found.meetings if one.phase != "planned"],
        "choice": choice,
        "lines": list(reversed(_once(text.lines))),
        "earlier": text.earlier,
        "told": [_told(fold, passage, acts) for passage in reversed(fold.hidden.passages.values())],
        "just": offered and msgspec.structs.replace(offered, channel=choice.channel.id),
        "cursor": fold.cursor,
        "hid": query.get("hid", ""),
    }
    return rooms.look.page(request, "said.html", shown, headers=NO_STORE)


def _once(lines: Iterable[show.Line]) -> list[show.Line]:
    """Leave one tombstone where several follow each other."""
    kept: list[show.Line] = []
    for line in lines:
        if not (line.hidden and kept and kept[-1].hidden):
            kept.append(line)
    return kept


def _told(fold: Fold, passage: hidden.Passage, acts: Mapping[str, PassageActed]) -> Told:
    zero = fold.transcript.media_zero_utc_ms
    return Told(passage.id, show.clock(zero, passage.t0), show.clock(zero, passage.t1), acts.get(passage.id))
