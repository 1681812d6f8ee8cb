"""A captioner's page: hear a channel, type what is said, see what readers see, and mend the last lines.

Plain forms, a line a post; web/src/captioner.js sends as one types. A line carries its name, so that it counts once
however often it is sent.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing.access import Capability, captions
from hearing.archive.record import clean
from hearing.correcting import Result, Wanted
from hearing.errors import Conflict, Forbidden, HearingError, NotFound, Refused
from hearing.house_events import Channel
from hearing.lang import join
from hearing.meeting import Meeting
from hearing.site import faults, session, show
from hearing.site.acting import read_version
from hearing.site.correcting import TROUBLES
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.folds import Fold
from hearing.site.forms import Form, read_form
from hearing.site.look import Link
from hearing.site.scriptwords import MARKS, t
from hearing.site.session import NO_STORE
from hearing.transcribe.carried import Carried
from hearing.transcribe.typed import MAX_LINE, Line
from hearing.transcript import Segment

SHOWN = 12
"""So many of the newest passages are shown; of these, those that were typed can be mended."""

_MOST_LAG_S = 60
_NAME = re.compile(r"[0-9a-f]{16}")
_REASON = t("Mended by the captioner while the meeting was on")
_NOT_ON = t("This was not taken: the meeting is not on, or nothing is heard of it yet. What you typed is below.")
_NOT_TAKEN = t("This was not taken. What you typed is below; send it again.")


class Place(msgspec.Struct, frozen=True):
    """Where somebody captions: a channel of a meeting of their dialogue."""

    dialogue: Dialogue
    who: Capability
    meeting: Meeting
    channel: Channel

    @property
    def query(self) -> dict[str, str]:
        """What leads back to it."""
        return {"meeting": self.meeting.id, "channel": self.channel.id}


class Shown(msgspec.Struct, frozen=True):
    """A passage as readers see it; `edition` where it can be mended here."""

    id: str
    clock: str
    text: str
    language: str
    mark: str
    hidden: bool
    edition: int | None = None


class Answer(msgspec.Struct, frozen=True):
    """What the page says beside the channel: what was not done, and what was typed and not taken."""

    trouble: str = ""
    text: str = ""
    line: str = ""
    language: str = ""
    mended: str = ""
    status: int = 200


def routes(rooms: Rooms) -> list[Route]:
    """Serve the page. It asks for the capability first."""

    async def caption(request: Request) -> Response:
        return await _page(rooms, request, await _place(rooms, request, request.query_params), Answer())

    async def act(request: Request) -> Response:
        await session.allowed(rooms, request, "caption.write")
        form = await read_form(request)
        place = await _place(rooms, request, dict(form.fields))
        try:
            answer = await _acted(rooms, request, place, form)
        except HearingError as error:
            if isinstance(error, NotFound):
                raise
            trouble = _NOT_ON if isinstance(error, Conflict) else _NOT_TAKEN
            typed = (form.one("text"), form.one("line"), form.one("language"))
            answer = Answer(trouble, *typed, status=faults.status_of(error))
        if answer.trouble:
            return await _page(rooms, request, place, answer)
        lag = str(_lag_s(form)) if _lag_s(form) else None
        written = form.one("language") if form.one("language") in place.channel.languages else None
        here = Link(request).to(place.dialogue.path("caption"), **place.query, lag=lag, language=written)
        return RedirectResponse(here, 303, NO_STORE)

    path = "/d/{dialogue}/caption"
    return [Route(path, caption), Route(path, act, methods=["POST"])]


async def _place(rooms: Rooms, request: Request, asked: Mapping[str, str]) -> Place:
    """Return where somebody captions. Raises Forbidden for a channel that their invitation is not to."""
    found, who = await session.allowed(rooms, request, "caption.write")
    meeting = found.named(asked.get("meeting", "") or who.meeting)
    offered = [one for one in meeting.created.channels if captions(who, meeting.id, one.id)]
    if not offered:
        raise Forbidden("Your invitation is to another meeting. Ask the secretariat for one to this.")
    channel = meeting.channel(asked.get("channel", "") or offered[0].id)
    if channel not in offered:
        raise Forbidden("Your invitation is to another channel. Ask the secretariat for one to this.")
    return Place(found, who, meeting, channel)


async def _acted(rooms: Rooms, request: Request, place: Place, form: Form) -> Answer:
    dispatch = rooms.dispatch
    if dispatch is None:
        raise Conflict("Captions are not taken here.")
    act = form.one("act")
    if act == "mend":
        return await _mended(rooms, request, place, form)
    if act not in ("line", "take", "typing", "back"):
        raise NotFound("There is no such act.")
    carried = dispatch.carried(place.meeting.id, place.channel.id, planned=place.meeting.phase == "planned")
    if act == "line":
        await dispatch.captioners.type(carried, _line(form))
    elif act == "back":
        await dispatch.captioners.hand_back(carried)
    elif act == "take" or carried.hand.holds:
        await dispatch.captioners.take(carried)
    return Answer()


def _line(form: Form) -> Line:
    """Read a line. Raises Refused."""
    text, name = clean(form.one("text")), form.one("line")
    if not _NAME.fullmatch(name):
        raise Refused("Open the page again: this one is not whole.")
    if len(text) > MAX_LINE:
        raise Refused(f"A line has {MAX_LINE} characters at the most.")
    return Line(text, name=f"p:{name}", lag_ms=1000 * _lag_s(form), ends=True, language=form.one("language"))


def _lag_s(form: Form) -> int:
    text = form.one("lag")
    return min(_MOST_LAG_S, int(text)) if text.isascii() and text.isdigit() and len(text) <= 3 else 0


async def _mended(rooms: Rooms, request: Request, place: Place, form: Form) -> Answer:
    """Mend a line that was typed on this channel and is among the last."""
    wanted = Wanted(
        form.one("segment")[:64],
        read_version(form.one("version")),
        clean(form.one("text")),
        "corrected",
        str(rooms.look.words(request).t(_REASON).unescape()),
    )
    known = _last(await rooms.folds.of(place.meeting.id), place.channel)
    if not any(one.id == wanted.segment and one.by for one in known):
        return Answer(TROUBLES["gone"], mended=wanted.segment, status=400)
    decided, position = await rooms.office.corrections.make(
        place.who,
        place.meeting,
        [wanted],
        lambda at: rooms.folds.past(place.meeting.id, at),
        action="caption.write",
    )
    await rooms.folds.past(place.meeting.id, position)
    result: Result = decided.results[wanted.segment]
    if result in ("corrected", "stands", "same"):
        return Answer()
    return Answer(TROUBLES[result], mended=wanted.segment, status=409 if result == "overtaken" else 400)


def _last(fold: Fold, channel: Channel) -> list[Segment]:
    return fold.transcript.channel(channel.id).segments[-SHOWN:]


def _lines(place: Place, fold: Fold, *, rehearsed: bool) -> list[Shown]:
    """Return what is shown of the channel, the newest first.

    Of a rehearsal, which is the staff's alone, only what was typed; it is nobody's record, and nothing of it is mended.
    """
    segments = [one for one in reversed(_last(fold, place.channel)) if one.words and (one.by or not rehearsed)]
    zero = fold.transcript.media_zero_utc_ms
    return [_shown(one, place.channel, zero, mends=not rehearsed) for one in segments]


def _shown(segment: Segment, channel: Channel, zero: int | None, *, mends: bool) -> Shown:
    language = segment.spoken(channel.language)
    text = clean(join(segment.shown, language))
    mends = mends and bool(segment.by) and segment.closed and not segment.hidden and bool(segment.words)
    edition = segment.edition if mends else None
    clock = show.clock(zero, segment.span[0])
    return Shown(segment.id, clock, text, language, segment.mark, segment.hidden, edition)


def _chosen(place: Place, asked: str, fold: Fold) -> str:
    """Return the language that is typed: as chosen, else the last that was spoken."""
    said = [one.language for one in fold.transcript.channel(place.channel.id).segments[-1:]]
    return next((one for one in (asked, *said) if one in place.channel.languages), place.channel.language)


def _carried(rooms: Rooms, place: Place) -> Carried | None:
    if rooms.dispatch is None:
        return None
    try:
        return rooms.dispatch.carried(place.meeting.id, place.channel.id, planned=place.meeting.phase == "planned")
    except Conflict:
        return None


async def _page(rooms: Rooms, request: Request, place: Place, answer: Answer) -> Response:
    fold = await rooms.folds.of(place.meeting.id)
    carried = _carried(rooms, place)
    rehearsed = carried is not None and carried.meeting != place.meeting.id
    heard = await rooms.folds.of(carried.meeting) if carried and rehearsed else fold
    lag = request.query_params.get("lag", "")
    shown: dict[str, Any] = {
        "dialogue": place.dialogue,
        "who": place.who,
        "desk_pages": session.pages(place.who, place.dialogue.id),
        "meeting": place.meeting,
        "meetings": [one for one in place.dialogue.meetings if place.who.meeting in ("", one.id)],
        "channel": place.channel,
        "written": _chosen(place, answer.language or request.query_params.get("language", ""), heard),
        "channels": [one for one in place.meeting.created.channels if captions(place.who, place.meeting.id, one.id)],
        "writes": "nobody" if carried is None else "captioner" if carried.hand.holds else "machine",
        "silence": round(carried.hand.silence_s) if carried else 0,
        "rehearsed": rehearsed,
        "lines": _lines(place, heard, rehearsed=rehearsed),
        "marks": MARKS,
        "line": answer.line if _NAME.fullmatch(answer.line) else secrets.token_hex(8),
        "lag": lag if lag.isascii() and lag.isdigit() and len(lag) <= 2 else "0",
        "most_lag": _MOST_LAG_S,
        "most": MAX_LINE,
        "answer": answer,
        "cursor": fold.cursor,
        "sound": f"/listen/{quote(place.meeting.id)}/{quote(place.channel.id)}",
    }
    return rooms.look.page(request, "captioner.html", shown, status=answer.status, headers=NO_STORE)
