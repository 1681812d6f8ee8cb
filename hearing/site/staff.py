"""The pages of staff: every meeting, and one of them set up, opened, led through its agenda and closed."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing import agenda
from hearing.access import Capability
from hearing.errors import Conflict, HearingError
from hearing.house_events import MeetingCreated
from hearing.meeting import Meeting
from hearing.site import dialogue, faults, pages, readiness, session, setup
from hearing.site.deskwords import MORE_LANGUAGES, VOCABULARY
from hearing.site.dialogue import Rooms
from hearing.site.forms import Form, read_form
from hearing.site.look import Link
from hearing.site.scriptwords import STATES, t
from hearing.site.session import NO_STORE
from hearing.site.setup import Draft, Problem
from hearing.stream.address import NotAdmitted, Why

_BAD_SOURCES: Mapping[Why, str] = {
    "malformed": t("This is not an address that can be opened. Copy it again, whole and without spaces."),
    "unknown": t("A source is a file on the server, or an address that begins with https, rtmps or rtsps."),
    "scheme": t("This server takes no source of this kind of address. Use https, rtmps or rtsps."),
    "host": t("This server takes no source from there. Ask whoever runs it to allow the host."),
    "folder": t("A source file must lie in the media folder of the server. Ask whoever runs it where that is."),
}
_OVERTAKEN = t(
    "Somebody else changed this meeting meanwhile. What you typed is below; saving it again overwrites theirs."
)
_NOT_DONE = t("This was not done: the meeting is not as it was when you opened the page. Here is how it stands now.")
_NOT_SAVED = t("Nothing was saved: the meeting was opened or closed meanwhile. What you typed is below.")
_NOT_TAKEN = t("Nothing was saved: this cannot be taken as it is. Look at what you typed, and save it again.")
_NOT_SURE = t("Nothing was closed. Press “Close for good” to close the meeting.")


class Shown(msgspec.Struct, frozen=True):
    """What a form's answer shows beside the form: what to mend, and what was not done."""

    draft: Draft
    problems: tuple[Problem, ...] = ()
    trouble: str = ""
    status: int = 200


def routes(rooms: Rooms) -> list[Route]:
    """Serve them. Every route asks for the capability first."""

    async def meetings(request: Request) -> Response:
        who = await session.allowed_house(rooms, request, "meeting.run")
        listed = [await _listed(rooms, one) for one in rooms.house().public().meetings.values()]
        shown = pages.by_phase(listed) | {"who": who, "signs": STATES}
        return rooms.look.page(request, "staff.html", shown, headers=NO_STORE)

    async def new(request: Request) -> Response:
        await session.allowed_house(rooms, request, "meeting.run")
        if request.method == "POST":
            return await _created(rooms, request, await read_form(request))
        like = request.query_params.get("from", "")
        house = rooms.house()
        return _new_page(
            rooms,
            request,
            Shown(_masked(rooms, setup.draft_like(house.meeting(like).created, house)) if like else Draft()),
        )

    async def one(request: Request) -> Response:
        who, found = await _allowed(rooms, request)
        if request.method == "POST":
            return await _changed(rooms, request, who, found, await read_form(request))
        return await _page(rooms, request, who, found, Shown(_draft_of(rooms, found.created)))

    async def open_(request: Request) -> Response:
        return await _act(rooms, request, lambda found, _: rooms.staff.open(found.id))

    async def block(request: Request) -> Response:
        return await _act(rooms, request, lambda found, form: rooms.staff.begin_block(found.id, form.one("block")))

    async def close(request: Request) -> Response:
        return await _act(rooms, request, lambda found, _: rooms.staff.close(found.id), sure=True)

    base = "/staff/meetings/{meeting}"
    return [
        Route("/staff", meetings),
        Route("/staff/new", new, methods=["GET", "POST"]),
        Route(base, one, methods=["GET", "POST"]),
        Route(f"{base}/open", open_, methods=["POST"]),
        Route(f"{base}/block", block, methods=["POST"]),
        Route(f"{base}/close", close, methods=["POST"]),
        *_rehearsals(rooms),
    ]


def _rehearsals(rooms: Rooms) -> list[Route]:
    """Serve the buttons that rehearse a meeting and purge its rehearsal."""

    async def rehearse(request: Request) -> Response:
        return await _act(rooms, request, lambda found, _: _rehearsed(rooms, found))

    async def purge(request: Request) -> Response:
        await session.allowed_house(rooms, request, "meeting.run")
        await read_form(request)
        rehearsal = request.path_params["meeting"]
        known = rooms.house().meetings.get(rehearsal)
        await rooms.staff.purge(rehearsal)
        return _go(request, address(known.created.rehearses) if known else "/staff")

    base = "/staff/meetings/{meeting}"
    return [
        Route(f"{base}/rehearse", rehearse, methods=["POST"]),
        Route(f"{base}/purge", purge, methods=["POST"]),
    ]


def address(meeting_id: str) -> str:
    """Return the address of a meeting's page for staff."""
    return f"/staff/meetings/{meeting_id}"


async def _allowed(rooms: Rooms, request: Request) -> tuple[Capability, Meeting]:
    """Return who asks and the meeting of the address. Raises Unauthorized, Forbidden, then NotFound."""
    who = await session.allowed_house(rooms, request, "meeting.run")
    return who, rooms.house().meeting(request.path_params["meeting"])


async def _created(rooms: Rooms, request: Request, form: Form) -> Response:
    draft, house = setup.read(form, None), rooms.house()
    problems = setup.check(draft, house, new=True)
    if problems:
        return _new_page(rooms, request, Shown(draft, tuple(problems), status=400))
    like = house.meetings.get(draft.like)
    wanted = setup.wanted(draft, like.created if like else None, _known(rooms, setup.dialogue_of(draft)))
    try:
        await rooms.staff.create(wanted)
    except Conflict:
        return _new_page(rooms, request, Shown(draft, (Problem("id", setup.TAKEN),), status=409))
    except HearingError as error:
        return _new_page(rooms, request, _refused(draft, error))
    return _go(request, address(wanted.meeting))


async def _changed(rooms: Rooms, request: Request, who: Capability, found: Meeting, form: Form) -> Response:
    draft = setup.read(form, found.created)
    if found.phase == "open":  # what is being played stays what it is, and is not in the form
        was = _draft_of(rooms, found.created)
        draft = msgspec.structs.replace(draft, source=was.source, tracks=was.tracks)
        if any(name == "source" for name, _ in form.fields):
            return await _page(rooms, request, who, found, Shown(draft, trouble=_NOT_SAVED, status=409))
    seen = rooms.staff.seen(found.created)
    if draft.seen != seen:
        fresh = msgspec.structs.replace(draft, seen=seen)
        return await _page(rooms, request, who, found, Shown(fresh, trouble=_OVERTAKEN, status=409))
    problems = setup.check(draft, rooms.house(), new=False)
    if problems:
        return await _page(rooms, request, who, found, Shown(draft, tuple(problems), status=400))
    try:
        await rooms.staff.change(_wanted(rooms, found, draft))
    except HearingError as error:
        now = rooms.house().meeting(found.id)
        return await _page(rooms, request, who, now, _refused(draft, error))
    return _go(request, address(found.id), done="saved")


def _wanted(rooms: Rooms, found: Meeting, draft: Draft) -> MeetingCreated:
    wanted = setup.wanted(draft, found.created, _known(rooms, found.created.dialogue, but=found.id))
    return msgspec.structs.replace(
        wanted,
        rehearses=found.created.rehearses,
        channels=found.created.channels if found.phase == "open" else wanted.channels,
    )


def _draft_of(rooms: Rooms, created: MeetingCreated) -> Draft:
    """Return the form of a meeting, as staff may see it."""
    return _masked(rooms, setup.draft_of(created, rooms.staff.seen(created)))


def _masked(rooms: Rooms, draft: Draft) -> Draft:
    return msgspec.structs.replace(draft, source=rooms.staff.masked(draft.source))


def _refused(draft: Draft, error: HearingError) -> Shown:
    """Say what the house would not take although the form looked whole: its source, or what changed meanwhile."""
    status = faults.status_of(error)
    if isinstance(error, NotAdmitted):
        return Shown(draft, (Problem("source", _BAD_SOURCES.get(error.why, _BAD_SOURCES["host"])),), status=status)
    return Shown(draft, trouble=_NOT_TAKEN if status == 400 else _NOT_SAVED, status=status)


async def _act(
    rooms: Rooms, request: Request, do: Callable[[Meeting, Form], Awaitable[None]], *, sure: bool = False
) -> Response:
    """Do it, and show the page anew; where it does not hold, say so beside how the meeting stands."""
    who, found = await _allowed(rooms, request)
    form = await read_form(request)
    if sure and form.one("sure") != "yes":
        return await _page(rooms, request, who, found, Shown(_draft_of(rooms, found.created), (), _NOT_SURE, 400))
    try:
        await do(found, form)
    except HearingError as error:
        now = rooms.house().meeting(found.id)
        shown = Shown(_draft_of(rooms, now.created), (), _NOT_DONE, faults.status_of(error))
        return await _page(rooms, request, who, now, shown)
    return _go(request, address(found.id))


async def _rehearsed(rooms: Rooms, found: Meeting) -> None:
    await rooms.staff.rehearse(found.id)


def _known(rooms: Rooms, dialogue_id: str, but: str = "") -> dict[str, str]:
    """Return the titles of the blocks of a dialogue's other meetings."""
    meetings = rooms.house().meetings.values()
    return agenda.titles(one for one in meetings if one.created.dialogue == dialogue_id and one.id != but)


def _go(request: Request, path: str, **query: str) -> Response:
    return RedirectResponse(Link(request).to(path, **query), 303, NO_STORE)


async def _listed(rooms: Rooms, meeting: Meeting) -> pages.Listed:
    return pages.Listed(meeting, await rooms.folds.glance(meeting.id))


def _new_page(rooms: Rooms, request: Request, shown: Shown) -> Response:
    known = list(rooms.house().public().meetings.values())
    dialogues = dict.fromkeys(one.created.dialogue for one in known)
    last = known[-1] if known else None
    context = _form(rooms, request, shown) | {"new": True, "playing": False, "dialogues": list(dialogues), "last": last}
    return rooms.look.page(request, "setup.html", context, status=shown.status, headers=NO_STORE)


async def _page(rooms: Rooms, request: Request, who: Capability, found: Meeting, shown: Shown) -> Response:
    listed = await _listed(rooms, found)
    left = agenda.left_ms(found, rooms.now_ms())
    context: Mapping[str, Any] = _form(rooms, request, shown) | {
        "new": False,
        "who": who,
        "meeting": found,
        "created": found.created,
        "dialogue": await dialogue.of(rooms, found.created.dialogue),
        "state": listed.state,
        "since": listed.since_ms,
        "signs": STATES,
        "playing": found.phase == "open",
        "next": agenda.following(found),
        "left": None if left is None else agenda.minutes_left(left),
        "findings": await _findings(rooms, request, found),
        "rehearsals": rooms.house().rehearsals(found.id),
        "unsure": shown.trouble == _NOT_SURE,
        "saved": shown.status == 200 and request.query_params.get("done") == "saved",
    }
    return rooms.look.page(request, "meeting-staff.html", context, status=shown.status, headers=NO_STORE)


async def _findings(rooms: Rooms, request: Request, found: Meeting) -> readiness.Readiness | None:
    """Check the machine and the source where that was asked for: it takes some seconds."""
    if found.phase != "planned" or request.query_params.get("check") != "yes":
        return None
    return readiness.shown(await rooms.staff.readiness(found.id), rooms.look.words(request))


def _form(rooms: Rooms, request: Request, shown: Shown) -> dict[str, Any]:
    words = rooms.look.words(request)
    problems: dict[str, str] = {}
    for one in shown.problems:
        problems.setdefault(one.field, words.t(one.message, **one.values))
    return {
        "draft": setup.rows(shown.draft),
        "problems": problems,
        "trouble": shown.trouble,
        "say": VOCABULARY,
        "profiles": setup.PROFILES,
        "more_languages": MORE_LANGUAGES,
    }
