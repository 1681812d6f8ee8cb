"""Correct a passage on its own page: a plain form for those who may, and the answer where somebody was first."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hearing import correcting, transcript
from hearing.access import may
from hearing.archive.record import clean, path
from hearing.correcting import Result, Wanted
from hearing.errors import NotFound
from hearing.events import HumanMark
from hearing.lang import join
from hearing.meeting import Meeting
from hearing.site import passage, session
from hearing.site.acting import read_version
from hearing.site.dialogue import Rooms
from hearing.site.folds import Fold
from hearing.site.forms import read_form
from hearing.site.look import Link
from hearing.site.passage import Editing
from hearing.site.scriptwords import t
from hearing.site.session import NO_STORE
from hearing.transcript import Segment

TROUBLES: Mapping[Result, str] = {
    "overtaken": t("Somebody corrected this passage while you did. Its text now stands above, what you wrote below."),
    "gone": t("There is no such passage any more. Open the page again."),
    "hidden": t("This passage was hidden or taken out of the record. What is not shown is not corrected."),
    "open": t("This passage is not over yet. Correct it once it has its times, a few seconds from now."),
    "same": t("Nothing was changed: neither the text nor what it is marked as."),
    "empty": t("A correction has a text. To take words out of the record, have them redacted."),
    "long": t("This is too long: a text has 4,000 characters at the most, the reason for it 200."),
    "reason": t("Say in a few words why: readers see it beside the correction."),
    "mark": t("Say what the text is now: corrected, or compared with the floor."),
    "taken": t("[…] stands where words were taken out of the record. Leave each where it is, and add none."),
}
"""Why a correction was not made."""

_MARKS: Mapping[str, HumanMark] = {"corrected": "corrected", "verified": "verified"}


def routes(rooms: Rooms) -> list[Route]:
    """Take corrections in. The route asks for the capability first."""

    async def correct(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "passage.correct")
        form = await read_form(request)
        meeting = found.named(form.one("meeting"))
        wanted = Wanted(
            form.one("segment")[:64],
            read_version(form.one("version")),
            clean(form.one("text")),
            _MARKS.get(form.one("mark"), "corrected"),
            clean(form.one("reason")),
        )
        decided, position = await rooms.office.corrections.make(
            who, meeting, [wanted], lambda at: rooms.folds.past(meeting.id, at)
        )
        fold = await rooms.folds.past(meeting.id, position)
        result = decided.results[wanted.segment]
        if result in ("corrected", "stands"):
            here = Link(request).to(path(meeting.id, wanted.segment), done="yes")
            return RedirectResponse(here, 303, NO_STORE)
        return await _again(rooms, request, meeting, fold, wanted=wanted, result=result)

    async def elsewhere(request: Request) -> Response:
        """A page that came back here, read in another language: there is no form without its passage."""
        found, _ = await session.allowed(rooms, request, "passage.correct")
        return RedirectResponse(Link(request).to(found.path("said")), 303, NO_STORE)

    one = "/d/{dialogue}/correct"
    return [Route(one, elsewhere), Route(one, correct, methods=["POST"])]


async def offered(rooms: Rooms, request: Request, meeting: Meeting, fold: Fold) -> Editing | None:
    """Return the form for who may correct the passage of this address; None for everybody else."""
    dialogue = meeting.created.dialogue
    who = await session.capability(rooms, request, "passage.correct", dialogue)
    if meeting.created.rehearses or not may(who, "passage.correct", dialogue):
        return None
    channel = meeting.channel(request.path_params["channel"])
    number = request.path_params["segment"].rpartition(".")[2]
    segment = transcript.find(fold.transcript.channel(channel.id), f"{channel.id}.{number}")
    return _form(meeting, segment) if segment else None


def _form(meeting: Meeting, segment: Segment) -> Editing:
    language = segment.spoken(meeting.channel(segment.channel).language)
    action = f"/d/{meeting.created.dialogue}/correct"
    return Editing(action, segment.id, segment.edition, clean(join(segment.shown, language)))


async def _again(
    rooms: Rooms, request: Request, meeting: Meeting, fold: Fold, *, wanted: Wanted, result: Result
) -> Response:
    """Show the passage as it is now, with what was sent in the form: nothing that somebody wrote is lost."""
    try:
        segment = correcting.found(fold.transcript, wanted.segment)
    except correcting.Declined:
        raise NotFound("There is no such passage in this meeting, or it is not final yet.") from None
    status = 409 if result == "overtaken" else 400
    editing = Editing(
        f"/d/{meeting.created.dialogue}/correct",
        segment.id,
        segment.edition,
        wanted.text,
        wanted.mark,
        wanted.reason,
        TROUBLES[result],
        status,
    )
    request.path_params.update(channel=segment.channel, segment=str(segment.ordinal))
    return await passage.page(rooms.look, request, meeting, fold, (), editing=editing)
