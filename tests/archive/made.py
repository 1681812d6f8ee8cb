"""Releases made from streams, for the tests of the archive."""

from collections.abc import Sequence

from hearing.archive import record
from hearing.archive.record import Release
from hearing.archive.wording import Wording
from hearing.events import ClockStarted, PublicEvent, RunStarted, encode
from hearing.house_events import Channel, MeetingCreated
from hearing.log.base import Record
from hearing.meeting import Meeting
from hearing.site import exporting
from hearing.site.folds import Fold
from hearing.site.i18n import Catalogues
from tests.site.serving import ZERO_MS

CHANNELS = (Channel("en", "en", 0, "floor"), Channel("fr", "fr", 1), Channel("ar", "ar", 2), Channel("zh", "zh", 3))
ADDRESS = "https://hearing.example.org"


def meeting(title: str = "Arlandia", body: str = "Human Rights Committee, 148th session") -> Meeting:
    """Return a meeting of four channels."""
    return Meeting(MeetingCreated("arlandia", "arl", title, "treaty-body", CHANNELS, "/a.mp4", body), "open")


def begun(*said: PublicEvent) -> list[PublicEvent]:
    """Return a stream that has begun."""
    return [ClockStarted(ZERO_MS), RunStarted(1, 0), *said]


def fold(stream: Sequence[PublicEvent]) -> Fold:
    """Fold a stream as the site does."""
    folded = Fold()
    records = [Record(position, encode(event)) for position, event in enumerate(stream, 1)]
    while not all(map(folded.follow, records[folded.position :])):
        folded.restart(folded.epoch)
    return folded


def release(stream: Sequence[PublicEvent], of: Meeting | None = None) -> Release:
    """Return the release of a stream."""
    folded = fold(stream)
    return record.release(of or meeting(), folded.transcript, folded.release)


def wording(catalogues: Catalogues, made: Release, channel: str) -> Wording:
    """Return what a file of the channel says beside what was said."""
    found = made.channel(channel)
    return exporting.wording(catalogues.words(found.language), made, found, ADDRESS)
