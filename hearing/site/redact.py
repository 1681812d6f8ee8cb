"""Staff take words out of the record: choose a passage, choose the words on every channel, see what goes, and say so.

Plain forms. What is chosen stands in the address, so that a second look costs nothing; only the last form does it.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing.access import Capability
from hearing.desk_events import PassageActed
from hearing.errors import HearingError
from hearing.events import Basis, Cut
from hearing.lang import join
from hearing.meeting import Meeting
from hearing.redaction import LEAST_MARGIN_MS, Account, Wanted
from hearing.site import chosen, exporting, faults, session, show
from hearing.site.chosen import Asked, Trace
from hearing.site.dialogue import Rooms
from hearing.site.forms import read_form
from hearing.site.i18n import Words
from hearing.site.look import Link
from hearing.site.passage import BASES
from hearing.site.redactions import AskedCut, RedactionAnswer, listed
from hearing.site.scriptwords import MARKS
from hearing.site.session import NO_STORE
from hearing.site.show import Choice, Line

MARGINS = (LEAST_MARGIN_MS, 500, 1000)
_SHOWN = 60
_DONE = 303


By = tuple[Capability, Mapping[str, PassageActed]]
"""Who looks, and who asked for which redaction on this page."""


class Done(msgspec.Struct, frozen=True):
    """A redaction in the list, without a word of it. `by` is `you`, `staff`, or empty: not asked for on the page.

    `stuck` is what the disk would not let go; a name that is empty stands for the picture.
    """

    id: str
    basis: str
    at_ms: int
    ended: bool
    places: tuple[str, ...]
    by: str
    stuck: tuple[tuple[str, str], ...] = ()


def routes(rooms: Rooms) -> list[Route]:
    """Serve the page. Both routes ask for the capability first."""

    async def look(request: Request) -> Response:
        who, found = await _allowed(rooms, request)
        query = request.query_params
        account = await rooms.staff.account(found.id)
        if named := re.search(rf"/m/{re.escape(found.id)}/([a-z0-9-]+)/(\d+)", query.get("q", "")):
            return RedirectResponse(Link(request).to(_path(found), segment=".".join(named.groups())), _DONE, NO_STORE)
        if not query.get("segment"):
            acts = await rooms.office.passages.acts(who, found.created.dialogue)
            return _list(rooms, request, (who, acts), found, account)
        return _form(rooms, request, found, account, lambda name: query.get(name, ""))

    async def act(request: Request) -> Response:
        who, found = await _allowed(rooms, request)
        form = await read_form(request)
        account = await rooms.staff.account(found.id)
        repeated = form.one("redaction") in account.asked
        answer = await _act(rooms, request, found, account, form.one)
        if answer.status_code == _DONE and not repeated:  # who sends it again did not ask for it
            await rooms.office.passages.redacted(who, found.created.dialogue, found.id, form.one("redaction"))
        return answer

    path = "/staff/meetings/{meeting}/redact"
    return [Route(path, look), Route(path, act, methods=["POST"])]


async def _allowed(rooms: Rooms, request: Request) -> tuple[Capability, Meeting]:
    who = await session.allowed_house(rooms, request, "passage.redact")
    return who, rooms.house().meeting(request.path_params["meeting"])


async def _act(rooms: Rooms, request: Request, found: Meeting, account: Account, asked: Asked) -> Response:
    """Do it, where what was typed and what was seen are right; a repeat is answered as the first was."""
    if asked("redaction") not in account.asked:
        try:
            cuts = chosen.cuts(found, account, chosen.sides(rooms.look.words(request), found, account, asked))
            typed = asked("sure").strip()
            if asked("seen") != chosen.seen(account, cuts):
                return _form(rooms, request, found, account, asked, trouble="changed", status=409)
            if not (typed.isdecimal() and len(typed) < 10) or int(typed) != chosen.count(account, cuts):
                return _form(rooms, request, found, account, asked, trouble="unsure", status=400)
            await rooms.staff.redact(found.id, _wanted(asked, cuts))
        except HearingError as error:
            return _form(rooms, request, found, account, asked, trouble="refused", status=faults.status_of(error))
    address = Link(request).to(_path(found), done=asked("redaction"))
    return RedirectResponse(address, _DONE, NO_STORE)


def _wanted(asked: Asked, cuts: tuple[Cut, ...]) -> Wanted:
    basis: Basis = next((one for one in BASES if one == asked("basis")), "privacy")
    margin = next((one for one in MARGINS if str(one) == asked("margin")), LEAST_MARGIN_MS)
    return Wanted(asked("redaction"), basis, cuts, asked("picture") == "yes", margin)


def _list(rooms: Rooms, request: Request, by: By, found: Meeting, account: Account) -> Response:
    """Show what was said on a channel, to choose from, and what was taken out already."""
    query, words = request.query_params, rooms.look.words(request)
    asked = {name: query[name] for name in ("channel", "q", "all") if query.get(name)}
    choice = show.choose(found, asked, [], words.language)
    lines, traces = _found(account, choice)
    shown = _common(found) | {
        "choice": choice,
        "lines": list(reversed(lines))[: None if "all" in asked or choice.query else _SHOWN],
        "traces": traces,
        "more": len(lines) > _SHOWN and "all" not in asked and not choice.query,
        "done": [_done(account, one, found, words, by) for one in reversed(listed(found.id, account))],
        "said": query.get("done", ""),
    }
    return rooms.look.page(request, "redact.html", shown, headers=NO_STORE)


def _found(account: Account, choice: Choice) -> tuple[list[Line], Mapping[str, list[Trace]]]:
    """Return the passages to choose from; and where a search finds earlier versions or reasons of them, those."""
    lines = show.text(account.said, choice).lines
    traces: dict[str, list[Trace]] = {}
    if choice.query:
        segments = account.said.channel(choice.channel.id).segments
        told = ((one.id, chosen.traces(one, choice.channel.language, choice.query)) for one in segments)
        traces = {segment: found for segment, found in told if found}
        marked = {line.id: line for line in lines}
        every = show.text(account.said, msgspec.structs.replace(choice, query="", everything=True)).lines
        lines = [marked.get(line.id, line) for line in every if line.id in marked or line.id in traces]
    return [line for line in lines if line.count and not line.hidden], traces


def _form(
    rooms: Rooms,
    request: Request,
    found: Meeting,
    account: Account,
    asked: Asked,
    *,
    trouble: str = "",
    status: int = 200,
) -> Response:
    """Show the words of a passage on every channel, to choose from; once all is chosen, what goes."""
    sides = chosen.sides(rooms.look.words(request), found, account, asked)
    looked = bool(asked("preview"))
    unchosen = looked and not (asked("basis") and all(side.going for side in sides))
    cuts: tuple[Cut, ...] = ()
    if looked and not unchosen:
        try:
            cuts = chosen.cuts(found, account, sides)
        except HearingError as error:  # the last word stands before the first
            trouble, status = "refused", faults.status_of(error)
    shown = _common(found) | {
        "segment": asked("segment"),
        "sides": sides,
        "unchosen": unchosen,
        "losses": [chosen.loss(account, *pair) for pair in zip(cuts, chosen.going(sides) if cuts else (), strict=True)],
        "seen": chosen.seen(account, cuts),
        "corrections": chosen.corrections(account, cuts),
        "basis": asked("basis"),
        "margin": next((str(one) for one in MARGINS if str(one) == asked("margin")), str(LEAST_MARGIN_MS)),
        "margins": [(one, chosen.seconds(one)) for one in MARGINS],
        "picture": asked("picture") == "yes",
        "redaction": secrets.token_hex(8),
        "trouble": trouble,
        "join": join,
        "marks": MARKS,
    }
    return rooms.look.page(request, "redact-words.html", shown, status=status, headers=NO_STORE)


def _common(found: Meeting) -> dict[str, Any]:
    return {"meeting": found, "created": found.created, "path": _path(found), "bases": BASES}


def _done(account: Account, told: RedactionAnswer, found: Meeting, words: Words, by: By) -> Done:
    places = tuple(_place(account, cut, found, words) for cut in told.cuts)
    who, acts = by
    act = acts.get(told.redaction)
    asked_by = "" if act is None or act.act != "redact" else "you" if act.actor == who.actor else "staff"
    at_ms = account.asked[told.redaction].at_ms
    return Done(
        told.redaction,
        told.basis,
        at_ms,
        told.ended is not None,
        tuple(f"{name} {times}" for name, times in places),
        asked_by,
        tuple(_place(account, cut, found, words) for cut in told.stuck),
    )


def _place(account: Account, cut: AskedCut, found: Meeting, words: Words) -> tuple[str, str]:
    """Return the name of a channel, empty for the picture, and its time."""
    zero = account.said.media_zero_utc_ms
    times = f"{show.clock(zero, cut.t0)}–{show.clock(zero, cut.t1)}"
    if not cut.channel:
        return "", times
    channel = found.channel(cut.channel)
    return exporting.language_of(words, channel), times


def _path(found: Meeting) -> str:
    return f"/staff/meetings/{found.id}/redact"
