"""The question queue of moderators: one page of plain forms; web/src/queue.js adds keys and saves the reloads."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing.access import Capability
from hearing.desk_events import Kind
from hearing.errors import Conflict, HearingError, NotFound
from hearing.meeting import Meeting
from hearing.qa.acts import Accept, Publish, State
from hearing.qa.acts import Route as PassOn
from hearing.qa.outcome import Changed, Outcome, outcome_of
from hearing.qa.queue import Filters, Queue
from hearing.qa.views import ItemView
from hearing.site import acting, faults, hiding, session, show
from hearing.site.deskwords import VOCABULARY
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.forms import Form, read_form
from hearing.site.session import NO_STORE

_PAGE = 25
_RECENT = 20
_KEPT = ("state", "language", "kind", "block", "q", "skip", "l")


class Position(msgspec.Struct, frozen=True):
    """How far the desk has come: a page that shows an earlier one is not current."""

    position: int


class Claim(msgspec.Struct, frozen=True):
    """Whether it is being read by who asked; where not, by somebody else. Nothing is locked."""

    mine: bool


class Shown(msgspec.Struct, frozen=True):
    """What one answer shows beside the queue. `typed` is what an act that did not hold had with it.

    `both`: what was done to `done` accepted it too, and undoing takes both back.
    """

    open: str = ""
    done: str = ""
    both: bool = False
    changed: ItemView | None = None
    trouble: str = ""
    typed: Form = Form(())
    outcomes: Sequence[Outcome] = ()
    status: int = 200


def routes(rooms: Rooms) -> list[Route]:
    """Serve the queue. Every route asks for the capability first."""

    async def queue(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "queue.read")
        query = request.query_params
        shown = Shown(query.get("item", ""), query.get("done", ""), "both" in query)
        return await _page(rooms, request, found, who, shown)

    async def many(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "item.decide")
        form = await read_form(request)
        wanted = acting.read_wanted(form)
        if form.one("act") == "undo":
            outcomes = [
                await outcome_of(one, rooms.office.moderators.undo(who, found.id, one.item, one.version))
                for one in wanted
            ]
        else:
            outcomes = await rooms.office.moderators.bulk(who, found.id, wanted, acting.read_act(form))
        return await _page(rooms, request, found, who, Shown(outcomes=outcomes))

    async def one(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "item.decide")
        return await _decided(rooms, request, found, who, await read_form(request))

    async def claim(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "item.claim")
        await read_form(request)
        holder = await rooms.office.moderators.claim(who, found.id, request.path_params["item"])
        return Response(msgspec.json.encode(Claim(holder == who.invite)), 200, NO_STORE, "application/json")

    async def position(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "queue.read")
        now = Position(await rooms.office.moderators.changed(who, found.id, -1))
        return Response(msgspec.json.encode(now), 200, NO_STORE, "application/json")

    base = "/d/{dialogue}/queue"
    return [
        Route(base, queue),
        Route(base, many, methods=["POST"]),
        Route(f"{base}/position", position),
        Route(base + "/{item}", one, methods=["POST"]),
        Route(base + "/{item}/claim", claim, methods=["POST"]),
    ]


async def _decided(rooms: Rooms, request: Request, found: Dialogue, who: Capability, form: Form) -> Response:
    """Decide, and go on to the next; where that does not hold, show what holds now with what was typed."""
    item = request.path_params["item"]
    version = acting.read_version(form.one("version"))
    try:
        if form.one("act") == "undo":
            await _undo(rooms, found, who, (item, version), form)
            return _go(request, found, item=item)
        both = await _decide(rooms, found, who, (item, version), form)
    except Changed as changed:
        shown = Shown(item, changed=changed.current, typed=form, status=409)
        return await _page(rooms, request, found, who, shown)
    except NotFound:
        raise
    except HearingError as error:
        shown = Shown(item, trouble=str(error), typed=form, status=faults.status_of(error))
        return await _page(rooms, request, found, who, shown)
    if form.one("act") in ("note", "ask", "turn", "lower"):
        return _go(request, found, item=item)
    return _go(request, found, item=form.one("next"), done=item, both="yes" if both else "")


async def _decide(rooms: Rooms, found: Dialogue, who: Capability, seen: tuple[str, int], form: Form) -> bool:
    """Decide one act; what was not read yet and is passed on or published at once is accepted by that: True."""
    item, version = seen
    current = await rooms.office.moderators.item(who, found.id, item)
    act = acting.read_act(form, current)
    both = isinstance(act, Publish | PassOn) and current.state == "received" and current.version == version
    if both:
        version = (await rooms.office.moderators.decide(who, found.id, item, version, Accept())).version
    await rooms.office.moderators.decide(who, found.id, item, version, act)
    return both


async def _undo(rooms: Rooms, found: Dialogue, who: Capability, seen: tuple[str, int], form: Form) -> None:
    """Undo one act, and the accepting that came with it."""
    item, version = seen
    left = await rooms.office.moderators.undo(who, found.id, item, version)
    if form.one("both") and left.state == "accepted":
        await rooms.office.moderators.undo(who, found.id, item, left.version)


def _go(request: Request, found: Dialogue, **query: str) -> Response:
    kept = {**_kept(request), **{name: value for name, value in query.items() if value}}
    address = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept.items())
    return RedirectResponse(f"{found.path('queue')}?{address}#open" if address else found.path("queue"), 303, NO_STORE)


def _kept(request: Request) -> dict[str, str]:
    query = request.query_params
    return {name: query[name][:200] for name in _KEPT if query.get(name)}


def _filters(query: Mapping[str, str]) -> Filters:
    """Read the filters of an address; without a state it shows what nobody has read."""
    state, kind = query.get("state", "received"), query.get("kind", "")
    skip = query.get("skip", "")
    return Filters(
        states=(msgspec.convert(state, State),) if state in get_args(State) else (),
        kinds=(msgspec.convert(kind, Kind),) if kind in get_args(Kind) else (),
        languages=(query["language"],) if query.get("language") else (),
        blocks=(query["block"],) if query.get("block") else (),
        words=query.get("q", "")[:200],
        skip=int(skip) if skip.isascii() and skip.isdigit() and len(skip) < 7 else 0,
        limit=_PAGE,
    )


async def _page(rooms: Rooms, request: Request, found: Dialogue, who: Capability, shown: Shown) -> Response:
    filters = _filters(request.query_params)
    queue = await rooms.office.moderators.queue(who, found.id, filters)
    if queue.total and not queue.items:  # the last page was decided to its end: show the one before it
        filters = msgspec.structs.replace(filters, skip=(queue.total - 1) // _PAGE * _PAGE)
        queue = await rooms.office.moderators.queue(who, found.id, filters)
    open_item = await _open(rooms, found, who, queue, shown)
    ids = [one.item for one in queue.items]
    at = ids.index(open_item.item) if open_item and open_item.item in ids else -1
    seats = await rooms.office.seats(who, found.id)
    context: dict[str, Any] = {
        "dialogue": found,
        "who": who,
        "desk_pages": session.pages(who, found.id),
        "say": VOCABULARY,
        "queue": queue,
        "filters": filters,
        "kept": _kept(request),
        "state": filters.states[0] if filters.states else "all",
        "open": open_item,
        "items": queue.items if at >= 0 or open_item is None else [open_item, *queue.items],
        "previous": ids[at - 1] if at > 0 else "",
        "next": ids[at + 1] if -1 < at < len(ids) - 1 else "",
        "done": await _maybe(rooms, found, who, shown.done),
        "shown": shown,
        "members": [seat for seat in seats if seat.role == "member" and not seat.revoked],
        "seats": {seat.invite: seat.label for seat in seats},
        "just": hiding.just(rooms, request, found),
        "hid": request.query_params.get("hid", ""),
        "said": await _discussed(rooms, request, found, open_item),
    }
    return rooms.look.page(request, "queue.html", context, status=shown.status, headers=NO_STORE)


async def _open(rooms: Rooms, found: Dialogue, who: Capability, queue: Queue, shown: Shown) -> ItemView | None:
    """Return the item that stands open: the one that was asked for, or the first."""
    if shown.changed:
        return shown.changed
    known = {one.item: one for one in queue.items}
    asked = known.get(shown.open) or await _maybe(rooms, found, who, shown.open)
    return asked or next(iter(queue.items), None)


async def _maybe(rooms: Rooms, found: Dialogue, who: Capability, item: str) -> ItemView | None:
    if not item:
        return None
    try:
        return await rooms.office.moderators.item(who, found.id, item)
    except (NotFound, Conflict):
        return None


async def _discussed(
    rooms: Rooms, request: Request, found: Dialogue, item: ItemView | None
) -> tuple[str, list[show.Line], str, int]:
    """Return what an answer can link to: a meeting, what was said in it last, its language, and how much came before.

    The passages that it links to already are always among them: saving it again must not lose them.
    """
    linked = set(item.answer_segments) if item else set()
    meeting = _taken_place(found, item.answer_meeting if item else "")
    channel = next(iter(linked)).rpartition(".")[0] if linked else ""
    asked = {"channel": channel, "all": "1"} if channel else {"all": "1"}
    choice = show.choose(meeting, asked, [], rooms.look.words(request).language)
    transcript = (await rooms.folds.of(meeting.id)).transcript
    lines = [line for line in show.text(transcript, choice).lines if line.count]
    recent = len(lines) if request.query_params.get("said") == "all" else _RECENT
    shown = [line for place, line in enumerate(lines, recent - len(lines)) if place >= 0 or line.id in linked]
    return meeting.id, shown, choice.channel.language, len(lines) - len(shown)


def _taken_place(found: Dialogue, linked: str) -> Meeting:
    """Return the meeting an answer was given in: the linked one, the one that is on, or the last that was."""
    known = next((one for one in found.meetings if one.id == linked), None)
    if known or found.meeting.phase == "open":
        return known or found.meeting
    return next((one for one in reversed(found.meetings) if one.phase == "closed"), found.meeting)
