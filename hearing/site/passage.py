"""One passage by its permanent address: in its context, with its times, its sound, and a text to cite it by."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from babel.dates import format_date
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hearing import transcript, turns
from hearing.archive import record
from hearing.archive.record import Entry, Quiet, Segment
from hearing.archive.speakers import changes, label
from hearing.errors import NotFound
from hearing.events import Basis
from hearing.house_events import Channel
from hearing.lang import spaced
from hearing.meeting import Meeting
from hearing.site import cited, exporting, geneva, show
from hearing.site.address import address_of
from hearing.site.cited import Cited
from hearing.site.folds import Fold
from hearing.site.i18n import Words
from hearing.site.look import Link, Look
from hearing.site.scriptwords import MARKS, t
from hearing.site.session import NO_STORE
from hearing.transcript import Mark, Spoken
from hearing.transcript import Segment as Said

_REACH = 3
_NUMBER = re.compile(r"(?:(?P<channel>[a-z0-9-]+)\.)?(?P<n>0|[1-9][0-9]{0,8})")

BASES: Mapping[Basis, str] = {
    "person-at-risk": t("It puts a person at risk"),
    "privacy": t("It is nobody else’s business"),
    "confidential": t("It was said in confidence"),
    "court-order": t("A court or an authority orders it"),
    "error": t("It should never have been relayed"),
}
"""How it is said why words were taken out of the record."""


class Near(msgspec.Struct, frozen=True):
    """A passage as the page shows it, or a gap, or a `quiet` stretch: those have no address.

    `here` is the one that was asked for. `begins`: somebody else spoke before.
    """

    id: str
    path: str
    clock: str
    text: str
    hidden: bool
    here: bool
    taken: bool = False
    speaker: str = ""
    title: str = ""
    begins: bool = False
    language: str = ""
    quiet: bool = False


class Place(msgspec.Struct, frozen=True):
    """What the address names: a segment of one channel, and what stands around it."""

    meeting: Meeting
    channel: Channel
    near: tuple[Entry, ...]
    cited: Cited
    said: Said | None = None
    asked: str = ""
    words: str = ""

    @property
    def here(self) -> Segment:
        """The segment, as of the release that was asked for."""
        return self.cited.segment

    @property
    def editable(self) -> bool:
        """Tell whether it can be corrected: it has its times, can be read, and no other release was asked for."""
        return self.here.timed and not self.here.hidden and not self.asked


class Version(msgspec.Struct, frozen=True):
    """One text that a passage had. `release` is the record's with which it came; 0: while the meeting was on."""

    version: int
    mark: Mark
    text: str
    release: int
    at_ms: int = 0
    reason: str = ""


class Editing(msgspec.Struct, frozen=True):
    """The form that corrects a passage, as it is offered or as it came back. `trouble` says why it did."""

    path: str
    segment: str
    version: int
    text: str
    mark: str = "corrected"
    reason: str = ""
    trouble: str = ""
    status: int = 200


def numbered(channel: str, given: str) -> int | None:
    """Read the last part of an address, `5` or the id `en.5`; None where it is an id. Raises NotFound."""
    match = _NUMBER.fullmatch(given)
    if match is None or match["channel"] not in {None, channel}:
        raise NotFound("A passage is named by its number, as in /m/MEETING/en/5.")
    return None if match["channel"] else int(match["n"])


def find(meeting: Meeting, fold: Fold, channel: Channel, n: int, query: Mapping[str, str]) -> Place:
    """Find a passage. Raises NotFound for one that never was, or is not final yet, and for a release that never was."""
    spoken, language = fold.transcript.channel(channel.id), channel.language
    release = cited.release_of(fold, query.get("release", ""))
    heard = turns.heard(fold.transcript.turns, channel.kind)
    near = record.around(spoken, channel.id, language, n, _REACH, heard=heard)
    here = next(one for one in near if isinstance(one, Segment) and one.n == n)
    said = transcript.find(spoken, here.id)
    if said is None:  # it was erased whole: a tombstone stands for it
        return Place(meeting, channel, near, Cited(here, release), None)
    meant = cited.cite(fold, said, language, release, query.get("words", ""), heard=heard)
    asked = f"r{release}" if release != fold.release else ""
    if asked:
        near = tuple(_as_of(fold, spoken, one, language, release, heard=heard) for one in near)
    return Place(meeting, channel, near, meant, said, asked, query.get("words", "")[:20])


def _as_of(fold: Fold, spoken: Spoken, entry: Entry, language: str, release: int, *, heard: turns.Heard) -> Entry:
    said = transcript.find(spoken, entry.id) if isinstance(entry, Segment) else None
    if said is None:
        return entry
    return record.segment(said, language, heard, through=cited.version_at(fold, said, release))


async def page(
    look: Look,
    request: Request,
    meeting: Meeting,
    fold: Fold,
    tracks: Sequence[show.Track],
    *,
    editing: Editing | None = None,
) -> Response:
    """Answer with the page. A passage that was taken away is gone: 410, and a tombstone in its place.

    `editing` is the form of somebody who may correct it. Raises NotFound for a release that never was.
    """
    channel = meeting.channel(request.path_params["channel"])
    n = numbered(channel.id, request.path_params["segment"])
    query = request.query_params
    named = cited.ends_of(query.get("first", ""), query.get("last", ""))
    if n is None or named:
        n = int(request.path_params["segment"].rpartition(".")[2])
        path = record.path(meeting.id, f"{channel.id}.{n}")
        kept = {"words": named or query.get("words"), "release": query.get("release")}
        return RedirectResponse(Link(request).to(path, **kept), 303 if named else 308)
    place = find(meeting, fold, channel, n, query)
    shown = _shown(look.words(request), place, fold, address_of(request))
    sound = show.modes(tracks, channel.id)
    shown["listen"] = any(one.mode == "audio" for one in sound) and not place.here.hidden
    shown["editing"] = editing if editing and place.editable else None
    shown["done"] = query.get("done", "")
    status = 410 if place.here.hidden else editing.status if editing else 200
    return look.page(request, "passage.html", shown, status=status, headers=NO_STORE if editing else None)


def _shown(words: Words, place: Place, fold: Fold, address: str) -> dict[str, Any]:
    here, zero = place.here, fold.transcript.media_zero_utc_ms
    path = record.path(place.meeting.id, here.id)
    provisional = fold.release == 0
    link = Link.of(f"{address}{path}", words=place.cited.words, release=place.asked)
    return {
        "meeting": place.meeting,
        "created": place.meeting.created,
        "channel": place.channel,
        "channel_name": exporting.language_of(words, place.channel, place.here.language),
        "here": here,
        "path": path,
        "cited": place.cited,
        "asked_words": place.words,
        "asked_release": place.asked,
        "spoken": here.spoken(place.channel.language),
        "spaced": spaced(here.spoken(place.channel.language)),
        "near": [_near(place, one, zero, begins=begins) for one, begins in changes(_shown_near(place))],
        "zero": zero,
        "clock_at": show.clock(zero, here.t0),
        "media_time": show.media_time(here.t0),
        "mark": MARKS[here.mark],
        "marks": MARKS,
        "taken": BASES[here.basis] if here.basis else "",
        "growing": provisional and not here.timed,
        "history": () if here.hidden else history(place, fold),
        "current": fold.release,
        "provisional": provisional,
        "link_to_copy": link,
        "cite": "" if here.hidden else citation(words, place, fold, link),
    }


def history(place: Place, fold: Fold) -> tuple[Version, ...]:
    """Return every version of a passage that was corrected, the newest first, down to the machine's text."""
    said = place.said
    if said is None or not said.versions:
        return ()
    language = place.channel.language
    zero = Version(0, said.first_mark, record.segment(said, language, through=0).text, 0 if fold.release == 0 else 1)
    versions = [
        Version(
            one.version,
            one.mark,
            record.segment(said, language, through=one.version).text,
            fold.made.get((said.id, one.version), 0),
            one.at_ms,
            record.clean(one.reason),
        )
        for one in said.versions
    ]
    return (*reversed(versions), zero)


def citation(words: Words, place: Place, fold: Fold, link: str) -> str:
    """Return the text to cite a passage by: what was said, where and when, what the text is, and its address."""
    created, zero = place.meeting.created, fold.transcript.media_zero_utc_ms
    t0 = place.cited.t0
    when = [words.t("{time} of the recording", time=show.media_time(t0))]
    if zero is not None:
        moment = geneva.at(zero + t0)
        day = format_date(moment, "long", locale=words.locale)
        when.insert(0, words.t("{day}, {time} in Geneva", day=day, time=f"{moment:%H:%M:%S}"))
    nobody = exporting.plain(words.t("Speaker not identified"))
    speaker = label(place.here.speaker, place.here.title, words.language, nobody)
    names = [_apart(words, record.clean(name)) for name in (created.body, created.title)]
    parts = (speaker, *names, *map(exporting.plain, when))
    release = place.cited.release
    what = exporting.text_of(words, f"r{release}", provisional=release == 0, whose=place.here.mark)
    name = exporting.language_of(words, place.channel, place.here.language)
    comma = exporting.comma(words)
    return "\n".join(
        (
            exporting.plain(words.t("“{quote}”", quote=place.cited.quote)),
            comma.join(part for part in (*parts, name) if part),
            what,
            exporting.plain(words.t("Not an official record; only the original language is authentic.")),
            link,
        )
    )


def _apart(words: Words, name: str) -> str:
    """Keep a name in another script from taking a date beside it along (UAX 9, isolates)."""
    return f"\u2068{name}\u2069" if name and words.direction == "rtl" else name


def _shown_near(place: Place) -> list[Entry]:
    return [one for one in place.near if not isinstance(one, Segment) or one.hidden or one.text]


def _near(place: Place, entry: Entry, zero: int | None, *, begins: bool) -> Near:
    clock = show.clock(zero, entry.t0)
    if not isinstance(entry, Segment):
        return Near(
            f"{'quiet' if isinstance(entry, Quiet) else 'gap'}-{entry.t0}",
            "",
            clock,
            "",
            hidden=False,
            here=False,
            quiet=isinstance(entry, Quiet),
        )
    path = record.path(place.meeting.id, entry.id)
    is_here = entry.id == place.here.id
    who = (entry.speaker, entry.title, begins, entry.spoken(place.channel.language))
    return Near(entry.id, path, clock, entry.text, entry.hidden, is_here, bool(entry.basis), *who)
