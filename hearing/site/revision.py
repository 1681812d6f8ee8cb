"""Staff look at what a second pass heard differently, and accept or decline it: one by one, by channel, or all of it.

Plain forms. What was seen travels along, a tick with its segment's version and the whole choice with a digest: what
changed since is told, and left as it is.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import revision
from hearing.access import Capability
from hearing.archive import record
from hearing.correcting import Result, Wanted
from hearing.lang import spaced
from hearing.meeting import Meeting
from hearing.qa import revisions
from hearing.revision import Marked, Proposal
from hearing.site import exporting, session, show
from hearing.site.correcting import TROUBLES
from hearing.site.dialogue import Rooms
from hearing.site.folds import Fold
from hearing.site.forms import Form, read_form
from hearing.site.misheard import WHY, Outcome, Told
from hearing.site.scriptwords import t
from hearing.site.session import NO_STORE

MOST = 200
"""So many are listed to tick; when those are decided, the next are shown."""

AT_ONCE = 500
"""So many passages are corrected in one append."""

TROUBLE: Mapping[str, str] = {
    "none": t("Tick at least one proposal."),
    "changed": t("The proposals changed since you looked. Look at them again."),
}
_DONE = ("corrected", "stands")
_TICK = re.compile(r"([a-z0-9-]{1,32}\.[0-9]{1,9}) ([0-9]{1,9}) ([0-9]{1,12})")


class Shown(msgspec.Struct, frozen=True):
    """A proposal as the page shows it. `tick` is what its box says."""

    tick: str
    segment: str
    path: str
    clock: str
    language: str
    channel: str
    old: Marked
    new: Marked
    model: str


class Asked(msgspec.Struct, frozen=True):
    """What a form asks for: an act on ticks, or on all of a `channel`, or on `*`, all there are."""

    act: str
    ticks: tuple[tuple[str, int, int], ...]
    scope: str
    seen: str


def routes(rooms: Rooms) -> list[Route]:
    """Serve the page. Both routes ask for the capability first."""

    async def look(request: Request) -> Response:
        _, meeting = await _allowed(rooms, request)
        return await _page(rooms, request, meeting)

    async def act(request: Request) -> Response:
        who, meeting = await _allowed(rooms, request)
        asked = _asked(await read_form(request))
        revisions.check(meeting)
        match asked.act:
            case "accept":
                return await _accept(rooms, request, who, meeting, asked)
            case "decline":
                positions = [position for _, _, position in asked.ticks]
                if not positions:
                    return await _page(rooms, request, meeting, trouble="none")
                declined = await rooms.office.revisions.decline(who, meeting, positions)
                return await _page(rooms, request, meeting, declined=declined)
            case _:
                return await _page(rooms, request, meeting, scope=asked.scope)

    path = "/staff/meetings/{meeting}/revision"
    return [Route(path, look), Route(path, act, methods=["POST"])]


def digest(proposals: Sequence[Proposal]) -> str:
    """Return what tells one choice of proposals from another, without a word of them."""
    said = " ".join(f"{one.said.segment} {one.said.version} {one.position}" for one in proposals)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


async def _allowed(rooms: Rooms, request: Request) -> tuple[Capability, Meeting]:
    who = await session.allowed_house(rooms, request, "passage.correct")
    return who, rooms.house().meeting(request.path_params["meeting"])


def _asked(form: Form) -> Asked:
    ticks = [found for one in form.all("take") if (found := _TICK.fullmatch(one))]
    kept = tuple((found[1], int(found[2]), int(found[3])) for found in ticks)
    return Asked(form.one("act"), kept, form.one("scope")[:32], form.one("seen")[:64])


async def _accept(rooms: Rooms, request: Request, who: Capability, meeting: Meeting, asked: Asked) -> Response:
    """Correct what was chosen, each passage that is still in the version that was seen."""
    if asked.scope:
        known = _of(await rooms.office.revisions.open(meeting, await rooms.folds.of(meeting.id)), asked.scope)
        if digest(known) != asked.seen:
            return await _page(rooms, request, meeting, scope=asked.scope, trouble="changed", status=409)
        wanted, results = [_wanted(one) for one in known], dict[str, Result]()
    else:
        wanted, results = await _ticked(rooms, meeting, asked)
    if not wanted and not results:
        return await _page(rooms, request, meeting, trouble="none")

    for first in range(0, len(wanted), AT_ONCE):
        part = wanted[first : first + AT_ONCE]
        decided, position = await rooms.office.corrections.make(
            who, meeting, part, lambda at: rooms.folds.past(meeting.id, at)
        )
        results |= decided.results
        await rooms.folds.past(meeting.id, position)
    return await _page(rooms, request, meeting, results=results)


async def _ticked(rooms: Rooms, meeting: Meeting, asked: Asked) -> tuple[list[Wanted], dict[str, Result]]:
    """Return what the ticks want, and those that a later pass or a colleague has settled since."""
    standing = await rooms.office.revisions.standing(meeting.id)
    wanted: list[Wanted] = []
    settled: dict[str, Result] = {}
    for segment, version, position in asked.ticks:
        one = standing.proposed.get(position)
        stands = one is not None and (one.segment, one.version) == (segment, version)
        if one is None or not stands or standing.latest.get(segment) != position or position in standing.declined:
            settled[segment] = "overtaken"
        else:
            wanted.append(_wanted(Proposal(position, one)))
    return wanted, settled


def _wanted(one: Proposal) -> Wanted:
    said = one.said
    return Wanted(said.segment, said.version, said.text, "corrected", revision.reason(said.model))


def _of(proposals: Sequence[Proposal], scope: str) -> list[Proposal]:
    return [one for one in proposals if scope in ("*", one.said.channel)]


def _outcome(meeting: Meeting, fold: Fold, results: Mapping[str, Result]) -> Outcome:
    told: list[Told] = []
    for name, result in results.items():
        if result not in _DONE:
            known = fold.transcript.channel(name.rpartition(".")[0]).segments
            t0 = next((one.t0 or 0 for one in known if one.id == name), 0)
            clock = show.clock(fold.transcript.media_zero_utc_ms, t0)
            told.append(Told(name, record.path(meeting.id, name), clock, WHY.get(result, TROUBLES[result])))
    return Outcome(len(results) - len(told), tuple(told))


async def _page(
    rooms: Rooms,
    request: Request,
    meeting: Meeting,
    *,
    scope: str = "",
    results: Mapping[str, Result] | None = None,
    declined: int = 0,
    trouble: str = "",
    status: int = 0,
) -> Response:
    """Show the proposals to tick; with a `scope`, all of it as one thing to accept."""
    words = rooms.look.words(request)
    fold = await rooms.folds.of(meeting.id)
    every = await rooms.office.revisions.open(meeting, fold) if meeting.phase == "closed" else []
    channel = request.query_params.get("channel", "")
    chosen = _of(every, scope or channel or "*")
    names = {one.id: exporting.language_of(words, one) for one in meeting.created.channels}
    listed = chosen if scope else chosen[:MOST]
    standing = await rooms.office.revisions.standing(meeting.id)
    shown: dict[str, Any] = {
        "meeting": meeting,
        "created": meeting.created,
        "path": f"/staff/meetings/{meeting.id}/revision",
        "channel": channel,
        "channels": [(one, names[one], len(_of(every, one))) for one in names],
        "names": names,
        "spaced": spaced,
        "all": len(every),
        "chosen": len(chosen),
        "proposals": [_shown(meeting, fold, one) for one in listed],
        "more": len(chosen) - len(listed),
        "scope": scope,
        "seen": digest(chosen),
        "outcome": None if results is None else _outcome(meeting, fold, results),
        "declined": declined,
        "heard": bool(standing.heard),
        "trouble": TROUBLE.get(trouble, ""),
        "command": f"hearing revise {meeting.id}",
    }
    status = status or (400 if trouble else 200)
    return rooms.look.page(request, "revision.html", shown, status=status, headers=NO_STORE)


def _shown(meeting: Meeting, fold: Fold, one: Proposal) -> Shown:
    said = one.said
    language = said.language or meeting.channel(said.channel).language
    old, new = revision.marked(said.before, said.text, language)
    return Shown(
        f"{said.segment} {said.version} {one.position}",
        said.segment,
        record.path(meeting.id, said.segment),
        show.clock(fold.transcript.media_zero_utc_ms, said.t0),
        language,
        said.channel,
        old,
        new,
        said.model,
    )
