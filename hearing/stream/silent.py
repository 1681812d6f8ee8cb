"""Silence in the place of coded sound: AAC frames of the same length that say nothing. Pure (ISO/IEC 14496-3, 4.4.2).

A frame is replaced as it stands, so no size, no time and no other frame changes, and nothing is coded anew: what stays
is what was recorded, bit for bit. A frame holds sound of its own time and of the next frame's, because the two overlap;
with spectral band replication a little more. So what is silent begins a frame or two before what is asked.

A segment that is damaged does not say where its sound lies: `sound` tells them apart, `silence` takes its whole place.
"""

import struct

from hearing.stream import cmaf
from hearing.stream.cmaf import AudioConfig, Fragment, Sample
from hearing.stream.index import Entry

_HOLDS = 3
"""A frame may hold sound from its own beginning on, for so many frames."""

_SCE, _CPE, _LFE, _FIL, _END = 0, 1, 3, 6, 7
_ELEMENTS = {
    1: (_SCE,),
    2: (_CPE,),
    3: (_SCE, _CPE),
    4: (_SCE, _CPE, _SCE),
    5: (_SCE, _CPE, _CPE),
    6: (_SCE, _CPE, _CPE, _LFE),
    7: (_SCE, _CPE, _CPE, _CPE, _LFE),
    11: (_SCE, _CPE, _CPE, _SCE, _LFE),
    12: (_SCE, _CPE, _CPE, _CPE, _LFE),
    14: (_SCE, _CPE, _CPE, _LFE, _CPE),
}
"""What a frame is made of, by channel configuration (1.6.3.5)."""

_GAIN = 8
_ICS_INFO = 1 + 2 + 1 + 6 + 1
"""Bits: reserved, one long window, its shape, the number of bands, no prediction."""

_TOOLS = 3
"""Bits: no pulses, no noise shaping, no gain control."""

_FILL_BYTE = 0xA5
_ROUNDED_MS = 1.0
"""An index is written to a microsecond; more than this, and a segment is not the one that was indexed."""


class _Bits:
    """Bits in the order they are written."""

    def __init__(self) -> None:
        self.value = 0
        self.count = 0

    def put(self, value: int, count: int) -> None:
        self.value = self.value << count | value
        self.count += count

    def frame(self) -> bytes:
        """Return them as bytes, filled up with zeros."""
        spare = -self.count % 8
        return (self.value << spare).to_bytes((self.count + spare) // 8)


def silenced(segment: bytes, config: AudioConfig | None, scale: int, from_ms: float, to_ms: float) -> bytes:
    """Return the segment with silence wherever a frame holds sound between the two media times; of the same length."""
    fresh = bytearray(segment)
    for found in cmaf.fragments(segment):
        for start, end in _sounding(found, from_ms * scale / 1000, to_ms * scale / 1000):
            fresh[start:end] = silent_frame(config, end - start)
    return bytes(fresh)


def sound(segment: bytes, scale: int, entry: Entry | None) -> bool:
    """Tell whether a segment says of each of its bytes when it sounds, as its index entry does where it has one.

    It is nothing but fragments; each one's frames fill its mdat; each begins when the one before it is over.
    """
    try:
        found = cmaf.fragments(segment)
    except (KeyError, ValueError, struct.error):  # a trun box without sizes, or of half a row
        return False
    first = [one for one in found if one.samples]
    if not found or len(first) < len(found) or not _filled(segment, found):
        return False
    ends = [one.decode_time + one.duration for one in found]
    if any(end != one.decode_time for end, one in zip(ends, found[1:], strict=False)):
        return False
    return entry is None or (
        abs(found[0].decode_time * 1000 / scale - entry.t0) < _ROUNDED_MS
        and abs(ends[-1] * 1000 / scale - entry.end) < 2 * _ROUNDED_MS
    )


def silence(entry: Entry, config: AudioConfig | None, scale: int) -> bytes:
    """Return a segment without sound, as long and as large as the index says; empty where that cannot be."""
    count = entry.samples
    ticks = round(entry.duration_ms * scale / 1000 / count) if count else 0
    if not ticks:
        return b""
    begins = round(entry.t0 * scale / 1000)
    room = entry.size - len(cmaf.fragment(1, begins, [Sample(b"", ticks)] * count))
    if room < count:
        return b""
    sizes = [room // count + (n < room % count) for n in range(count)]
    return cmaf.fragment(1, begins, [Sample(silent_frame(config, size), ticks) for size in sizes])


def silent_frame(config: AudioConfig | None, size: int) -> bytes:
    """Return a frame of `size` bytes without sound.

    One that is too short for that held none; then, and where nobody knows how it is coded, it is zeros.
    """
    bits = _Bits()
    tags: dict[int, int] = {}
    elements = _ELEMENTS.get(config.channels, ()) if config else ()
    for element in elements:
        bits.put(element, 3)
        bits.put(tags.get(element, 0), 4)
        tags[element] = tags.get(element, 0) + 1
        _put_silence(bits, element)
    if not elements or bits.count + 3 > size * 8:
        return bytes(size)
    _fill(bits, size * 8 - 3)
    bits.put(_END, 3)
    return bits.frame()


def _filled(segment: bytes, found: list[Fragment]) -> bool:
    """Tell whether a segment is moof and mdat in turn, through its last byte, and frames fill every mdat."""
    whole = list(cmaf.boxes(segment))
    if [kind for kind, _, _ in whole] != [b"moof", b"mdat"] * len(found) or whole[-1][2] != len(segment):
        return False
    bodies = [(start + 8, end) for kind, start, end in whole if kind == b"mdat"]
    return all((one.samples[0][0], one.samples[-1][1]) == body for one, body in zip(found, bodies, strict=True))


def _sounding(found: Fragment, first: float, last: float) -> list[tuple[int, int]]:
    """Return the places of the frames that hold sound between two times, in ticks."""
    reach = _HOLDS * min(found.ticks, default=0)
    places, at = [], found.decode_time
    for place, ticks in zip(found.samples, found.ticks, strict=True):
        if at < last and at + max(ticks, reach) > first:
            places.append(place)
        at += ticks
    return places


def _put_silence(bits: _Bits, element: int) -> None:
    """Write an element without any spectrum: no band is coded (max_sfb 0), so no section and no scale factor follow."""
    if element == _CPE:
        bits.put(1, 1)  # both channels share one ics_info
        bits.put(0, _ICS_INFO + 2)  # and no mid/side
        bits.put(0, 2 * (_GAIN + _TOOLS))
    else:
        bits.put(0, _GAIN + _ICS_INFO + _TOOLS)


def _fill(bits: _Bits, until: int) -> None:
    """Write fill elements until fewer than a byte of bits is missing: the rest is alignment after the end."""
    while until - bits.count >= 7:
        room = (until - bits.count - 7) // 8
        bits.put(_FIL, 3)
        if room < 15:
            bits.put(room, 4)
            count = room
        else:
            count = min(room - 1, 269)
            bits.put(15, 4)
            bits.put(count - 14, 8)
        if count:
            bits.put(0, 8)  # extension_type EXT_FILL, and its nibble
        for _ in range(count - 1):
            bits.put(_FILL_BYTE, 8)
