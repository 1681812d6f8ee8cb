"""Correct a misheard name wherever it stands: say how it reads and how it should, look at every place, and tick.

Plain forms. Each place carries the version of its passage that was seen: what somebody changed meanwhile stays as it
is and is told, the rest is done at once.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import transcript
from hearing.access import Capability
from hearing.archive import misheard, record
from hearing.archive.record import clean, tidy
from hearing.correcting import Result, Wanted
from hearing.house_events import Channel
from hearing.lang import join
from hearing.meeting import Meeting
from hearing.site import exporting, session, show
from hearing.site.correcting import TROUBLES
from hearing.site.dialogue import Dialogue, Rooms
from hearing.site.folds import Fold
from hearing.site.forms import Form, read_form
from hearing.site.scriptwords import t
from hearing.site.session import NO_STORE
from hearing.transcript import Segment

MOST = 400
"""A form holds so many ticks; when those are corrected, the next are found."""

_REACH = 90
_DONE = ("corrected", "stands")
WHY: Mapping[Result, str] = {
    "overtaken": t("Somebody corrected this passage since you looked. Look at it again."),
    "same": t("The name reads so already."),
}
_TICK = re.compile(r"([a-z0-9-]{1,32}\.[0-9]{1,9}) ([0-9]{1,9}) ([0-9]{1,4})")


class Asked(msgspec.Struct, frozen=True):
    """What somebody looks for, and what is to stand there. `channel` is empty for all."""

    name: str
    right: str
    channel: str = ""
    reason: str = ""


class Text(msgspec.Struct, frozen=True):
    """What a segment says, in this version."""

    segment: str
    version: int
    t0: int
    language: str
    text: str


class Place(msgspec.Struct, frozen=True):
    """Where the name stands: the `nth` time in its segment, which was seen in this version."""

    segment: str
    version: int
    nth: int
    path: str
    clock: str
    language: str
    before: str
    said: str
    after: str

    @property
    def tick(self) -> str:
        """What its box says."""
        return f"{self.segment} {self.version} {self.nth}"


class Told(msgspec.Struct, frozen=True):
    """A passage that was not corrected, and why."""

    segment: str
    path: str
    clock: str
    why: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of the ticks."""

    corrected: int
    told: tuple[Told, ...]


def routes(rooms: Rooms) -> list[Route]:
    """Serve the page. Both routes ask for the capability first."""

    async def look(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "passage.correct")
        query = request.query_params
        meeting = found.named(query.get("meeting", ""))
        return await _page(rooms, request, (found, who), meeting, _asked(Form(tuple(query.multi_items()))))

    async def act(request: Request) -> Response:
        found, who = await session.allowed(rooms, request, "passage.correct")
        form = await read_form(request)
        meeting = found.named(form.one("meeting"))
        asked = _asked(form)
        ticks = [match for one in form.all("hit") if (match := _TICK.fullmatch(one))]
        if not (asked.right and asked.reason and ticks):
            return await _page(rooms, request, (found, who), meeting, asked, unsaid=True)

        fold = await rooms.folds.of(meeting.id)
        wanted, results = _wanted(meeting, fold, asked, ticks)
        decided, position = await rooms.office.corrections.make(
            who, meeting, wanted, lambda at: rooms.folds.past(meeting.id, at)
        )
        await rooms.folds.past(meeting.id, position)
        return await _page(rooms, request, (found, who), meeting, asked, results=results | decided.results)

    return [Route("/d/{dialogue}/misheard", look), Route("/d/{dialogue}/misheard", act, methods=["POST"])]


def texts(meeting: Meeting, fold: Fold, asked: Asked) -> list[Text]:
    """Return what can be corrected, channel by channel."""
    return [
        Text(segment.id, segment.edition, segment.t0 or 0, segment.spoken(channel.language), _text(segment, channel))
        for channel in _channels(meeting, asked)
        for segment in fold.transcript.channel(channel.id).segments
        if segment.closed and not segment.hidden
    ]


def places(known: Iterable[Text], name: str, meeting: str, zero: int | None) -> list[Place]:
    """Return where a name stands. Three hours in six languages take half a second: not for the event loop."""
    found: list[Place] = []
    for one in known:
        for nth, span in enumerate(misheard.hits(one.text, name)):
            before, after = misheard.around(one.text, span, _REACH)
            path, clock = record.path(meeting, one.segment), show.clock(zero, one.t0)
            said = one.text[span[0] : span[1]]
            found.append(Place(one.segment, one.version, nth, path, clock, one.language, before, said, after))
    return found


def _asked(form: Form) -> Asked:
    return Asked(
        tidy(clean(form.one("name")))[: misheard.MAX_NAME],
        tidy(clean(form.one("right")))[: misheard.MAX_NAME],
        form.one("channel")[:32],
        tidy(clean(form.one("reason")))[:200],
    )


def _channels(meeting: Meeting, asked: Asked) -> Sequence[Channel]:
    return [meeting.channel(asked.channel)] if asked.channel else meeting.created.channels


def _text(segment: Segment, channel: Channel) -> str:
    return clean(join(segment.shown, segment.spoken(channel.language)))


def _wanted(
    meeting: Meeting, fold: Fold, asked: Asked, ticks: Sequence[re.Match[str]]
) -> tuple[list[Wanted], dict[str, Result]]:
    """Return what each ticked segment is to say, and what is settled: those that changed since they were looked at."""
    ticked: dict[str, tuple[int, set[int]]] = {}
    for tick in ticks:
        ticked.setdefault(tick[1], (int(tick[2]), set()))[1].add(int(tick[3]))
    wanted: list[Wanted] = []
    settled: dict[str, Result] = {}
    for name, (version, numbers) in ticked.items():
        channel = meeting.channel(name.rpartition(".")[0])
        segment = transcript.find(fold.transcript.channel(channel.id), name)
        text = _text(segment, channel) if segment else ""
        spans = misheard.hits(text, asked.name)
        if segment and segment.edition != version:
            settled[name] = "overtaken" if spans else "stands"
            continue
        text = misheard.replaced(text, [span for nth, span in enumerate(spans) if nth in numbers], asked.right)
        wanted.append(Wanted(name, version, text, "corrected", asked.reason))
    return wanted, settled


def _outcome(meeting: Meeting, fold: Fold, results: Mapping[str, Result]) -> Outcome:
    zero = fold.transcript.media_zero_utc_ms
    told: list[Told] = []
    for name, result in results.items():
        if result not in _DONE:
            segment = transcript.find(fold.transcript.channel(name.rpartition(".")[0]), name)
            clock = show.clock(zero, (segment and segment.t0) or 0)
            told.append(Told(name, record.path(meeting.id, name), clock, WHY.get(result, TROUBLES[result])))
    return Outcome(len(results) - len(told), tuple(told))


async def _page(
    rooms: Rooms,
    request: Request,
    seat: tuple[Dialogue, Capability],
    meeting: Meeting,
    asked: Asked,
    *,
    results: Mapping[str, Result] | None = None,
    unsaid: bool = False,
) -> Response:
    found, who = seat
    words = rooms.look.words(request)
    fold = await rooms.folds.of(meeting.id)
    known: list[Place] = []
    if asked.name:
        zero = fold.transcript.media_zero_utc_ms
        known = await asyncio.to_thread(places, texts(meeting, fold, asked), asked.name, meeting.id, zero)
    shown: dict[str, Any] = {
        "dialogue": found,
        "who": who,
        "desk_pages": session.pages(who, found.id),
        "meeting": meeting,
        "meetings": [one for one in found.meetings if one.phase != "planned"],
        "asked": asked,
        "places": known[:MOST],
        "more": max(0, len(known) - MOST),
        "channels": [(one, exporting.language_of(words, one)) for one in meeting.created.channels],
        "outcome": None if results is None else _outcome(meeting, fold, results),
        "unsaid": unsaid,
    }
    return rooms.look.page(request, "misheard.html", shown, status=400 if unsaid else 200, headers=NO_STORE)
