"""Make a recording whole again after a crash: cut to what can be read, and index what was not indexed yet."""

import logging

import msgspec

from hearing.errors import NotFound
from hearing.store.base import Store
from hearing.stream import cmaf, index

logger = logging.getLogger(__name__)


class Kept(msgspec.Struct, frozen=True):
    """What a recording holds: the next segment's number per rendition, and the media time it goes up to."""

    next_msn: dict[str, int]
    end: float


async def repair(store: Store, meeting: str) -> Kept:
    """Repair every rendition of a meeting; nobody may be writing it."""
    next_msn, ends = {}, [0.0]
    for rendition in await renditions(store, meeting):
        entries = await _repair(store, meeting, rendition)
        next_msn[rendition] = entries[-1].msn + 1 if entries else 0
        ends += [entries[-1].end] if entries else []
    return Kept(next_msn, max(ends))


async def renditions(store: Store, meeting: str) -> list[str]:
    """Return the names of the renditions that have anything in the store."""
    parts = [name.split("/") for name in await store.names(f"{meeting}/")]
    return sorted({part[1] for part in parts if len(part) == 3})


async def unindexed(store: Store, meeting: str, rendition: str, after: index.Entry | None) -> index.Entry | None:
    """Return what can be read of the segment that follows the last indexed one; None where there is nothing."""
    msn = after.msn + 1 if after else 0
    run = await last_run(store, meeting, rendition)
    try:
        content = await store.read(index.segment_name(meeting, rendition, msn))
        scale = cmaf.timescale(await store.read(index.init_name(meeting, rendition, run)))
    except (NotFound, ValueError):
        return None
    return describe(content[: cmaf.whole(content)], msn, run, scale)


def describe(content: bytes, msn: int, run: int, scale: int) -> index.Entry | None:
    """Make the entry of a segment from its own boxes; None for one without a fragment."""
    found = cmaf.fragments(content)
    if not found:
        return None
    first, last = found[0], found[-1]
    ticks = last.decode_time + last.duration - first.decode_time
    places = [place for fragment in found for place in fragment.samples]
    payload = sum(end - start for start, end in places)
    return index.Entry(
        msn, run, first.decode_time * 1000 / scale, ticks * 1000 / scale, len(content), len(places), payload
    )


async def last_run(store: Store, meeting: str, rendition: str) -> int:
    """Return the number of the last run that a rendition has an init segment of; 0 where it has none."""
    found = [name.rpartition("/init-")[2] for name in await store.names(f"{meeting}/{rendition}/") if "/init-" in name]
    return max((int(name.removesuffix(".mp4")) for name in found), default=0)


async def _repair(store: Store, meeting: str, rendition: str) -> list[index.Entry]:
    name = index.index_name(meeting, rendition)
    try:
        content = await store.read(name)
    except NotFound:
        content = b""
    entries, good = index.parse(content)
    if good < len(content):
        await store.truncate(name, good)
    last = entries[-1] if entries else None
    found = await unindexed(store, meeting, rendition, last)
    segment = index.segment_name(meeting, rendition, last.msn + 1 if last else 0)
    if found is None:
        await store.delete(segment)
        return entries
    await store.truncate(segment, found.size)
    await store.sync(segment)
    await store.append(name, index.line(found))
    await store.sync(name)
    logger.info("segment_repaired meeting=%s rendition=%s msn=%d bytes=%d", meeting, rendition, found.msn, found.size)
    return [*entries, found]
