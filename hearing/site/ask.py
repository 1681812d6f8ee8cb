"""Sending a question or information: a form that works without script, and the same by PUT for programs.

The receipt travels with the form from the beginning: whoever sends, loses the answer and sends again has one item and
knows its receipt. Nothing that was typed is lost by an error.
"""

import re
from collections.abc import Iterable
from typing import Any, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing import lang
from hearing.desk_events import Kind, SourceClass
from hearing.errors import Conflict, Gone, Refused, Unavailable
from hearing.qa import receipt
from hearing.qa.intake import MOST_NAME, Submission, says_nothing
from hearing.qa.receipt import Keys
from hearing.qa.shown import PublicNotice
from hearing.qa.status import Status
from hearing.site import dialogue
from hearing.site.deskwords import MORE_LANGUAGES, VOCABULARY
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.forms import Form, clean, read_form
from hearing.site.scriptwords import t
from hearing.site.session import NO_STORE

_EMPTY = t("Write at least one sentence.")
_TOO_LONG = t("This is too long: {most} characters at the most, and it has {n}.")
_HOLDS_RECEIPT = t("Your receipt stands in the text. Take it out: whoever reads it could act in your place.")
_LONG_NAME = t("A name has up to {most} characters.")
_OTHER_SENT = t(
    "Your first text has arrived under the receipt you have. "
    "This one is different, so it has a new receipt, below. Send it to add it."
)
_WITHDRAWN = t("What you sent with that receipt was withdrawn. To send this, take the new receipt below.")
_BUSY = t(
    "Too much is arriving at the moment. Your text is still here: wait a minute and send it again, it counts once."
)
_REFUSED = t("This could not be taken as it is. Look at your choices and send it again.")


# A block that left the agenda meanwhile is kept as it was chosen: what arrived with it is compared with it.
_BLOCK = re.compile(r"[a-z0-9-]{0,64}")


class Draft(msgspec.Struct, frozen=True):
    """What stands in the form."""

    kind: str
    text: str
    language: str
    ceiling: str
    source_class: str
    name: str
    block: str
    meeting: str
    call: str
    receipt: str


class Problem(msgspec.Struct, frozen=True):
    """Something to mend, beside its field; without a field it is said above the form."""

    message: str
    field: str = ""
    most: int = 0
    n: int = 0
    status: int = 400


def routes(rooms: Rooms) -> list[Route]:
    """Serve the form."""

    async def ask(request: Request) -> Response:
        found = await dialogue.find(rooms, request)
        if request.method == "POST":
            return await _sent(rooms, request, found)
        return await _form(rooms, request, found, _blank(rooms, request, found))

    async def from_meeting(request: Request) -> Response:
        meeting = rooms.house().meeting(request.path_params["meeting"])
        found = await dialogue.of(rooms, meeting.created.dialogue)
        language = request.query_params.get("l")
        more = f"&l={language}" if language in lang.NAMES else ""
        return RedirectResponse(f"{found.path('ask')}?meeting={meeting.id}{more}", 303)

    return [
        Route("/d/{dialogue}/ask", ask, methods=["GET", "POST"]),
        Route("/m/{meeting}/ask", from_meeting),
    ]


async def _sent(rooms: Rooms, request: Request, found: Dialogue) -> Response:
    draft = _read(await read_form(request), found)
    problem = _check(draft, found)
    if problem is None:
        taken = await _take(rooms, found, draft)
        if isinstance(taken, Status):
            return _received(rooms, request, found, draft, taken)
        problem = taken
    if problem.status in (409, 410):
        draft = msgspec.structs.replace(draft, receipt=receipt.mint())
    return await _form(rooms, request, found, draft, problem)


async def _take(rooms: Rooms, found: Dialogue, draft: Draft) -> Status | Problem:
    """Send it in as it is, or else without what it names that is there no more."""
    try:
        return await _submitted(rooms, found, draft)
    except Conflict:
        return Problem(_OTHER_SENT, status=409)
    except Gone:
        return Problem(_WITHDRAWN, status=410)
    except Unavailable:
        return Problem(_BUSY, status=503)
    except Refused:
        return Problem(_REFUSED)


async def _submitted(rooms: Rooms, found: Dialogue, draft: Draft) -> Status:
    """Try its readings in turn: whichever was taken in first, a resend finds it."""
    keys = receipt.keys(draft.receipt)
    *others, last = _readings(_submission(draft), found)
    for wanted in others:
        try:
            return await rooms.office.submit(found.id, keys, wanted)
        except Gone:
            raise
        except (Conflict, Refused):
            continue
    return await rooms.office.submit(found.id, keys, last)


def _readings(wanted: Submission, found: Dialogue) -> Iterable[Submission]:
    """Return it as sent, then without its call, which may be closed, and without a block that is in no agenda."""
    blocks = [wanted.block] if wanted.block in ("", *found.blocks) else [wanted.block, ""]
    for block in blocks:
        for call in dict.fromkeys((wanted.call, "")):
            yield msgspec.structs.replace(wanted, block=block, call=call)


def _blank(rooms: Rooms, request: Request, found: Dialogue) -> Draft:
    query = request.query_params
    meetings = [one.id for one in found.meetings]
    call = query.get("call", "")[:64]
    return Draft(
        kind="information" if call else "question",
        text="",
        language=rooms.look.words(request).language,
        ceiling=found.rules.ceilings[0],
        source_class="undisclosed",
        name="",
        block=_block(query.get("block", ""), found),
        meeting=query["meeting"] if query.get("meeting") in meetings else "",
        call=call,
        receipt=receipt.mint(),
    )


def _read(form: Form, found: Dialogue) -> Draft:
    """Read what was typed; a choice that is not offered falls back to the narrowest."""
    ceilings = found.rules.ceilings
    classes: tuple[SourceClass, ...] = get_args(SourceClass)
    ceiling, source_class = form.one("ceiling"), form.one("source_class")
    return Draft(
        kind=form.one("kind", "question") if form.one("kind") in found.rules.kinds else "question",
        text=clean(form.one("text")),
        language=form.one("language")[:32],
        ceiling=ceiling if ceiling in ceilings else ceilings[-1],
        source_class=source_class if source_class in classes else "undisclosed",
        name=" ".join(clean(form.one("name")).split()) if found.rules.names else "",
        block=form.one("block") if _BLOCK.fullmatch(form.one("block")) else "",
        meeting=form.one("meeting")[:64],
        call=form.one("call")[:64],
        receipt=_receipt(form.one("receipt")),
    )


def _block(asked: str, found: Dialogue) -> str:
    """Return the block of the agenda that was chosen; none where there is no such block (any more)."""
    return asked if asked in found.blocks else ""


def _receipt(carried: str) -> str:
    """Return the receipt that the form carried; a form without a good one gets another."""
    try:
        return receipt.grouped(receipt.read(carried))
    except Refused:
        return receipt.mint()


def _check(draft: Draft, found: Dialogue) -> Problem | None:
    """Say what to mend, before anything is sent on."""
    kind: Kind = "question" if draft.kind == "question" else "information"
    most = found.rules.longest(kind)
    if says_nothing(draft.text):
        return Problem(_EMPTY, "text")
    if len(draft.text) > most:
        return Problem(_TOO_LONG, "text", most, len(draft.text))
    if len(draft.name) > MOST_NAME:
        return Problem(_LONG_NAME, "name", MOST_NAME)
    if receipt.stands_in(_keys(draft).item, f"{draft.text}\n|{draft.name}"):
        return Problem(_HOLDS_RECEIPT, "text")
    return None


def _keys(draft: Draft) -> Keys:
    return receipt.keys(draft.receipt)


def _submission(draft: Draft) -> Submission:
    fields = {name: value for name, value in msgspec.structs.asdict(draft).items() if name != "receipt"}
    return msgspec.convert(fields, Submission)


async def _form(
    rooms: Rooms, request: Request, found: Dialogue, draft: Draft, problem: Problem | None = None
) -> Response:
    shown = _about(found, draft) | {
        "problem": problem,
        "call": await _call(rooms, found, draft.call),
        "more_languages": MORE_LANGUAGES,
        "last": found.meeting.phase == "closed",
    }
    return rooms.look.page(request, "ask.html", shown, status=problem.status if problem else 200, headers=NO_STORE)


def _received(rooms: Rooms, request: Request, found: Dialogue, draft: Draft, status: Status) -> Response:
    shown = _about(found, draft) | {"status": status, "fresh": True}
    return rooms.look.page(request, "receipt.html", shown, headers=NO_STORE)


def _about(found: Dialogue, draft: Draft) -> dict[str, Any]:
    return {"dialogue": found, "draft": draft, "receipt": draft.receipt, "say": VOCABULARY, "trouble": ""}


async def _call(rooms: Rooms, found: Dialogue, call: str) -> PublicNotice | None:
    if not call:
        return None
    notices = (await rooms.office.published(found.id)).notices
    return next((one for one in notices if one.notice == call and one.call), None)
