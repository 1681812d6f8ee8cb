"""The search: a page that is whole without script, and the same as JSON."""

from collections.abc import Awaitable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Protocol
from urllib.parse import quote

import msgspec
from markupsafe import Markup, escape
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing.archive.wanted import Count, Found, Hit, Reason, Wanted
from hearing.errors import Refused
from hearing.site import geneva
from hearing.site.i18n import Words, english
from hearing.site.look import Look
from hearing.site.scriptwords import MARKS
from hearing.site.searchwords import because, language_name
from hearing.site.show import media_time
from hearing.transcript import Mark

PAGE = 10
_MOST_PAGES = 100
_MOST_CHOICES = 12
_MAX_FILTER = 200
_HOUR_MS = 3_600_000
_FILTERS = ("language", "body", "dialogue", "meeting", "speaker")


class Searching(Protocol):
    """What finds; see hearing.archive.search."""

    def find(self, wanted: Wanted) -> Awaitable[Found]: ...


class HitAnswer(msgspec.Struct, frozen=True):
    """One moment. `t` is media time in ms, `at` the instant in UTC; `marks` are places in `text`, in code points.

    `speaker` is empty where nobody knows. `mark` is of the text: where that takes in several passages, the least.
    """

    meeting: str
    title: str
    body: str
    dialogue: str
    channel: str
    kind: str
    language: str
    segment: str
    t: int
    at: str
    url: str
    text: str
    marks: list[tuple[int, int]]
    cut_before: bool
    cut_after: bool
    speaker: str = ""
    mark: Mark = "machine"


class ReasonAnswer(msgspec.Struct, frozen=True):
    """Why nothing was found. `code` is stable, `text` is for people."""

    code: str
    text: str
    languages: list[Count]
    excluded: int
    missing: list[str]


class SearchAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a search found; `behind` meetings are still being read in."""

    query: str
    total: int
    meetings: int
    hits: list[HitAnswer]
    languages: list[Count]
    bodies: list[Count]
    dialogues: list[Count]
    behind: int = 0
    reason: ReasonAnswer | None = None
    speakers: list[Count] = []


class Shown(msgspec.Struct, frozen=True):
    """A hit as the page shows it."""

    hit: Hit
    text: Markup
    path: str
    clock: str
    media_time: str
    floor: bool


class Choice(msgspec.Struct, frozen=True):
    """A value to narrow by. `label` is how it is called; `value` empty takes the filter away."""

    value: str
    label: str
    hits: int
    chosen: bool


def routes(look: Look, searching: Searching) -> list[Route]:
    """Serve the search."""

    async def page(request: Request) -> Response:
        return await _page(look, searching, request)

    async def api(request: Request) -> Response:
        wanted = wanted_of(request.query_params)
        found = await searching.find(wanted)
        body = msgspec.json.encode(answer(wanted, found, english()))
        return Response(body, 200, {"Cache-Control": "no-store"}, "application/json")

    return [Route("/search", page), Route("/api/search", api)]


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """Read what is asked from an address. `from` and `to` are days in Geneva, both included. Raises Refused."""
    filters = {name: query.get(name, "").strip()[:_MAX_FILTER] for name in _FILTERS}
    return Wanted(
        text=query.get("q", ""),
        since=_day_ms(query.get("from", ""), "from"),
        until=_day_ms(query.get("to", ""), "to", after=1),
        order="newest" if query.get("order") == "newest" else "closest",
        limit=_whole(query.get("limit", ""), PAGE, "limit"),
        skip=_whole(query.get("offset", ""), 0, "offset"),
        **filters,
    )


def answer(wanted: Wanted, found: Found, words: Words) -> SearchAnswer:
    """Write what was found as the API gives it."""
    return SearchAnswer(
        query=wanted.text,
        total=found.total,
        meetings=found.meetings,
        hits=[_hit(hit) for hit in found.hits],
        languages=found.languages,
        bodies=found.bodies,
        dialogues=found.dialogues,
        behind=found.behind,
        reason=_reason(found.reason, wanted, words) if found.reason else None,
        speakers=found.speakers,
    )


def _reason(reason: Reason, wanted: Wanted, words: Words) -> ReasonAnswer:
    text = str(because(reason, wanted, words))
    return ReasonAnswer(reason.code, text, reason.languages, reason.excluded, reason.missing)


async def _page(look: Look, searching: Searching, request: Request) -> Response:
    asked = {**request.query_params, "limit": str(PAGE), "offset": ""}
    asked["q"] = " ".join(asked.get("q", "").split())
    number = min(_MOST_PAGES, max(1, _whole(asked.get("page", ""), 1, "page")))
    wanted = replace(wanted_of(asked), skip=(number - 1) * PAGE)
    words = look.words(request)
    found = await searching.find(wanted) if wanted.text else None
    shown = {
        "wanted": wanted,
        "day_from": asked.get("from", ""),
        "day_to": asked.get("to", ""),
        "number": number,
        "found": found,
        "hits": [_shown(hit) for hit in found.hits] if found else [],
        "signs": MARKS,
        "next": found is not None and found.total > number * PAGE and number < _MOST_PAGES,
        "because": because(found.reason, wanted, words) if found and found.reason else None,
        "choices": _choices(found, wanted, words) if found else [],
    }
    return look.page(request, "search.html", shown)


def _choices(found: Found, wanted: Wanted, words: Words) -> list[tuple[str, str, list[Choice]]]:
    """Return what can be chosen: the name of each filter, its heading, and its values."""
    t = words.t
    named = {count.key: language_name(count.key, words) for count in [*found.languages, Count(wanted.language, 0)]}
    called = {count.key: count.label for count in found.dialogues}
    known = {count.key for count in found.speakers} | {""}
    part = [] if wanted.speaker in known else [Count(wanted.speaker, found.total)]
    by = [
        ("language", t("Language"), found.languages, wanted.language, named),
        ("body", t("Committee"), found.bodies, wanted.body, {}),
        ("dialogue", t("Review"), found.dialogues, wanted.dialogue, called),
        ("speaker", t("Speaker"), [*part, *found.speakers], wanted.speaker, {}),
    ]
    chosen = [(name, str(heading), _values(counts, now, labels)) for name, heading, counts, now, labels in by]
    return [one for one in chosen if len(one[2]) > 1 or any(value.chosen for value in one[2])]


def _values(counts: list[Count], now: str, labels: Mapping[str, str]) -> list[Choice]:
    there = counts[:_MOST_CHOICES]
    if now and now not in [count.key for count in there]:
        there = [Count(now, 0), *there]
    return [Choice(count.key, labels.get(count.key, count.key), count.hits, count.key == now) for count in there]


def _shown(hit: Hit) -> Shown:
    at = geneva.at(hit.at_ms)
    return Shown(
        hit, _marked(hit), f"/m/{quote(hit.meeting.id)}", f"{at:%H:%M:%S}", media_time(hit.t), _kind(hit) == "floor"
    )


def _marked(hit: Hit) -> Markup:
    """Return the text with its marks; all else in it is escaped."""
    edges = [0, *(edge for span in hit.marks for edge in span), len(hit.text)]
    pieces = [escape(hit.text[start:end]) for start, end in pairwise(edges)]
    for number in range(1, len(pieces), 2):
        pieces[number] = Markup("<mark>{}</mark>").format(pieces[number])
    return Markup("{}{}{}").format(
        "… " if hit.cut_before else "", Markup("").join(pieces), " …" if hit.cut_after else ""
    )


def _hit(hit: Hit) -> HitAnswer:
    created = hit.meeting.created
    return HitAnswer(
        meeting=created.meeting,
        title=created.title,
        body=created.body,
        dialogue=created.dialogue,
        channel=hit.channel,
        kind=_kind(hit),
        language=hit.language,
        segment=hit.segment,
        t=hit.t,
        at=geneva.iso(hit.at_ms) or "",
        url=_address(hit),
        text=hit.text,
        marks=hit.marks,
        cut_before=hit.cut_before,
        cut_after=hit.cut_after,
        speaker=hit.speaker,
        mark=hit.state,
    )


def _kind(hit: Hit) -> str:
    return next((one.kind for one in hit.meeting.created.channels if one.id == hit.channel), "interpretation")


def _address(hit: Hit) -> str:
    return f"/m/{quote(hit.meeting.id)}?channel={quote(hit.channel)}&all=1#{quote(hit.segment)}"


def _day_ms(given: str, name: str, after: int = 0) -> int | None:
    """Return the instant at which a day, or one so many days `after`, begins in Geneva; no clock changes then."""
    if not given:
        return None
    try:
        day = date.fromisoformat(given[:10]) + timedelta(days=after)
        utc_ms = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
        return next(at for at in (utc_ms - _HOUR_MS, utc_ms - 2 * _HOUR_MS) if not geneva.at(at).hour)
    except (OverflowError, ValueError) as error:
        raise Refused(f"`{name}` is a day such as 2026-11-09.") from error


def _whole(given: str, otherwise: int, name: str) -> int:
    if not given:
        return otherwise
    if not given.isascii() or not given.isdigit() or len(given) > 6:
        raise Refused(f"`{name}` is a whole number.")
    return int(given)
