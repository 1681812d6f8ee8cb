"""CMAF boxes: write the fragments of one track, and read them back. Pure (ISO/IEC 14496-12, 23000-19).

libavformat writes the init segment, because it knows every codec's sample entry; fragments are written here, because
they must be cut at given media times and must carry absolute decode times.
"""

import struct
from collections.abc import Iterator, Sequence

import msgspec

_TFHD = 0x020000  # default-base-is-moof
_TFHD_DURATION, _TFHD_FLAGS = 0x000008, 0x000020
_TRUN_OFFSET, _TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_COMPOSITION = 0x1, 0x100, 0x200, 0x400, 0x800
_SYNC, _NOT_SYNC = 0x02000000, 0x01010000  # sample_depends_on; the latter also sample_is_non_sync_sample
ADTS_HEADER = 7
"""Bytes before each frame of a plain AAC stream."""

_HEAD = struct.Struct(">I4s")
_PER_SAMPLE = (_TRUN_DURATION, _TRUN_SIZE, _TRUN_FLAGS, _TRUN_COMPOSITION)


class Sample(msgspec.Struct, frozen=True):
    """One coded frame. `duration` and `composition` (presentation minus decode time) are in ticks."""

    data: bytes
    duration: int
    composition: int = 0
    key: bool = True


class Fragment(msgspec.Struct, frozen=True):
    """A moof and its mdat, found in a longer buffer: times in ticks, sample places as (start, end) in the buffer.

    `ticks` holds each sample's duration.
    """

    decode_time: int
    duration: int
    samples: tuple[tuple[int, int], ...]
    end: int
    ticks: tuple[int, ...] = ()


class AudioConfig(msgspec.Struct, frozen=True):
    """What an AudioSpecificConfig says (ISO/IEC 14496-3, 1.6.2.1). `object_type` 2 is AAC-LC."""

    object_type: int
    rate_index: int
    channels: int


def fragment(sequence: int, decode_time: int, samples: Sequence[Sample]) -> bytes:
    """Write one moof and mdat that start at `decode_time` ticks."""
    flags = _TRUN_OFFSET | _TRUN_SIZE
    uniform = len({sample.duration for sample in samples}) == 1 and all(sample.key for sample in samples)
    if not uniform:
        flags |= _TRUN_DURATION | _TRUN_FLAGS
    if any(sample.composition for sample in samples):
        flags |= _TRUN_COMPOSITION
    rows = b"".join(_row(sample, flags) for sample in samples)
    defaults = struct.pack(">II", samples[0].duration, _SYNC)
    tfhd = _full(b"tfhd", 0, _TFHD | _TFHD_DURATION | _TFHD_FLAGS, struct.pack(">I", 1) + defaults)
    tfdt = _full(b"tfdt", 1, 0, struct.pack(">Q", decode_time))
    mfhd = _full(b"mfhd", 0, 0, struct.pack(">I", sequence))
    moof_size = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + 20 + len(rows)
    trun = _full(b"trun", 1, flags, struct.pack(">Ii", len(samples), moof_size + 8) + rows)
    moof = _box(b"moof", mfhd + _box(b"traf", tfhd + tfdt + trun))
    return moof + _box(b"mdat", b"".join(sample.data for sample in samples))


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, end) of each whole box; stops before one that is cut off or makes no sense."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = _HEAD.unpack_from(data, start)
        if size < 8 or start + size > end:
            return
        yield kind, start, start + size
        start += size


def whole(data: bytes) -> int:
    """Return how many bytes from the beginning are whole moof+mdat pairs: what a crash left readable."""
    last, before = 0, b""
    for kind, _, end in boxes(data):
        if kind == b"mdat" and before == b"moof":
            last = end
        before = kind
    return last


def fragments(data: bytes) -> list[Fragment]:
    """Read every whole fragment of a segment that `fragment` wrote."""
    found: list[Fragment] = []
    moof: tuple[int, int] | None = None
    for kind, start, end in boxes(data):
        if kind == b"moof":
            moof = start, end
        elif kind == b"mdat" and moof:
            found.append(_fragment(data, *moof, end))
            moof = None
    return found


def find(data: bytes, *path: bytes) -> bytes:
    """Return the body of the first box at a path; empty where there is none."""
    start, end = 0, len(data)
    for wanted in path:
        inside = next(((s, e) for kind, s, e in boxes(data, start, end) if kind == wanted), None)
        if inside is None:
            return b""
        start, end = inside[0] + 8, inside[1]
    return data[start:end]


def timescale(init: bytes) -> int:
    """Return the ticks per second of an init segment's track. Raises ValueError where it names none."""
    mdhd = find(init, b"moov", b"trak", b"mdia", b"mdhd")
    if len(mdhd) < 24:
        raise ValueError("no mdhd box")
    return int.from_bytes(mdhd[20:24] if mdhd[0] else mdhd[12:16])


def codec(init: bytes) -> str:
    """Return the RFC 6381 codec string of an init segment: `avc1.42c016`, `mp4a.40.2`; empty for another codec."""
    if (at := init.find(b"avcC")) >= 0:
        return f"avc1.{init[at + 5 : at + 8].hex()}"
    config = audio_config(init)
    return f"mp4a.40.{config.object_type}" if config else ""


def audio_config(init: bytes) -> AudioConfig | None:
    """Return the AudioSpecificConfig of an init segment, None where it has none."""
    at = init.find(b"esds")
    body = init[at + 8 :] if at >= 0 else b""
    for tag, skip in ((3, 3), (4, 13), (5, 0)):  # ES_Descriptor, DecoderConfigDescriptor, DecoderSpecificInfo
        if not body or body[0] != tag:
            return None
        length = next((n for n in range(1, 5) if body[n] < 0x80), 4)
        body = body[1 + length + skip :]
    return parse_audio_config(body)


def parse_audio_config(asc: bytes) -> AudioConfig | None:
    """Read the two bytes every AudioSpecificConfig starts with; None for one with an escaped type or rate."""
    if len(asc) < 2:
        return None
    bits = int.from_bytes(asc[:2])
    config = AudioConfig(bits >> 11, bits >> 7 & 15, bits >> 3 & 15)
    return None if config.object_type in (0, 31) or config.rate_index > 12 else config


def adts_header(config: AudioConfig, size: int) -> bytes:
    """Write the 7 bytes that go before one AAC frame of `size` bytes in a plain stream (ISO/IEC 13818-7, 6.2)."""
    profile = (2 if config.object_type in (5, 29) else config.object_type) - 1
    whole_size = size + ADTS_HEADER
    fixed = 0xFFF1 << 40 | profile << 38 | config.rate_index << 34 | config.channels << 30
    return (fixed | whole_size << 13 | 0x7FF << 2).to_bytes(ADTS_HEADER)


def plain_aac(segment: bytes, config: AudioConfig) -> bytes:
    """Return a segment's AAC frames as a plain ADTS stream."""
    places = [place for found in fragments(segment) for place in found.samples]
    return b"".join(adts_header(config, end - start) + segment[start:end] for start, end in places)


def split_adts(data: bytes) -> tuple[bytes, bytes] | None:
    """Return (AudioSpecificConfig, bare frame) of an ADTS frame.

    None where it is not one, holds several blocks, or keeps its channel layout in the stream: decode those instead.
    """
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0 or data[6] & 3:
        return None
    rate_index, channels = data[2] >> 2 & 15, (data[2] & 1) << 2 | data[3] >> 6
    if not channels or rate_index > 12:
        return None
    asc = ((data[2] >> 6) + 1) << 11 | rate_index << 7 | channels << 3
    return asc.to_bytes(2), data[7 if data[1] & 1 else 9 :]


def length_prefixed(data: bytes) -> bytes:
    """Rewrite an H.264 Annex B access unit as MP4 stores it: each NAL unit after its length (14496-15, 5.3)."""
    units = (unit.rstrip(b"\0") for unit in data.split(b"\0\0\1"))
    return b"".join(len(unit).to_bytes(4) + unit for unit in units if unit)


def _fragment(data: bytes, start: int, moof_end: int, end: int) -> Fragment:
    moof = data[start:moof_end]
    tfhd, tfdt = find(moof, b"moof", b"traf", b"tfhd"), find(moof, b"moof", b"traf", b"tfdt")
    trun = find(moof, b"moof", b"traf", b"trun")
    flags, count = int.from_bytes(trun[1:4]), int.from_bytes(trun[4:8])
    default = int.from_bytes(tfhd[8:12])
    fields = [flag for flag in _PER_SAMPLE if flags & flag]
    row, at = struct.Struct(f">{len(fields)}I"), start + int.from_bytes(trun[8:12])
    ticks, places = [], []
    for values in row.iter_unpack(trun[12 : 12 + count * row.size]):
        fact = dict(zip(fields, values, strict=True))
        ticks.append(fact.get(_TRUN_DURATION, default))
        places.append((at, at + fact[_TRUN_SIZE]))
        at = places[-1][1]
    return Fragment(int.from_bytes(tfdt[4:12]), sum(ticks), tuple(places), end, tuple(ticks))


def _row(sample: Sample, flags: int) -> bytes:
    sync = _SYNC if sample.key else _NOT_SYNC
    values = (sample.duration, len(sample.data), sync, sample.composition & 0xFFFFFFFF)
    return b"".join(value.to_bytes(4) for flag, value in zip(_PER_SAMPLE, values, strict=True) if flags & flag)


def _box(kind: bytes, body: bytes) -> bytes:
    return _HEAD.pack(8 + len(body), kind) + body


def _full(kind: bytes, version: int, flags: int, body: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags) + body)
