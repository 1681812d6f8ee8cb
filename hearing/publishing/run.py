"""Publish: from a folder or a server to a site of files."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from hearing.archive.finding_aid import FindingAid
from hearing.log.sqlite import SqliteLog
from hearing.now import utc_ms
from hearing.publishing.choice import Candidate, choose
from hearing.publishing.folder import Changes, Folder
from hearing.publishing.folder_source import open_folder
from hearing.publishing.server_source import ServerSource
from hearing.remote.connection import Target, fetch, server_of
from hearing.remote.folder import with_log
from hearing.site.copy.edition import Edition, Listed, Setting
from hearing.site.copy.pages import Pages
from hearing.store.folder import FolderStore


class Source(Protocol):
    """Where a site's meetings come from. What it gives, everybody may read."""

    async def candidates(self) -> list[Candidate]:
        """Return the meetings there are."""
        ...

    async def edition(self, meeting: str) -> Edition:
        """Return a meeting as it is now."""
        ...

    def sound(self, meeting: str, channel: str) -> AsyncIterator[bytes]:
        """Yield a channel's sound as AAC; nothing where none was recorded."""
        ...


class Wanted(msgspec.Struct, frozen=True):
    """What is published: of which `meetings` (none: of all), whether also those that are on, whether with sound."""

    setting: Setting
    meetings: tuple[str, ...] = ()
    provisional: bool = False
    media: bool = False


class Published(msgspec.Struct):
    """What a run did. `waiting` are the meetings that are closed and whose last words are not in yet."""

    changes: Changes
    meetings: int = 0
    passages: int = 0
    waiting: list[str] = []


def publish(where: Target, folder: Path, wanted: Wanted) -> Published:
    """Publish what a server shows, or what is in a data folder that nobody serves."""
    server = server_of(where)

    async def from_folder(log: SqliteLog) -> Published:
        async with FolderStore(where.data / "media") as store:
            return await make(await open_folder(log, store, utc_ms()), folder, wanted)

    if server is None:
        return with_log(where.data, from_folder)
    source = ServerSource(lambda path: fetch(server, "GET", path))
    return asyncio.run(make(source, folder, wanted))


async def make(source: Source, folder: Path, wanted: Wanted) -> Published:
    """Bring the folder to what the source holds."""
    chosen = choose(await source.candidates(), wanted.meetings, provisional=wanted.provisional)
    pages, aid, listed = Pages(wanted.setting), FindingAid(), list[Listed]()
    done = Published(Changes())
    with Folder(folder) as site:
        _put(site, pages.assets())
        for meeting in chosen:
            edition = await source.edition(meeting)
            if edition.release.provisional and not wanted.provisional:
                done.waiting.append(meeting)
                continue
            if wanted.media:
                edition = await _sounds(source, site, edition)
            _put(site, pages.meeting(edition))
            _put(site, aid.add(edition.release, edition.day_ms))
            listed.append(Listed.of(edition))
            done.passages += sum(len(one.segments) for one in edition.release.channels)
        find, files = aid.files()
        _put(site, files)
        _put(site, pages.lists(listed, find))
        done.changes, done.meetings = site.commit(), len(listed)
    return done


def _put(site: Folder, files: Iterable[tuple[str, bytes]]) -> None:
    for name, content in files:
        site.put(name, content)


async def _sounds(source: Source, site: Folder, edition: Edition) -> Edition:
    """Put the sound of every channel that has any; return the edition with them."""
    there: list[str] = []
    for channel in edition.release.channels:
        if await site.put_parts(f"m/{edition.id}/{channel.id}.aac", source.sound(edition.id, channel.id)):
            there.append(channel.id)
    return msgspec.structs.replace(edition, sounds=tuple(there))
