"""A meeting's life: created, opened, closed. State is a fold of the `house` stream; decisions are pure."""

import re
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from hearing.errors import Conflict, NotFound, Refused
from hearing.house_events import (
    Block,
    BlockBegan,
    Channel,
    CloseReason,
    HouseEvent,
    MeetingChanged,
    MeetingClosed,
    MeetingCreated,
    MeetingOpened,
    MeetingPurged,
    Profile,
)

Phase = Literal["planned", "open", "closed"]

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_CHANNEL_ID = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,8})*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*|")
_UTF8 = re.compile(r"[^\ud800-\udfff]*")
_YEAR_2000_MS, _YEAR_2200_MS = 946_684_800_000, 7_258_118_400_000
_MAX_SOURCE = 4096
_MAX_CHANNELS = 16
_MAX_TRACKS = 64
_MAX_LANGUAGES = 12
_MAX_BLOCKS = 40
_MAX_MINUTES = 600


class Meeting(msgspec.Struct, frozen=True):
    """One sitting, as the log tells it. Times are UTC milliseconds since the Unix epoch."""

    created: MeetingCreated
    phase: Phase = "planned"
    opened_ms: int | None = None
    closed_ms: int | None = None
    close_reason: CloseReason | None = None
    block: str = ""
    block_began_ms: int | None = None

    @property
    def id(self) -> str:
        return self.created.meeting

    @property
    def rehearsal(self) -> bool:
        """Whether only staff may see it."""
        return bool(self.created.rehearses)

    @property
    def current_block(self) -> Block | None:
        """The block of the agenda that is being dealt with."""
        return next((block for block in self.created.agenda if block.id == self.block), None)

    def channel(self, channel_id: str) -> Channel:
        """Return one channel. Raises NotFound, naming those that exist."""
        for channel in self.created.channels:
            if channel.id == channel_id:
                return channel
        known = ", ".join(channel.id for channel in self.created.channels)
        raise NotFound(f"This meeting has no such channel. Its channels: {known}.")


class House(msgspec.Struct, frozen=True):
    """Every meeting by id, in the order they were created. `purged` holds the ids of rehearsals that are gone."""

    meetings: Mapping[str, Meeting] = {}
    purged: frozenset[str] = frozenset()

    def public(self) -> "House":
        """Return the meetings that are no rehearsals."""
        return House({key: one for key, one in self.meetings.items() if not one.rehearsal}, self.purged)

    def rehearsals(self, meeting_id: str) -> list[Meeting]:
        """Return the rehearsals of a meeting that were not purged, oldest first."""
        return [one for one in self.meetings.values() if one.created.rehearses == meeting_id]

    def meeting(self, meeting_id: str) -> Meeting:
        """Return one meeting. Raises NotFound."""
        if meeting_id not in self.meetings:
            raise NotFound("There is no meeting with this id. List them with: hearing meeting list")
        return self.meetings[meeting_id]


def apply(house: House, event: HouseEvent | None) -> House:
    """Fold one event of the `house` stream in; an unknown or repeated one changes nothing."""
    match event:
        case MeetingCreated(meeting=key) if key not in house.meetings and key not in house.purged:
            return House({**house.meetings, key: Meeting(event)}, house.purged)
        case MeetingPurged(meeting=key) if key in house.meetings:
            kept = {other: one for other, one in house.meetings.items() if other != key}
            return House(kept, house.purged | {key})
        case MeetingChanged(meeting=key) if key in house.meetings:
            changed = msgspec.structs.replace(house.meetings[key], created=event.wanted)
        case BlockBegan(meeting=key) if key in house.meetings:
            changed = msgspec.structs.replace(house.meetings[key], block=event.block, block_began_ms=event.at_ms)
        case MeetingOpened(meeting=key) if key in house.meetings:
            changed = msgspec.structs.replace(house.meetings[key], phase="open", opened_ms=event.at_ms)
        case MeetingClosed(meeting=key) if key in house.meetings:
            changed = msgspec.structs.replace(
                house.meetings[key], phase="closed", closed_ms=event.at_ms, close_reason=event.reason
            )
        case _:
            return house
    return House({**house.meetings, key: changed}, house.purged)


def create(house: House, wanted: MeetingCreated) -> list[HouseEvent]:
    """Decide to create a meeting. Raises Refused for what is not well formed, Conflict where the id is taken."""
    _check_id(wanted.meeting)
    _check_wanted(wanted)
    if wanted.profile not in get_args(Profile):
        raise Refused(f"No such profile. Choose one of: {', '.join(get_args(Profile))}.")
    for other in house.meetings.values():
        if other.created.dialogue == wanted.dialogue and other.created.profile != wanted.profile:
            raise Refused(
                f"This dialogue has the profile {other.created.profile}, on which what people sent relies. Give the "
                "meeting the same, or another --dialogue."
            )
    if wanted.meeting in house.meetings or wanted.meeting in house.purged:
        raise Conflict("A meeting with this id exists already. Choose another --id; ids are never used twice.")
    return [wanted]


def change(house: House, wanted: MeetingCreated, at_ms: int) -> list[HouseEvent]:
    """Decide to set a meeting up anew. Raises Refused, and Conflict for what is fixed once it is open or closed."""
    meeting = house.meeting(wanted.meeting)
    created = meeting.created
    kept = ("dialogue", "profile", "created_ms", "rehearses")
    wanted = msgspec.structs.replace(wanted, **{name: getattr(created, name) for name in kept})
    _check_wanted(wanted)
    if meeting.phase == "closed":
        raise Conflict("This meeting is closed, and its record stays as it is. Create another one to go on.")
    if meeting.phase == "open" and (wanted.channels, wanted.source) != (created.channels, created.source):
        raise Conflict("This meeting is open: its channels and its source stay as they are until it is closed.")
    return [] if wanted == created else [MeetingChanged(meeting.id, wanted, at_ms)]


def begin_block(house: House, meeting_id: str, block: str, at_ms: int) -> list[HouseEvent]:
    """Decide to go on to a block of the agenda; an empty one ends the one before. Raises NotFound, Conflict."""
    meeting = house.meeting(meeting_id)
    if block and block not in [one.id for one in meeting.created.agenda]:
        raise NotFound("The agenda of this meeting has no such block.")
    if meeting.phase != "open":
        raise Conflict("A block begins in a meeting that is open. Open it first.")
    return [] if meeting.block == block else [BlockBegan(meeting_id, block, at_ms)]


def rehearse(house: House, meeting_id: str, at_ms: int) -> list[HouseEvent]:
    """Decide to rehearse a planned meeting: another meeting with its source, open at once, that only staff see."""
    meeting = house.meeting(meeting_id)
    if meeting.rehearsal or meeting.phase != "planned":
        raise Conflict("Only a meeting that was not open yet can be rehearsed.")
    if any(one.phase == "open" for one in house.rehearsals(meeting_id)):
        raise Conflict("It is being rehearsed already. Purge that rehearsal first.")
    wanted = msgspec.structs.replace(
        meeting.created, meeting=_rehearsal_id(house, meeting_id), rehearses=meeting_id, created_ms=at_ms
    )
    return [wanted, MeetingOpened(wanted.meeting, at_ms)]


def purge(house: House, meeting_id: str, at_ms: int) -> list[HouseEvent]:
    """Decide to purge a rehearsal; a repeat decides nothing. Raises NotFound, Conflict for a real meeting."""
    if meeting_id in house.purged:
        return []
    if not house.meeting(meeting_id).rehearsal:
        raise Conflict("This is a real meeting, and its record stays. Only rehearsals are purged.")
    return [MeetingPurged(meeting_id, at_ms)]


def open_meeting(house: House, meeting_id: str, at_ms: int) -> list[HouseEvent]:
    """Decide to open. Opening an open meeting changes nothing; a closed one cannot be opened again: Conflict.

    A rehearsal of it that still runs is closed: nothing may stand between a hearing and its source and workers.
    """
    meeting = house.meeting(meeting_id)
    if meeting.phase == "closed":
        raise Conflict("This meeting is closed, and its record stays as it is. Create another one to go on.")
    if meeting.phase == "open":
        return []
    running = [one for one in house.rehearsals(meeting_id) if one.phase == "open"]
    return [*(MeetingClosed(one.id, at_ms) for one in running), MeetingOpened(meeting_id, at_ms)]


def close_meeting(house: House, meeting_id: str, at_ms: int, reason: CloseReason = "staff") -> list[HouseEvent]:
    """Decide to close. Closing a closed meeting changes nothing."""
    meeting = house.meeting(meeting_id)
    return [] if meeting.phase == "closed" else [MeetingClosed(meeting_id, at_ms, reason)]


def _rehearsal_id(house: House, meeting_id: str) -> str:
    taken = {*house.meetings, *house.purged}
    names = (f"{meeting_id[:50].rstrip('-')}-rehearsal-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _check_wanted(wanted: MeetingCreated) -> None:
    """Raise Refused for what no page could show, or no program could play. Every way to a meeting goes through here."""
    _check_channels(wanted.channels)
    _check_agenda(wanted.agenda)
    if not wanted.title.strip() or len(wanted.title) > 200:
        raise Refused("A meeting needs a title of 1 to 200 characters: --title 'Valdoria, second meeting'.")
    if not wanted.source or len(wanted.source) > _MAX_SOURCE:
        raise Refused("A meeting needs a source: an address, or the path of a file on the server.")
    if len(wanted.body) > 200:
        raise Refused("The name of the body has 200 characters at the most.")
    if not _ID.fullmatch(wanted.dialogue):
        raise Refused(
            "A dialogue is named like a meeting, with 1 to 64 of a-z, 0-9 and '-': it is part of its address."
        )
    if wanted.starts_ms is not None and not _YEAR_2000_MS <= wanted.starts_ms < _YEAR_2200_MS:
        raise Refused("A meeting starts between 2000 and 2200. In the API starts_ms is in milliseconds, UTC.")
    texts = (wanted.title, wanted.body, wanted.source, *(block.title for block in wanted.agenda))
    if not all(text.isascii() or _UTF8.fullmatch(text) for text in texts):
        raise Refused("A name here is not text in UTF-8. Rename the file, or write the title again.")


def _check_agenda(agenda: tuple[Block, ...]) -> None:
    if len(agenda) > _MAX_BLOCKS:
        raise Refused(f"An agenda has up to {_MAX_BLOCKS} blocks.")
    for block in agenda:
        if not _ID.fullmatch(block.id) or not 1 <= len(block.title.strip()) <= 200:
            raise Refused("A block of the agenda has an id of a-z, 0-9 and '-', and a title of 1 to 200 characters.")
        if not 0 <= block.minutes <= _MAX_MINUTES:
            raise Refused(f"A block takes 0 to {_MAX_MINUTES} minutes; 0 says that it is not known.")
    if len({block.id for block in agenda}) < len(agenda):
        raise Refused("Two blocks of the agenda have the same id.")


def _check_id(value: str) -> None:
    if not _ID.fullmatch(value):
        raise Refused("A meeting id is 1 to 64 of a-z, 0-9 and '-', as in valdoria-2. It becomes part of its address.")


def _check_channels(channels: tuple[Channel, ...]) -> None:
    if not 1 <= len(channels) <= _MAX_CHANNELS:
        raise Refused(f"A meeting has 1 to {_MAX_CHANNELS} channels: --channels en,fr in the order of the tracks.")
    for channel in channels:
        if not _CHANNEL_ID.fullmatch(channel.id):
            raise Refused("A channel is named by its language code, as in --channels en,fr,zh.")
        if not _LANGUAGE.fullmatch(channel.language):
            raise Refused("A channel's language is a code such as en, fr or zh.")
        _check_languages(channel)
        if not 0 <= channel.track < _MAX_TRACKS:
            raise Refused("A channel's track counts the source's audio tracks from 0.")
    if len({channel.id for channel in channels}) < len(channels):
        raise Refused("Two channels have the same name. Tell them apart with a suffix, as in --channels en,en-2.")


def _check_languages(channel: Channel) -> None:
    """Several languages are a floor's, which an interpreter never has."""
    if not channel.languages:
        return
    if channel.kind != "floor":
        raise Refused("Only the floor can be in several languages: --channels floor:en+fr,en,fr.")
    if channel.language not in channel.languages or len(set(channel.languages)) < len(channel.languages):
        raise Refused("A floor names each of its languages once: --channels floor:en+fr+es,en,fr.")
    if len(channel.languages) > _MAX_LANGUAGES or not all(map(_LANGUAGE.fullmatch, filter(None, channel.languages))):
        raise Refused(f"A floor has up to {_MAX_LANGUAGES} languages, each a code such as en, fr or zh.")
