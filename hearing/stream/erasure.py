"""Take sound and picture out of a recording for good: silence in coded frames, and a picture's segments dropped whole.

The picture cannot be blackened without coding it anew, with parameters that its init segment does not have.

A file that is damaged, or that no index tells about, may hold the sound anywhere: all of it goes.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from hearing.errors import NotFound, Unavailable
from hearing.store.base import Store
from hearing.stream import cmaf, index, silent
from hearing.stream.cmaf import AudioConfig
from hearing.stream.index import Entry
from hearing.stream.lanes import PICTURE, sound_rendition
from hearing.stream.past import Past
from hearing.stream.recording import Recording

logger = logging.getLogger(__name__)

_NEAR_MS = 500
"""A frame holds sound past its own segment's end, much less than this."""

_LOOK_S = 0.5
_SEGMENT = ".m4s"
_NAME = re.compile(r"[0-9]{1,9}\.m4s")
_INIT = "init-"

Look = Callable[[], Awaitable[Past]]
"""Says what the meeting's runs are now."""


class StillThere(Unavailable):
    """Sound or picture that had to go could not be reached. `channel` is empty for the picture; media time in ms."""

    def __init__(self, channel: str, t0: float, t1: float) -> None:
        what = f"sound of {channel}" if channel else "picture"
        super().__init__(
            f"The {what} from {t0 / 1000:.1f} s to {t1 / 1000:.1f} s of media time is still in the recording: the disk "
            "refuses. Check the disk of the media folder. A server that runs tries again; without one, repeat it."
        )
        self.channel, self.t0, self.t1 = channel, round(t0), round(t1)


class Place(msgspec.Struct, frozen=True):
    """A segment that may have sound or picture between `t0` and `end`; without `entry` no index knows it."""

    msn: int
    t0: float
    end: float
    entry: Entry | None = None


async def erase_sound(
    store: Store, meeting: str, channel: str, t0: float, t1: float, *, look: Look | None = None
) -> int:
    """Write silence over a channel's sound between two media times; return how many segments that changed.

    On return the old bytes have no name any more. A segment that does not say where its sound lies becomes silence
    from end to end, or goes; with `look`, but for the one that is being recorded just now. Raises StillThere where the
    disk refuses: a repeat goes on.
    """
    rendition = sound_rendition(channel)
    try:
        places = await _near(store, meeting, rendition, (t0, t1), look)
    except Unavailable as error:
        raise StillThere(channel, t0, t1) from error
    changed, refused = 0, []
    for place in places:
        try:
            changed += await _silence(store, meeting, rendition, place, (t0, t1))
        except Unavailable:
            refused.append(place)
    _check_all_went(channel, refused, t0, t1)
    return changed


async def erase_picture(store: Store, meeting: str, t0: float, t1: float, *, look: Look | None = None) -> int:
    """Drop the picture's segments that have a part between two media times; return how many there are.

    Raises StillThere where the disk refuses.
    """
    try:
        places = await _near(store, meeting, PICTURE, (t0, t1), look)
    except Unavailable as error:
        raise StillThere("", t0, t1) from error
    shown = [place for place in places if place.t0 < t1 and place.end > t0]
    refused = []
    for place in shown:
        try:
            await store.delete(index.segment_name(meeting, PICTURE, place.msn))
        except Unavailable:
            refused.append(place)
    _check_all_went("", refused, t0, t1)
    return len(shown)


async def recorded(store: Store, meeting: str, rendition: str, t1: float, look: Look) -> None:
    """Return once all is written that a rendition will ever have before a media time."""
    recording = Recording(store, meeting)
    while (await look()).playing:
        if rendition not in [one.track.name for one in await recording.tracks() if one.track.state == "relayed"]:
            return
        entries = await recording.entries(rendition)
        if entries and entries[-1].end >= t1:
            return
        await asyncio.sleep(_LOOK_S)


def _check_all_went(channel: str, refused: Sequence[Place], t0: float, t1: float) -> None:
    if refused:
        raise StillThere(
            channel, max(t0, min(place.t0 for place in refused)), min(t1, max(place.end for place in refused))
        )


async def _silence(store: Store, meeting: str, rendition: str, place: Place, span: tuple[float, float]) -> bool:
    """Silence one segment; return whether that changed it."""
    name = index.segment_name(meeting, rendition, place.msn)
    coding = await _coding(store, meeting, rendition, place.entry)
    try:
        content = await store.read(name)
    except NotFound:  # it was lost, and its sound with it
        return False
    if coding and silent.sound(content, coding[1], place.entry) and _in_place(content, coding[1], place):
        fresh = silent.silenced(content, *coding, *span)
    else:
        fresh = silent.silence(place.entry, *coding) if coding and place.entry else b""
        if fresh != content:
            logger.warning("segment_destroyed meeting=%s rendition=%s msn=%d", meeting, rendition, place.msn)
    if fresh == content:
        return False
    await (store.replace(name, fresh) if fresh else store.delete(name))
    return True


async def _coding(
    store: Store, meeting: str, rendition: str, entry: Entry | None
) -> tuple[AudioConfig | None, int] | None:
    """Return how a segment is coded, and its ticks per second; None where its init segment does not tell.

    One that no index knows may be of any run: nobody can tell unless they all say the same.
    """
    names = [index.init_name(meeting, rendition, entry.run)] if entry else await _inits(store, meeting, rendition)
    found: set[tuple[AudioConfig | None, int]] = set()
    for name in names:
        try:
            init = await store.read(name)
            found.add((cmaf.audio_config(init), cmaf.timescale(init)))
        except (NotFound, ValueError, IndexError):
            return None
    return found.pop() if len(found) == 1 and all(scale for _, scale in found) else None


async def _inits(store: Store, meeting: str, rendition: str) -> list[str]:
    names = await store.names(f"{meeting}/{rendition}/")
    return [name for name in names if name.rpartition("/")[2].startswith(_INIT)]


def _in_place(content: bytes, scale: int, place: Place) -> bool:
    """Tell whether a segment begins where the segments around it leave room for it."""
    begins = cmaf.fragments(content)[0].decode_time * 1000 / scale
    return place.entry is not None or place.t0 - 1 <= begins <= place.end + 1


async def _near(
    store: Store, meeting: str, rendition: str, span: tuple[float, float], look: Look | None
) -> list[Place]:
    """Return what is stored and may have sound between two media times, known to the index or not."""
    names = [name.rpartition("/")[2] for name in await store.names(f"{meeting}/{rendition}/")]
    stored = [int(name.removesuffix(_SEGMENT)) for name in names if _NAME.fullmatch(name)]
    if look and stored and (await look()).playing:  # the last one is being written, or was and is known by now
        stored.remove(max(stored))
    entries = await Recording(store, meeting).entries(rendition)
    known = {entry.msn for entry in entries}
    places = [Place(entry.msn, entry.t0, entry.end, entry) for entry in entries]
    places += [_between(entries, msn) for msn in stored if msn not in known]
    return [place for place in places if place.t0 < span[1] and place.end + _NEAR_MS > span[0]]


def _between(entries: Sequence[Entry], msn: int) -> Place:
    """Return where a segment must lie that the index does not know: after the one before, before the one after it."""
    before = max((entry.end for entry in entries if entry.msn < msn), default=0.0)
    after = min((entry.t0 for entry in entries if entry.msn > msn), default=float("inf"))
    return Place(msn, before, max(before, after))
