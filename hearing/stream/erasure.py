"""Take sound and picture out of a recording for good: silence in coded frames, and a picture's segments dropped whole.

The picture cannot be blackened without coding it anew, with parameters that its init segment does not have.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hearing.errors import NotFound
from hearing.store.base import Store
from hearing.stream import cmaf, index, silent
from hearing.stream.index import Entry
from hearing.stream.lanes import PICTURE, sound_rendition
from hearing.stream.past import Past
from hearing.stream.recording import Recording

logger = logging.getLogger(__name__)

_NEAR_MS = 500
"""A frame holds sound past its own segment's end, much less than this."""

_LOOK_S = 0.5


async def erase_sound(store: Store, meeting: str, channel: str, t0: float, t1: float) -> int:
    """Write silence over a channel's sound between two media times; return how many segments that changed.

    On return the old bytes have no name any more. Raises Unavailable where the disk refuses: a repeat goes on.
    """
    rendition, recording = sound_rendition(channel), Recording(store, meeting)
    changed = 0
    for entry in await _near(recording, rendition, t0, t1):
        name = index.segment_name(meeting, rendition, entry.msn)
        try:
            init, content = await recording.init(rendition, entry.run), await store.read(name)
        except NotFound:  # it was lost, and its sound with it
            continue
        fresh = silent.silenced(content, cmaf.audio_config(init), cmaf.timescale(init), t0, t1)
        if fresh != content:
            await store.replace(name, fresh)
            changed += 1
    return changed


async def erase_picture(store: Store, meeting: str, t0: float, t1: float) -> int:
    """Drop the picture's segments that have a part between two media times; return how many there are."""
    entries = await _near(Recording(store, meeting), PICTURE, t0, t1)
    shown = [entry for entry in entries if entry.t0 < t1 and entry.end > t0]
    for entry in shown:
        await store.delete(index.segment_name(meeting, PICTURE, entry.msn))
    return len(shown)


async def recorded(store: Store, meeting: str, rendition: str, t1: float, look: Callable[[], Awaitable[Past]]) -> None:
    """Return once all is written that a rendition will ever have before a media time."""
    recording = Recording(store, meeting)
    while (await look()).playing:
        if rendition not in [one.track.name for one in await recording.tracks() if one.track.state == "relayed"]:
            return
        entries = await recording.entries(rendition)
        if entries and entries[-1].end >= t1:
            return
        await asyncio.sleep(_LOOK_S)


async def _near(recording: Recording, rendition: str, t0: float, t1: float) -> list[Entry]:
    entries = await recording.entries(rendition)
    return [entry for entry in entries if entry.t0 < t1 and entry.end + _NEAR_MS > t0]
