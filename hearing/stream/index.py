"""The recording's index: names in the store, and one JSON line per finished segment, appended and never changed."""

from collections.abc import Sequence

import msgspec

from hearing.stream.frames import Track

INDEX = "index.jsonl"
TRACKS = "tracks.json"
_SHORT_MS = 500


class Entry(msgspec.Struct, frozen=True):
    """A finished segment. It plays from `t0` for `duration_ms`; `size` is its bytes in the store.

    `samples` and `payload` (bytes of coded sound or picture) tell its size in another wrapping.
    """

    msn: int
    run: int
    t0: float
    duration_ms: float
    size: int
    samples: int = 0
    payload: int = 0

    @property
    def end(self) -> float:
        """The media time at which it is over."""
        return self.t0 + self.duration_ms


class Rendition(msgspec.Struct, frozen=True):
    """A track as it was recorded. Bits per second are measured: the most of any segment, and the mean.

    Where `track.state` is not `relayed`, nothing of it plays, and the state says why.
    """

    track: Track
    codec: str = ""
    peak_bps: int = 0
    mean_bps: int = 0
    segments: int = 0

    @property
    def plays(self) -> bool:
        """Whether anything of it can be played."""
        return self.segments > 0


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def segment_name(meeting: str, rendition: str, msn: int) -> str:
    """Name a segment in the store."""
    return f"{meeting}/{rendition}/{msn}.m4s"


def init_name(meeting: str, rendition: str, run: int) -> str:
    """Name the init segment of a run in the store."""
    return f"{meeting}/{rendition}/init-{run}.mp4"


def index_name(meeting: str, rendition: str) -> str:
    """Name a rendition's index in the store."""
    return f"{meeting}/{rendition}/{INDEX}"


def tracks_name(meeting: str) -> str:
    """Name the list of a meeting's tracks in the store."""
    return f"{meeting}/{TRACKS}"


def line(entry: Entry) -> bytes:
    """Return an entry as it is appended."""
    rounded = msgspec.structs.replace(entry, t0=round(entry.t0, 3), duration_ms=round(entry.duration_ms, 3))
    return _encoder.encode(rounded) + b"\n"


def measured(track: Track, codec: str, entries: Sequence[Entry]) -> Rendition:
    """Describe a track by what was recorded of it."""
    whole = [entry for entry in entries if entry.duration_ms > 0]
    if not whole:
        return Rendition(track, codec)
    # a last segment of a few frames would overstate the rate
    rates = [entry.size * 8000 / max(entry.duration_ms, _SHORT_MS) for entry in whole]
    mean = sum(entry.size for entry in whole) * 8000 / sum(entry.duration_ms for entry in whole)
    return Rendition(track, codec, round(max(rates)), round(mean), len(whole))


def parse(content: bytes) -> tuple[list[Entry], int]:
    """Return the entries and how many bytes they took; a line that a crash cut off ends the list."""
    entries: list[Entry] = []
    good = 0
    for row in content.splitlines(keepends=True):
        if not row.endswith(b"\n"):
            break
        try:
            entries.append(_decoder.decode(row))
        except msgspec.DecodeError:
            break
        good += len(row)
    return entries, good
