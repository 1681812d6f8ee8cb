"""How a meeting is set up in a form: what stands in it, what of that has to be mended, and the meeting it asks for."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import get_args

import msgspec

from hearing import agenda, lang
from hearing.events import ChannelKind
from hearing.house_events import Block, Channel, MeetingCreated, Profile
from hearing.meeting import House
from hearing.site import geneva
from hearing.site.forms import Form
from hearing.site.scriptwords import t

MOST_TRACKS, MOST_BLOCKS = 16, 40
_MOST_TEXT, _MOST_SOURCE, _MOST_MINUTES = 200, 4096, 600
_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_LAST_NUMBER = re.compile(r"(.*?)-?(\d{1,6})")
_SPARE_TRACKS, _SPARE_BLOCKS = 2, 3
_ANY = "floor-any"
"""The kind of a floor on which any of several languages may be spoken."""
_RESERVED = ("accept",)  # /staff/{dialogue}/accept is where an invitation is taken

_BAD_ID = t("Use 1 to 64 of a to z, 0 to 9 and “-”, as in valdoria-2.")
TAKEN = t("There is a meeting with this id already, or there was one. Choose another.")
_NO_TITLE = t("Write a title.")
_LONG = t("This is too long: {most} characters at the most.")
_BAD_PROFILE = t(
    "Another meeting of this dialogue works another way, on which what people sent relies. Choose the same."
)
_OTHERS_DIALOGUE = t(
    "There is a dialogue with the meeting’s id as its name. Choose it expressly, or choose another id."
)
_BAD_TIME = t("This is not a day and a time, as in 2026-11-24 10:00.")
_NO_SOURCE = t("Say where sound and picture come from: the path of a file on the server.")
_NO_TRACK = t("Choose the language of at least one track.")
_NO_BLOCK_TITLE = t("This part has minutes but no title.")
_BAD_MINUTES = t("Minutes are a number from 0 to {most}.")

PROFILES: Mapping[Profile, str] = {
    "treaty-body": t("Treaty body: for the committee only, nothing is published"),
    "upr": t("Universal periodic review: for the secretariat only, nothing is published"),
    "procedures": t("Special procedures: for the mandate only, nothing is published"),
    "open": t("Open: a public queue, as in briefings and side events"),
}


class Track(msgspec.Struct, frozen=True):
    """A row of the form: one audio track of the source. Without a language it is not used."""

    language: str = ""
    kind: str = "interpretation"


class Part(msgspec.Struct, frozen=True):
    """A row of the form: one block of the agenda, as typed."""

    id: str = ""
    title: str = ""
    minutes: str = ""


class Draft(msgspec.Struct, frozen=True):
    """What stands in the form. `like` is the meeting it was taken over from, `seen` the setup it was made from."""

    meeting: str = ""
    title: str = ""
    body: str = ""
    dialogue: str = ""
    profile: str = "treaty-body"
    starts: str = ""
    source: str = ""
    tracks: tuple[Track, ...] = ()
    parts: tuple[Part, ...] = ()
    like: str = ""
    seen: str = ""
    support: bool = False


class Problem(msgspec.Struct, frozen=True):
    """Something to mend, beside its field."""

    field: str
    message: str
    values: Mapping[str, str | int] = {}


def draft_of(created: MeetingCreated, seen: str) -> Draft:
    """Return the form of a meeting; `seen` names how it is set up."""
    tracks = {channel.track: channel for channel in created.channels if channel.track < MOST_TRACKS}
    used = [tracks.get(number) for number in range(max(tracks, default=-1) + 1)]
    return Draft(
        created.meeting,
        created.title,
        created.body,
        created.dialogue,
        created.profile,
        "" if created.starts_ms is None else f"{geneva.at(created.starts_ms):%Y-%m-%dT%H:%M}",
        created.source,
        tuple(Track(one.language, _kind_of(one)) if one else Track() for one in used),
        tuple(Part(one.id, one.title, str(one.minutes) if one.minutes else "") for one in created.agenda),
        seen=seen,
        support=created.support,
    )


def draft_like(created: MeetingCreated, house: House) -> Draft:
    """Return the form of another meeting like one: under a free id, its time still to be set."""
    draft = draft_of(created, "")
    parts = tuple(msgspec.structs.replace(part, id="") for part in draft.parts)
    return msgspec.structs.replace(
        draft, meeting=free_id(created.meeting, house), starts="", parts=parts, like=created.meeting
    )


def free_id(meeting_id: str, house: House) -> str:
    """Return the next id nobody had: valdoria-3 after valdoria-2."""
    numbered = _LAST_NUMBER.fullmatch(meeting_id)
    stem, number = (numbered[1], int(numbered[2])) if numbered and numbered[1] else (meeting_id, 1)
    while (name := f"{stem[:56]}-{number + 1}") in house.meetings or name in house.purged:
        number += 1
    return name


def read(form: Form, created: MeetingCreated | None) -> Draft:
    """Read what was typed. Of a meeting that exists, id, dialogue and profile are what they are."""
    titles, minutes, ids = form.all("block-title"), form.all("block-minutes"), form.all("block-id")
    languages, kinds = form.all("language"), form.all("kind")
    draft = Draft(
        form.one("id").strip()[:200],
        " ".join(form.one("title").split()),
        " ".join(form.one("body").split()),
        form.one("dialogue").strip(),
        form.one("profile"),
        form.one("starts").strip()[:40],
        form.one("source").strip(),
        _used([Track(_language(one), _kind(kind)) for one, kind in zip(languages, kinds, strict=False)]),
        _typed([Part(*row) for row in zip(ids, map(_line, titles), map(_line, minutes), strict=False)]),
        form.one("from")[:64],
        form.one("seen")[:64],
        form.one("support") == "yes",
    )
    if created is None:
        return draft
    return msgspec.structs.replace(
        draft, meeting=created.meeting, dialogue=created.dialogue, profile=created.profile, like=""
    )


def rows(draft: Draft) -> Draft:
    """Return the form with rows to spare, for those who have no script to add one."""
    tracks = max(8, len(draft.tracks) + _SPARE_TRACKS)
    parts = max(6, len(draft.parts) + _SPARE_BLOCKS)
    draft = draft if draft.tracks else msgspec.structs.replace(draft, tracks=(Track("", "floor"),))
    return msgspec.structs.replace(
        draft,
        tracks=(*draft.tracks, *[Track()] * (min(tracks, MOST_TRACKS) - len(draft.tracks))),
        parts=(*draft.parts, *[Part()] * (min(parts, MOST_BLOCKS) - len(draft.parts))),
    )


def check(draft: Draft, house: House, *, new: bool) -> list[Problem]:
    """Say what has to be mended, in the order of the form."""
    return [
        *(_check_new(draft, house) if new else ()),
        *([] if draft.title else [Problem("title", _NO_TITLE)]),
        *(_too_long("title", draft.title, _MOST_TEXT)),
        *(_too_long("body", draft.body, _MOST_TEXT)),
        *([Problem("starts", _BAD_TIME)] if draft.starts and _starts(draft.starts) is None else []),
        *([] if draft.source else [Problem("source", _NO_SOURCE)]),
        *(_too_long("source", draft.source, _MOST_SOURCE)),
        *([] if any(track.language for track in draft.tracks) else [Problem("language-1", _NO_TRACK)]),
        *(problem for number, part in enumerate(draft.parts, 1) for problem in _check_part(number, part)),
    ]


def wanted(draft: Draft, base: MeetingCreated | None, known: Mapping[str, str]) -> MeetingCreated:
    """Return the meeting that a form without problems asks for.

    What the form does not hold stays as in `base`: the meeting that is changed, or that it was taken over from.
    `known` are the titles of the dialogue's other blocks, by id.
    """
    base = base or MeetingCreated("", "", "", "treaty-body", (), "")
    rows = [Block(part.id, part.title, int(part.minutes or 0)) for part in draft.parts if part.title]
    return msgspec.structs.replace(
        base,
        meeting=draft.meeting,
        dialogue=dialogue_of(draft),
        title=draft.title,
        body=draft.body,
        profile=draft.profile,
        starts_ms=_starts(draft.starts) if draft.starts else None,
        source=draft.source,
        channels=_channels(draft.tracks, base.channels),
        agenda=agenda.blocks(rows, known),
        rehearses="",
        support=draft.support,
    )


def dialogue_of(draft: Draft) -> str:
    """Return the dialogue that a form means: without one, the meeting begins its own."""
    return draft.dialogue or draft.meeting


def _check_new(draft: Draft, house: House) -> Iterable[Problem]:
    if not _ID.fullmatch(draft.meeting):
        yield Problem("id", _BAD_ID)
    elif draft.meeting in (*house.meetings, *house.purged, *_RESERVED):
        yield Problem("id", TAKEN)
    others = [one.created for one in house.meetings.values() if one.created.dialogue == dialogue_of(draft)]
    if others and not draft.dialogue:
        yield Problem("dialogue", _OTHERS_DIALOGUE)
    if draft.dialogue and not others and not _ID.fullmatch(draft.dialogue):
        yield Problem("dialogue", _BAD_ID)
    if others and others[0].profile != draft.profile:
        yield Problem("profile", _BAD_PROFILE)
    elif draft.profile not in get_args(Profile):
        yield Problem("profile", t("Choose one of what is offered."))


def _check_part(number: int, part: Part) -> Iterable[Problem]:
    if not part.title:
        yield from [Problem(f"block-{number}", _NO_BLOCK_TITLE)] if part.minutes else []
        return
    yield from _too_long(f"block-{number}", part.title, _MOST_TEXT)
    digits = part.minutes.isascii() and part.minutes.isdigit() and len(part.minutes) < 5
    if part.minutes and not (digits and int(part.minutes) <= _MOST_MINUTES):
        yield Problem(f"minutes-{number}", _BAD_MINUTES, {"most": _MOST_MINUTES})


def _too_long(field: str, text: str, most: int) -> list[Problem]:
    return [Problem(field, _LONG, {"most": most})] if len(text) > most else []


def _starts(text: str) -> int | None:
    """Read a time in Geneva; None for what is none."""
    try:
        there = datetime.fromisoformat(text)
    except ValueError:
        return None
    return geneva.utc_ms(there) if there.tzinfo is None and 2000 <= there.year < 2200 else None


def _channels(tracks: Sequence[Track], before: Sequence[Channel]) -> tuple[Channel, ...]:
    """Name the channel of each track that is used: as it was called, else by its language."""
    known = {(channel.track, channel.language): channel.id for channel in before}
    used = [(number, track) for number, track in enumerate(tracks) if track.language]
    names = {number: known[number, track.language] for number, track in used if (number, track.language) in known}
    for number, track in used:
        if number not in names:
            wanted = "floor" if track.kind == _ANY else track.language.lower()
            names[number] = _free(wanted, names.values())
    kinds: dict[str, ChannelKind] = {"floor": "floor", _ANY: "floor"}
    several = {(channel.track, channel.language): channel.languages for channel in before if channel.languages}
    return tuple(
        Channel(
            names[number],
            track.language,
            number,
            kinds.get(track.kind, "interpretation"),
            several.get((number, track.language), _any(track.language)) if track.kind == _ANY else (),
        )
        for number, track in used
    )


def _any(language: str) -> tuple[str, ...]:
    """Return what may be spoken on a floor: the six languages, this one first."""
    return tuple(dict.fromkeys((language, *lang.FLOOR)))


def _kind_of(channel: Channel) -> str:
    return _ANY if len(channel.languages) > 1 else channel.kind


def _free(language: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    names = (language, *(f"{language}-{number}" for number in range(2, MOST_TRACKS + 2)))
    return next(name for name in names if name not in taken)


def _used(tracks: list[Track]) -> tuple[Track, ...]:
    last = max((number for number, track in enumerate(tracks, 1) if track.language), default=0)
    return tuple(tracks[: min(last, MOST_TRACKS)])


def _typed(parts: list[Part]) -> tuple[Part, ...]:
    return tuple(part for part in parts if part.title or part.minutes)[:MOST_BLOCKS]


def _language(text: str) -> str:
    return text if _LANGUAGE.fullmatch(text) else ""


def _kind(text: str) -> str:
    return text if text in {"floor", _ANY} else "interpretation"


def _line(text: str) -> str:
    return " ".join(text.split())
