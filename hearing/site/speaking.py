"""Who speaks, set live by one key: the names with their numbers, the turns to mend, and the list of names to write.

Plain forms; web/src/speakers.js saves the reloads. The panel with the names stands on the live page too, for those who
may set a turn.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing import glossary, lang, names, turns
from hearing.access import Capability
from hearing.errors import Conflict, HearingError, NotFound, Refused
from hearing.events import Side
from hearing.glossary import Glossary
from hearing.meeting import Meeting
from hearing.names import Name, Unreadable
from hearing.qa.lists import Kept
from hearing.site import dialogue, faults, geneva, session, show
from hearing.site.acting import read_version
from hearing.site.deskwords import SIDES
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.forms import Form, read_form
from hearing.site.hiding import now_t
from hearing.site.i18n import Words
from hearing.site.session import NO_STORE
from hearing.transcript import Transcript
from hearing.turns import REACTION_MS, Turn

_SHOWN = 30
_KEYS = 9
_TIME = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})")
_LATE_MS = 60_000
_DAY_MS = 24 * 3_600_000


class Untimely(Refused):
    """A time that is none, or has not come yet."""


class Choice(msgspec.Struct, frozen=True):
    """Somebody to choose: by `key`, where there is one. `line` is what the button sends."""

    key: str
    name: Name
    line: str
    speaks: bool


class Row(msgspec.Struct, frozen=True):
    """A turn in the list, with the version that is seen; `line` is how its person is written."""

    turn: Turn
    version: int
    clock: str
    line: str


class Panel(msgspec.Struct, frozen=True):
    """What one key needs: whom there is to choose, and who speaks now. `press` names the next turn before it is set."""

    meeting: str
    path: str
    press: str
    choices: tuple[Choice, ...]
    now: Row | None


def routes(rooms: Rooms) -> list[Route]:
    """Serve the page. Every route asks for the capability first."""

    async def speakers(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "turn.set")
        return await _page(rooms, request, found, who)

    async def act(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "turn.set")
        form = await read_form(request)
        meeting = found.named(form.one("meeting"))
        try:
            await _act(rooms, request, form, (found, who, meeting))
        except (Conflict, Unreadable, Untimely) as error:
            return await _page(rooms, request, found, who, form=form, trouble=error)
        return _back(request, found, meeting)

    path = "/d/{dialogue}/speakers"
    return [Route(path, speakers), Route(path, act, methods=["POST"])]


async def panel(rooms: Rooms, request: Request, meeting: Meeting) -> Panel | None:
    """Return the panel of an open meeting for who may set a turn in it; None for everybody else, and in a rehearsal."""
    dialogue_id = meeting.created.dialogue
    who = None if meeting.rehearsal else await session.capability_in(rooms, request, "turn.set", dialogue_id)
    if who is None or meeting.phase != "open":
        return None
    return await _panel(rooms, await dialogue.of(rooms, dialogue_id), who, meeting)


async def _panel(rooms: Rooms, found: Dialogue, who: Capability, meeting: Meeting) -> Panel:
    listed = (await rooms.office.names.read(who, found.id, meeting.id)).content
    said = (await rooms.folds.of(meeting.id)).transcript
    known = await rooms.office.speaking.known(who, found.id, meeting.id)
    held = turns.ordered(known.turns)
    now = held[-1] if held else None
    choices = [
        Choice(str(n) if n <= _KEYS else "", one, str(one), now is not None and _name(now) == one)
        for n, one in enumerate(listed, 1)
    ]
    row = Row(now, known.versions[now.id], _clock(said, now), "") if now else None
    return Panel(meeting.id, found.path("speakers"), secrets.token_hex(8), tuple(choices), row)


async def _act(rooms: Rooms, request: Request, form: Form, where: tuple[Dialogue, Capability, Meeting]) -> None:
    found, who, meeting = where
    speaking, at = rooms.office.speaking, (who, found.id, meeting.id)
    called = _called(rooms.look.words(request))
    said = (await rooms.folds.of(meeting.id)).transcript
    now = now_t(said, rooms.now_ms()) if meeting.phase == "open" else show.duration_ms(said)
    match form.one("act"):
        case "begin":
            name = _read(form.one("who"), {})
            turn = _turn(_id(meeting.id, form.one("press"), str(name)), _just(form, now), name)
            position = await speaking.begin(*at, turn)
        case "add":
            name, t = _read(form.one("who"), called), _time(form.one("time"), said, now)
            turn = _turn(_id(meeting.id, form.one("press"), f"{name} {t}"), t, name)
            position = await speaking.begin(*at, turn)
        case "change":
            seen = (await speaking.known(*at)).turns.get(form.one("turn"))
            same = seen is not None and form.one("time") == _clock(said, seen)
            t = seen.t if seen and same else _time(form.one("time"), said, now)
            turn = _turn(form.one("turn"), t, _read(form.one("who"), called))
            position = await speaking.change(*at, turn, read_version(form.one("version")))
        case "remove":
            position = await speaking.remove(*at, form.one("turn"), read_version(form.one("version")))
        case "names":
            listed = names.parse(form.one("names"), called)
            await rooms.office.names.write(*at, listed, read_version(form.one("version")))
            return
        case "glossary":
            wanted = Glossary(glossary.parse(form.one("terms")), form.one("with-names") == "yes")
            await rooms.office.glossaries.write(*at, wanted, read_version(form.one("version")))
            return
        case _:
            raise NotFound("There is no such act.")
    await rooms.folds.past(meeting.id, position)


def _just(form: Form, now: int) -> int:
    """Return when who is named began to speak: a little before the key was pressed, as whoever pressed it heard it."""
    heard = _whole(form.one("t"))
    ago = min(_whole(form.one("ago")) or 0, _LATE_MS)
    return max(0, (now - ago if heard is None else min(heard, now)) - REACTION_MS)


def _time(given: str, said: Transcript, now: int) -> int:
    """Read a time of day in Geneva, or media time while no clock has started. Raises Untimely."""
    match = _TIME.fullmatch(given.strip())
    if match is None:
        raise Untimely("A time is written as in 10:15:30.")
    hours, minutes, seconds = map(int, match.groups())
    t = ((hours * 60 + minutes) * 60 + seconds) * 1000
    zero = said.media_zero_utc_ms
    if zero is not None:
        began = geneva.at(zero)
        t -= (began - began.replace(hour=0, minute=0, second=0, microsecond=0)) // timedelta(milliseconds=1)
        t += _DAY_MS if t <= -1000 else 0
    if t > now:
        raise Untimely("This time has not come yet in the meeting.")
    return max(0, t)


def _read(line: str, called: Mapping[str, Side]) -> Name | None:
    """Read who speaks; an empty line: nobody who is known. Raises Unreadable."""
    return names.read(line, called) if line.strip() else None


def _turn(turn: str, t: int, name: Name | None) -> Turn:
    return Turn(turn, t, name.name, name.title, name.side) if name else Turn(turn, t)


def _name(turn: Turn) -> Name:
    return Name(turn.name, turn.title, turn.side)


def _id(meeting: str, press: str, what: str) -> str:
    """Name a turn: the same form sent twice sets it once, and another choice on a page gone back to is another one."""
    return hashlib.sha256(f"{meeting} {press} {what}".encode()).hexdigest()[:16]


def _clock(said: Transcript, turn: Turn) -> str:
    return show.clock(said.media_zero_utc_ms, turn.t)


def _called(words: Words) -> dict[str, Side]:
    """Return the words for sides in the language of the page."""
    return {words.plain(said).casefold(): side for side, said in SIDES.items()}


def _whole(given: str) -> int | None:
    return int(given) if given and len(given) <= 9 and given.isascii() and given.isdigit() else None


def _back(request: Request, found: Dialogue, meeting: Meeting) -> Response:
    """Go back to the page that sent the form: the meeting's own, or this one."""
    query = request.query_params
    kept = {"l": query["l"]} if query.get("l") in lang.NAMES else {}
    if query.get("back") == "live":
        kept |= {name: query[name][:80] for name in ("channel", "mode", "hear") if query.get(name)}
        path = f"/m/{quote(meeting.id, safe='')}"
    else:
        kept |= {"meeting": meeting.id} if meeting.id != found.meeting.id else {}
        path = found.path("speakers")
    address = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept.items())
    return RedirectResponse(f"{path}?{address}" if address else path, 303, NO_STORE)


async def _page(
    rooms: Rooms,
    request: Request,
    found: Dialogue,
    who: Capability,
    *,
    form: Form | None = None,
    trouble: HearingError | None = None,
) -> Response:
    asked = form.one("meeting") if form else request.query_params.get("meeting", "")
    meeting = found.named(asked)
    words = rooms.look.words(request)
    said = (await rooms.folds.of(meeting.id)).transcript
    listed = await rooms.office.names.read(who, found.id, meeting.id)
    written_now = await rooms.office.glossaries.read(who, found.id, meeting.id)
    known = await rooms.office.speaking.known(who, found.id, meeting.id)
    sides = {side: words.plain(word) for side, word in SIDES.items()}
    rows = [
        Row(turn, known.versions[turn.id], _clock(said, turn), names.line(_name(turn), sides))
        for turn in reversed(turns.ordered(known.turns))
    ]
    written = names.write(listed.content, sides)
    typed = form.one("names") if form and trouble and form.one("act") == "names" else written
    shown: dict[str, Any] = {
        "dialogue": found,
        "who": who,
        "desk_pages": session.pages(who, found.id),
        "meeting": meeting,
        "meetings": found.meetings,
        "speakers": await _panel(rooms, found, who, meeting) if meeting.phase == "open" else None,
        "rows": rows if "all" in request.query_params else rows[:_SHOWN],
        "earlier": 0 if "all" in request.query_params else max(0, len(rows) - _SHOWN),
        "listed": listed,
        "glossary": written_now,
        "terms": _terms(form if trouble else None, written_now),
        "lines": [names.line(one, sides) for one in listed.content],
        "typed": typed,
        "sides": sides,
        "cursor": (await rooms.folds.of(meeting.id)).cursor,
        "press": secrets.token_hex(8),
        "trouble": _trouble(trouble),
        "wrong_line": trouble.number if isinstance(trouble, Unreadable) else 0,
    }
    status = faults.status_of(trouble) if trouble else 200
    return rooms.look.page(request, "speakers.html", shown, status=status, headers=NO_STORE)


def _terms(refused: Form | None, written: Kept[Glossary]) -> str:
    """Return what stands in the field: what was typed, where it was not taken."""
    if refused is not None and refused.one("act") == "glossary":
        return refused.one("terms")
    return glossary.write(written.content.terms)


def _trouble(error: HearingError | None) -> str:
    match error:
        case None:
            return ""
        case Conflict():
            return "stale"
        case Untimely():
            return "time"
        case Unreadable(number=0):
            return "list"
        case _:
            return "line"
