"""What was recorded of a meeting, as far as a reader must know it before choosing; measured now and then."""

import time
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from hearing.site.show import Track
from hearing.store.base import Store
from hearing.stream.recording import Recording

_MEETINGS = 64
_FRESH_S = 15.0


class _Measured(msgspec.Struct):
    recording: Recording
    tracks: Sequence[Track] = ()
    at: float = 0.0


class Recorded:
    """The tracks of the meetings looked at last. Nothing yet is looked at again at once, a figure after a while."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[str, _Measured] = OrderedDict()

    async def tracks(self, meeting: str) -> Sequence[Track]:
        """Return the renditions that play; `bandwidth` is their mean."""
        known = self._known.setdefault(meeting, _Measured(Recording(self._store, meeting)))
        self._known.move_to_end(meeting)
        if len(self._known) > _MEETINGS:
            self._known.popitem(last=False)
        if not known.tracks or time.monotonic() - known.at > _FRESH_S:
            found = await known.recording.tracks()
            known.tracks = [Track(one.track.kind, one.track.channel, one.mean_bps) for one in found if one.plays]
            known.at = time.monotonic()
        return known.tracks
