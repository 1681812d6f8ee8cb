"""HLS playlists from what is recorded, pure (RFC 8216). A reader's `t` is PROGRAM-DATE-TIME less the meeting's zero.

A hidden segment keeps its place and its number, and is marked as a gap (draft-pantos-hls-rfc8216bis, 4.4.4.7).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from hearing import lang
from hearing.house_events import Channel
from hearing.stream.index import Entry, Rendition

WINDOW_MS = 600_000
"""How far back a live playlist reaches."""

_TARGET_S = 2
_DATE_EVERY = 10
_SEVERAL = "mul"
"""More than one language (ISO 639-2)."""
_GROUP = "sound"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOLE_MS = 100


def master(renditions: Sequence[Rendition], channels: Sequence[Channel]) -> str:
    """List the picture with every channel as an alternate; without a picture, the channels alone.

    Renditions that cannot be played are left out. Names are in their own language.
    """
    playable = [rendition for rendition in renditions if rendition.plays]
    sounds = {rendition.track.channel: rendition for rendition in playable if rendition.track.kind == "audio"}
    shown = [channel for channel in channels if channel.id in sounds]
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    first = next((channel for channel in shown if channel.kind == "floor"), next(iter(shown), None))
    lines += [_alternate(channel, shown, channel is first) for channel in shown]
    picture = next((rendition for rendition in playable if rendition.track.kind == "video"), None)
    main = picture or (sounds[first.id] if first else None)
    if main:
        lines += [_variant(main, list(sounds.values())), f"{main.track.name}/index.m3u8"]
    return "\n".join(lines) + "\n"


def media(
    entries: Sequence[Entry], zero_utc_ms: int, *, over: bool, hides: Callable[[Entry], bool] = lambda _: False
) -> str:
    """List the segments of one rendition: the last WINDOW_MS while live, all of them once it is over."""
    shown = entries if over else window(entries)
    longest = max((entry.duration_ms for entry in entries), default=0.0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(_TARGET_S, int(longest / 1000 + 0.5))}",
        f"#EXT-X-MEDIA-SEQUENCE:{shown[0].msn if shown else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{shown[0].run - 1 if shown else 0}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    lines += ["#EXT-X-PLAYLIST-TYPE:VOD"] if over else []
    lines += _segments(shown, zero_utc_ms, hides, date_every=_DATE_EVERY if over else 1)
    lines += ["#EXT-X-ENDLIST"] if over else []
    return "\n".join(lines) + "\n"


def window(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return the entries a live playlist lists."""
    if not entries:
        return entries
    oldest = entries[-1].end - WINDOW_MS
    first = next(number for number, entry in enumerate(entries) if entry.end > oldest)
    return entries[first:]


def _segments(
    entries: Sequence[Entry], zero_utc_ms: int, hides: Callable[[Entry], bool], date_every: int
) -> Iterator[str]:
    before: Entry | None = None
    for number, entry in enumerate(entries):
        fresh = before is None or before.run != entry.run
        if fresh:
            # One tag for each run in between, so that all renditions count alike, also one that missed a run.
            yield from ["#EXT-X-DISCONTINUITY"] * (entry.run - before.run if before else 0)
            yield f'#EXT-X-MAP:URI="init-{entry.run}.mp4"'
        if fresh or number % date_every == 0 or (before and abs(entry.t0 - before.end) > _HOLE_MS):
            yield f"#EXT-X-PROGRAM-DATE-TIME:{_date(zero_utc_ms, entry.t0)}"
        if hides(entry):
            yield "#EXT-X-GAP"
        yield f"#EXTINF:{entry.duration_ms / 1000:.5f},"
        yield f"{entry.msn}.m4s"
        before = entry


def _alternate(channel: Channel, channels: Sequence[Channel], default: bool) -> str:
    language = _language(channel)
    name = "Floor" if language == _SEVERAL else lang.name(language)
    if sum(_language(other) == language for other in channels) > 1:
        name += f" ({channel.id})"
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{_GROUP}",NAME="{name}",LANGUAGE="{language}",'
        f"DEFAULT={'YES' if default else 'NO'},AUTOSELECT=YES,"
        f'URI="audio-{channel.id}/index.m3u8"'
    )


def _language(channel: Channel) -> str:
    return _SEVERAL if len(channel.languages) > 1 else channel.language


def _variant(main: Rendition, sounds: Sequence[Rendition]) -> str:
    picture = main.track.kind == "video"
    peak = main.peak_bps + (max((sound.peak_bps for sound in sounds), default=0) if picture else 0)
    mean = main.mean_bps + (max((sound.mean_bps for sound in sounds), default=0) if picture else 0)
    codecs = dict.fromkeys(rendition.codec for rendition in [main, *sounds])
    attributes = [f"BANDWIDTH={peak}", f"AVERAGE-BANDWIDTH={mean}", f'CODECS="{",".join(codecs)}"']
    if picture:
        attributes += [f"RESOLUTION={main.track.width}x{main.track.height}", f"FRAME-RATE={main.track.frame_rate:.3f}"]
    attributes += [f'AUDIO="{_GROUP}"'] if sounds else []
    return "#EXT-X-STREAM-INF:" + ",".join(attributes)


def _date(zero_utc_ms: int, t: float) -> str:
    when = _EPOCH + timedelta(milliseconds=zero_utc_ms + round(t))
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
