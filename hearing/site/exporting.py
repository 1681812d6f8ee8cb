"""What was said as files: on the meeting's page for everyone, in the API for programs, and for the command line."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import urlsplit

from babel.dates import format_date
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearing import house_events, lang
from hearing.archive import record
from hearing.archive.exports import export
from hearing.archive.record import Channel, Release
from hearing.archive.wording import Wording
from hearing.errors import Refused
from hearing.meeting import House, Meeting
from hearing.site import geneva, i18n, show, web
from hearing.site.address import address_of
from hearing.site.api import Staff, check_staff
from hearing.site.folds import Fold, Folds
from hearing.site.i18n import Catalogues, Words
from hearing.site.scriptwords import MARKS, TAKEN_OUT, t
from hearing.transcript import Mark

KINDS = (
    ("txt", t("Plain text")),
    ("docx", t("Document to edit")),
    ("vtt", t("Captions with times")),
    ("srt", t("Captions for video players")),
    ("md", t("Text with links to each passage")),
    ("jsonl", t("Words with times, for programs")),
)
"""The files a page offers, in this order, and what they are for."""

_WRITERS = 2
"""Three hours of captions take a third of a second to write; readers are not to wait for more at a time."""

Whose = Mark | Literal["mixed", "shared"]
"""Whose text a passage or a channel is; `mixed`: corrected in part, `shared`: typed in part."""

_WHOSE: Mapping[Whose, tuple[str, str]] = {
    "machine": (t("Machine text, provisional while the meeting is on"), t("Machine text, release {release}")),
    "mixed": (
        t("Machine text with corrections, provisional while the meeting is on"),
        t("Machine text with corrections, release {release}"),
    ),
    "typed": (
        t("Text typed by a captioner, provisional while the meeting is on"),
        t("Text typed by a captioner, release {release}"),
    ),
    "shared": (
        t("Machine text, and text typed by a captioner, provisional while the meeting is on"),
        t("Machine text, and text typed by a captioner, release {release}"),
    ),
    "corrected": (
        t("Corrected text, provisional while the meeting is on"),
        t("Corrected text, release {release}"),
    ),
    "verified": (
        t("Text verified against the floor, provisional while the meeting is on"),
        t("Text verified against the floor, release {release}"),
    ),
}

_COMMAS = {"ar": "، ", "zh": "，"}


def routes(folds: Folds, house: Callable[[], House], staff: Staff, catalogues: Catalogues) -> list[Route]:
    """Serve the files. Only staff say under which address the meeting is known."""

    writing = asyncio.Semaphore(_WRITERS)

    async def answer(request: Request, channel: str, kind: str, address: str) -> Response:
        meeting = house().meeting(request.path_params["meeting"])
        async with writing:
            write = writer(meeting, await folds.of(meeting.id), (channel, kind), catalogues, address)
            content = await asyncio.to_thread(write)
        headers = {"Content-Disposition": f'attachment; filename="{meeting.id}-{channel}.{kind}"'}
        return Response(content, headers=headers, media_type=export(kind).media_type)

    async def download(request: Request) -> Response:
        found = request.path_params
        return await answer(request, found["channel"], found["kind"], address_of(request))

    async def exported(request: Request) -> Response:
        query = request.query_params
        if query.get("address"):
            check_staff(request, staff)
        address = checked(query.get("address", "")) or address_of(request)
        return await answer(request, query.get("channel", ""), query.get("format", ""), address)

    return [
        Route("/m/{meeting}/{channel}.{kind}", download),
        Route("/api/meetings/{meeting}/export", exported),
    ]


def writer(
    meeting: Meeting, fold: Fold, wanted: tuple[str, str], catalogues: Catalogues, address: str
) -> Callable[[], bytes]:
    """Return what writes one channel (`wanted`: its id and the kind of file) as it is known now. Raises NotFound."""
    channel_id, kind = meeting.channel(wanted[0]).id, export(wanted[1])
    release = record.release(meeting, fold.transcript, fold.release, [channel_id])
    channel = release.channel(channel_id)
    words = catalogues.words(channel.language.split("-", 1)[0])
    around = wording(words, release, channel, address)
    return lambda: kind.write(release, channel, around)


def catalogues() -> Catalogues:
    """Return the words of the pages, for who has no site."""
    return i18n.load(web.load().folder / "locale")


def checked(address: str) -> str:
    """Return a server's address without what follows it; empty stays empty. Raises Refused for what is none."""
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        if parts.scheme in {"http", "https"} and re.fullmatch(r"[\w.\-\[\]:]+", parts.netloc, re.ASCII):
            return f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        pass
    raise Refused("This is no server's address. Write it as https://hearing.example.org")


def wording(words: Words, release: Release, channel: Channel, address: str) -> Wording:
    """Say in these words where a file comes from, and what it is not."""
    zero = release.media_zero_utc_ms
    about = [release.body] if release.body else []
    if zero is not None:
        start, end = f"{geneva.at(zero):%H:%M}", f"{geneva.at(zero + release.end_t):%H:%M}"
        day = format_date(geneva.at(zero), "full", locale=words.locale)
        about.append(plain(words.t("{day}, {start} to {end} in Geneva", day=day, start=start, end=end)))
    about.append(language_of(words, channel))
    return Wording(
        words.language,
        release.title,
        tuple(about),
        tuple(plain(line) for line in _status(words, release, channel)),
        plain(words.t("This passage was hidden.")),
        plain(words.t(TAKEN_OUT)),
        plain(words.t("Words are missing here.")),
        plain(words.t("No speech was heard here.")),
        f"{address}/m/{release.meeting}",
        address,
        lambda t: show.clock(zero, t),
        plain(words.t("Speaker not identified")),
        {mark: plain(words.t(sign.text)) for mark, sign in MARKS.items() if mark != "machine"},
    )


def language_of(words: Words, channel: Channel | house_events.Channel, spoken: str = "") -> str:
    """Name a channel: its language, and whether that is the floor's. Of several, `spoken` is the one that is meant."""
    if len(channel.languages) > 1 and not spoken:
        return plain(words.t("Floor, in several languages"))
    language = spoken or channel.language
    name = words.locale.languages.get(language.split("-", 1)[0]) or lang.name(language)
    if channel.kind == "floor":
        return plain(words.t("{language}, floor", language=name))
    return plain(words.t("{language}, interpretation", language=name))


def text_of(words: Words, release: str, *, provisional: bool, whose: Whose = "machine") -> str:
    """Say whose text it is, and of which release."""
    live, closed = _WHOSE[whose]
    return plain(words.t(live) if provisional else words.t(closed, release=release))


def comma(words: Words) -> str:
    """Return what stands between the parts of an enumeration."""
    return _COMMAS.get(words.language, ", ")


def plain(text: Markup) -> str:
    """Return words as text, free of markup and of what no file holds."""
    return record.clean(str(text.unescape()))


def _status(words: Words, release: Release, channel: Channel) -> list[Markup]:
    said = [one for one in channel.segments if one.text]
    mended = sum(one.mark in ("corrected", "verified") for one in said)
    typed = sum(one.mark == "typed" for one in said)
    whose: Whose = "mixed" if mended else "machine"
    if typed:
        whose = "shared" if any(one.mark == "machine" for one in said) else "typed"
    text = Markup.escape(text_of(words, release.id, provisional=release.provisional, whose=whose))
    rules = words.t(
        "Not corrected, and not an official record; only the original language, spoken on the floor, is authentic."
    )
    if mended:
        rules = words.t(
            "{n} of {all} passages were corrected or verified by the secretariat. Not an official record; only the "
            "original language, spoken on the floor, is authentic.",
            n=mended,
            all=len(said),
        )
    geneva_times = words.t("Times are those of Geneva.")
    hands = [words.t("{n} of {all} passages were typed by a captioner.", n=typed, all=len(said))] if typed else []
    return [
        text,
        *hands,
        rules,
        words.t("Times count from the start.") if release.media_zero_utc_ms is None else geneva_times,
    ]
