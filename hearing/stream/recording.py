"""Read a recording: its tracks, its segments, and its sound again as PCM. Works while it is still being written."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence

import av
import msgspec

from hearing.errors import NotFound
from hearing.events import SAMPLES_PER_MS
from hearing.store.base import Store
from hearing.stream import cmaf, index
from hearing.stream.frames import Track
from hearing.stream.index import Entry, Rendition
from hearing.stream.lanes import sound_rendition
from hearing.stream.repair import unindexed
from hearing.stream.tap import decode_track

_CHUNK = 15
"""Segments decoded at a time: half a minute, so that what is held stays small."""

_MAX_BYTES = 64 * 1024 * 1024


class Recording:
    """One meeting's recording in a store. Keeps what it has read of the indexes, and reads on from there."""

    def __init__(self, store: Store, meeting: str) -> None:
        self._store = store
        self._meeting = meeting
        self._entries: dict[str, list[Entry]] = {}
        self._read: dict[str, int] = {}

    async def tracks(self) -> list[Rendition]:
        """Return every track the source had, with what was recorded of it; nothing before the first run."""
        try:
            tracks = msgspec.json.decode(await self._store.read(index.tracks_name(self._meeting)), type=list[Track])
        except NotFound:
            return []
        return [await self._measured(track) for track in tracks]

    async def entries(self, rendition: str) -> list[Entry]:
        """Return the finished segments of a rendition, oldest first; the list is this object's own."""
        name = index.index_name(self._meeting, rendition)
        size = await self._store.size(name) or 0
        if size < self._read.get(rendition, 0):  # a line that could not be made durable was taken back
            self._entries[rendition], self._read[rendition] = [], 0
        known, at = self._entries.get(rendition, []), self._read.get(rendition, 0)
        if size > at:
            fresh, good = index.parse(await self._store.read(name, at, size))
            if self._read.get(rendition, 0) == at:  # nobody else has read on meanwhile
                known.extend(fresh)
                self._entries[rendition], self._read[rendition] = known, at + good
        return self._entries.get(rendition, known)

    async def init(self, rendition: str, run: int) -> bytes:
        """Return the init segment of a run. Raises NotFound."""
        return await self._store.read(index.init_name(self._meeting, rendition, run))

    async def segment(self, rendition: str, msn: int, start: int = 0, end: int | None = None) -> bytes:
        """Return bytes of a segment. Raises NotFound."""
        return await self._store.read(index.segment_name(self._meeting, rendition, msn), start, end)

    async def pcm(
        self, channel: str, from_sample: int, to_sample: int | None = None
    ) -> AsyncIterator[tuple[int, int, bytes]]:
        """Yield a channel's sound again as (run, sample, s16le mono 16 kHz), what is recorded up to now at most.

        Holes in the recording are holes in the samples. Decoded in a thread, half a minute at a time.
        """
        rendition = sound_rendition(channel)
        entries = list(await self.entries(rendition))
        tail = await unindexed(self._store, self._meeting, rendition, entries[-1] if entries else None)
        entries += [tail] if tail else []
        for lead, chunk in _chunks(entries, from_sample, to_sample):
            content = [await self.init(rendition, chunk[0].run)]
            for entry in [*lead, *chunk]:
                content.append(await self.segment(rendition, entry.msn, 0, entry.size))
            first = max(from_sample, round(chunk[0].t0 * SAMPLES_PER_MS))
            last = round(chunk[-1].end * SAMPLES_PER_MS)
            last = last if to_sample is None else min(last, to_sample)
            for sample, pcm in await asyncio.to_thread(_decode, b"".join(content), first, last):
                yield chunk[0].run, sample, pcm

    async def _measured(self, track: Track) -> Rendition:
        entries = await self.entries(track.name)
        codec = cmaf.codec(await self.init(track.name, entries[-1].run)) if entries else ""
        return index.measured(track, codec, entries)


def _chunks(entries: Sequence[Entry], from_sample: int, to_sample: int | None) -> list[tuple[list[Entry], list[Entry]]]:
    """Group the entries that are wanted by run, _CHUNK at most, each with the segment before it to warm up on."""
    found: list[tuple[list[Entry], list[Entry]]] = []
    size = 0
    for number, entry in enumerate(entries):
        late = to_sample is not None and entry.t0 * SAMPLES_PER_MS >= to_sample
        if entry.end * SAMPLES_PER_MS <= from_sample or late:
            continue
        size += entry.size
        if found and len(found[-1][1]) < _CHUNK and found[-1][1][-1].run == entry.run and size < _MAX_BYTES:
            found[-1][1].append(entry)
            continue
        size = entry.size
        before = entries[number - 1] if number else None
        found.append(([before] if before and before.run == entry.run else [], [entry]))
    return found


def _decode(content: bytes, first: int, last: int) -> list[tuple[int, bytes]]:
    """Decode fMP4 and return what lies in first..last, as (sample, pcm)."""
    made: list[tuple[int, bytes]] = []
    with av.open(io.BytesIO(content), "r", format="mp4") as container:
        decode_track(container, container.streams.audio[0], lambda at, pcm: made.append((at, pcm)), 0.0)
    cut = []
    for at, pcm in made:
        begin, end = max(at, first), min(at + len(pcm) // 2, last)
        if begin < end:
            cut.append((begin, pcm[(begin - at) * 2 : (end - at) * 2]))
    return cut
