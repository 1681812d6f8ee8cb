"""One channel as plain progressive AAC, for players that know no playlists: from the live edge, or all of it.

What is hidden is left out.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from hearing.errors import NotFound
from hearing.stream import cmaf
from hearing.stream.index import Entry
from hearing.stream.lanes import sound_rendition
from hearing.stream.past import Past
from hearing.stream.recording import Recording

_LEAD = 2
"""Segments given at once to a reader who joins live, so that its player can start."""

_LOOK_S = 0.5


class Plain:
    """A channel of a recording, in ADTS. `look` tells what is over and hidden by now."""

    def __init__(self, recording: Recording, channel: str, look: Callable[[], Awaitable[Past]]) -> None:
        self._recording = recording
        self._rendition = sound_rendition(channel)
        self._look = look
        self._configs: dict[int, cmaf.AudioConfig] = {}

    async def entries(self) -> Sequence[Entry]:
        """Return what can be played of it now."""
        past = await self._look()
        return [
            entry for entry in await self._recording.entries(self._rendition) if not past.hides(entry, self._rendition)
        ]

    async def follow(self) -> AsyncIterator[bytes]:
        """Yield segment after segment from the live edge on, until it is over and all were given.

        The reader's place is one number: nothing queues up behind a slow one.
        """
        entries = await self._recording.entries(self._rendition)
        after = entries[-_LEAD].msn - 1 if len(entries) >= _LEAD else -1
        while True:
            over = (await self._look()).over
            fresh = [entry for entry in await self._recording.entries(self._rendition) if entry.msn > after]
            for entry in fresh:
                if not (await self._look()).hides(entry, self._rendition):
                    yield await self.segment(entry)
                after = entry.msn
            if not fresh:
                if over:
                    return
                await asyncio.sleep(_LOOK_S)

    async def between(self, entries: Sequence[Entry], start: int, end: int) -> AsyncIterator[bytes]:
        """Yield bytes start..end of these entries. What is hidden meanwhile becomes zeros: the length was promised."""
        at = 0
        for entry in entries:
            size = adts_size(entry)
            if at + size > start and at < end:
                hidden = (await self._look()).hides(entry, self._rendition)
                content = bytes(size) if hidden else await self.segment(entry)
                yield content[max(0, start - at) : end - at]
            at += size

    async def segment(self, entry: Entry) -> bytes:
        """Return one segment in ADTS."""
        content = await self._recording.segment(self._rendition, entry.msn, 0, entry.size)
        return cmaf.plain_aac(content, await self._config(entry.run))

    async def _config(self, run: int) -> cmaf.AudioConfig:
        if run not in self._configs:
            found = cmaf.audio_config(await self._recording.init(self._rendition, run))
            if found is None:
                raise NotFound("This channel is not recorded as AAC.")
            self._configs[run] = found
        return self._configs[run]


def adts_size(entry: Entry) -> int:
    """Return how many bytes a segment has in ADTS."""
    return entry.payload + entry.samples * cmaf.ADTS_HEADER
