"""What a meeting's public stream says about its runs, and what of it is hidden: a fold, pure but for the reading."""

import msgspec

from hearing import hidden
from hearing.events import ClockStarted, Ended, PublicEvent, RunEnded, RunStarted, decode_public, public_stream
from hearing.hidden import Hidden
from hearing.log.base import Log
from hearing.stream.index import Entry
from hearing.stream.lanes import channel_of


class Past(msgspec.Struct):
    """The runs so far. `run` is the last that started, `end` the media time up to which something may have played.

    `over` says that nothing more will play: the source ended, or the meeting was closed. Mutable: `apply` changes it.
    """

    zero_utc_ms: int | None = None
    run: int = 0
    end: int = 0
    playing: bool = False
    over: bool = False
    position: int = 0
    hidden: Hidden = msgspec.field(default_factory=Hidden)

    def hides(self, entry: Entry, rendition: str) -> bool:
        """Tell whether a segment has a part in a hidden passage."""
        return self.hidden.sounds_in(entry.t0, entry.end, channel_of(rendition))

    def edition(self, entry: Entry, rendition: str) -> tuple[str, ...]:
        """Name what was taken out of a segment: its bytes are not what they were, though no fewer."""
        return self.hidden.edition(entry.t0, entry.end, channel_of(rendition))


def apply(past: Past, event: PublicEvent | None) -> None:
    """Fold one event in; those of the transcript change nothing."""
    hidden.follow(past.hidden, event)
    match event:
        case ClockStarted():
            past.zero_utc_ms = event.media_zero_utc_ms
        case RunStarted():
            past.run, past.playing, past.over = max(past.run, event.run), True, False
            past.end = max(past.end, event.t)
        case RunEnded():
            past.playing, past.over = False, event.reason == "ended"
            past.end = max(past.end, event.t)
        case Ended():
            past.playing, past.over = False, True
        case _:
            pass


async def read_on(log: Log, meeting: str, past: Past) -> Past:
    """Fold what has come since, and return the same object."""
    stream = public_stream(meeting)
    while records := await log.read(stream, past.position):
        for record in records:
            if record.position > past.position:
                apply(past, decode_public(record.body))
                past.position = record.position
    return past
