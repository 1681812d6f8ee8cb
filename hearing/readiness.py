"""GO or NO-GO before a meeting: its source and tracks, the disk, the workers and the clock, looked at now."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hearing import RELEASED_MS
from hearing.finding import Finding
from hearing.machine import Room, clock_is_kept, room
from hearing.meeting import House, Meeting
from hearing.stream.address import Rules, is_address
from hearing.stream.lanes import PICTURE
from hearing.stream.probe import OPEN_S, Probed, probe
from hearing.transcribe.assignment import Seat

_DEFAULT_MINUTES = 240
PICTURE_BYTES_PER_S, SOUND_BYTES_PER_S = 250_000, 12_000
"""Of a source that cannot be measured: 2 Mbit/s of picture, 96 kbit/s of sound a channel."""

_SILENT = 33
"""Of 32768: -60 dB. What a microphone hears in an empty room is louder."""

_SAME = {
    "ar": "ara arabic arabe árabe العربية",
    "zh": "zho chi chinese chinois chino 中文",
    "en": "eng english anglais inglés",
    "fr": "fra fre french français francés",
    "ru": "rus russian russe ruso русский",
    "es": "spa spanish espagnol español",
}
"""How sources call the six languages: ISO 639-2 codes in media files, names in playlists."""


class Workers(msgspec.Struct, frozen=True):
    """Who could caption now. None in place of `seats`: nobody can be asked. `loading`: one of this machine starts."""

    seats: Sequence[Seat] | None = None
    wanted: bool = True
    loading: bool = False


async def check(
    meeting: Meeting, *, house: House, folder: Path, workers: Workers, now_ms: int, rules: Rules | None = None
) -> list[Finding]:
    """Look at everything a meeting needs. `now_ms` is UTC by this machine's clock, which is looked at too.

    `rules` are for a source by address; without them it may come from nowhere.
    """
    created = meeting.created
    channels = tuple((channel.id, channel.track) for channel in created.channels)
    found = await probe(created.source, channels, rules=rules or Rules())
    return [
        *judge_meeting(meeting),
        *judge_source(meeting, found),
        *judge_tracks(meeting, found),
        judge_disk(meeting, found, await asyncio.to_thread(_recording_room, folder)),
        *judge_workers(meeting, workers, _rehearsing(house, meeting.id)),
        judge_clock(house, now_ms, kept=await asyncio.to_thread(clock_is_kept)),
    ]


def judge_meeting(meeting: Meeting) -> list[Finding]:
    """Judge whether it can be opened at all: only one that was not open yet."""
    match meeting.phase:
        case "closed":
            return [Finding("meeting", "no-go", "meeting-closed")]
        case "open":
            return [Finding("meeting", "warn", "meeting-open")]
        case _:
            return []


def judge_source(meeting: Meeting, found: Probed) -> list[Finding]:
    """Judge whether the source opens, how long it is, and whether browsers show its picture."""
    if found.reason:
        late = found.reason == "slow" and is_address(meeting.created.source)
        code = "source-unreachable" if late else f"source-{found.reason}"
        return [Finding("source", "no-go", code, {"seconds": round(OPEN_S)})]
    findings = [_length(meeting, found)]
    picture = next((track for track in found.tracks if track.name == PICTURE), None)
    if picture and picture.state == "codec":
        findings.append(Finding("source", "warn", "picture-codec", {"codec": picture.codec}))
    return findings


def _length(meeting: Meeting, found: Probed) -> Finding:
    planned = sum(block.minutes for block in meeting.created.agenda)
    if found.duration_ms is None:
        return Finding("source", "go", "source-endless")
    minutes = round(found.duration_ms / 60_000, 2)
    if minutes < planned and not meeting.created.loop:
        return Finding("source", "warn", "source-short", {"minutes": minutes, "planned": planned})
    return Finding("source", "go", "source-opens", {"minutes": minutes})


def judge_tracks(meeting: Meeting, found: Probed) -> list[Finding]:
    """Judge whether each channel has its track, which language the source calls it, and whether it can be heard."""
    if found.reason:
        return []
    channels = meeting.created.channels
    counts = {"found": len(found.named), "wanted": len(channels)}
    enough = all(track.state != "missing" for track in found.tracks if track.kind == "audio")
    code = "tracks-match" if enough else "tracks-missing"
    findings = [Finding("tracks", "go" if enough else "no-go", code, counts)]
    for channel in sorted(channels, key=lambda one: one.track):
        if channel.track < len(found.named):
            stated = found.named[channel.track]
            about: dict[str, str | int] = {"track": channel.track + 1, "channel": channel.id}
            one_of = stated if len(channel.languages) > 1 else channel.language  # any may be stated for such a floor
            findings.append(_named(about, one_of, stated))
            if found.peaks.get(channel.id, 0) < _SILENT:
                findings.append(Finding("tracks", "warn", "track-silent", about))
    used = {channel.track for channel in channels}
    for track, stated in enumerate(found.named):
        if track not in used:
            findings.append(Finding("tracks", "go", "track-unused", {"track": track + 1, "stated": stated or "–"}))
    return findings


def _named(about: dict[str, str | int], language: str, stated: str) -> Finding:
    """Compare a track's language with the one its source states."""
    if not stated:
        return Finding("tracks", "go", "track-unnamed", about)
    known = {language, *_SAME.get(language, "").split()}
    said = stated.lower().split("-")[0]
    other = language in _SAME and said not in known and _is_language(said)
    values: dict[str, str | int] = {**about, "stated": stated}
    return Finding("tracks", "warn" if other else "go", "track-other" if other else "track-named", values)


def _is_language(said: str) -> bool:
    """Tell a language from another name of a track, as in Floor."""
    return len(said) <= 3 or any(said in names.split() for names in _SAME.values())


def judge_disk(meeting: Meeting, found: Probed, seen: Room) -> Finding:
    """Judge whether the recording has room: as many bytes as it will take, and better twice as many."""
    if not seen.writable or seen.free is None:
        return Finding("disk", "no-go", "disk-refuses")
    created = meeting.created
    minutes = sum(block.minutes for block in created.agenda) or _DEFAULT_MINUTES
    rate = found.bytes_per_s or PICTURE_BYTES_PER_S + SOUND_BYTES_PER_S * len(created.channels)
    need = rate * minutes * 60
    values = {"free": _gigabytes(seen.free), "need": _gigabytes(need), "hours": round(minutes / 60, 1)}
    if seen.free < need:
        return Finding("disk", "no-go", "disk-little", values)
    if seen.free < 2 * need:
        return Finding("disk", "warn", "disk-tight", values)
    return Finding("disk", "go", "disk-enough", values)


def judge_workers(meeting: Meeting, workers: Workers, rehearsing: int = 0) -> list[Finding]:
    """Judge whether every channel finds a worker with room for it that knows its language.

    `rehearsing` channels are carried for its own rehearsal, which makes room when it opens.
    """
    channels = meeting.created.channels
    if workers.seats is None:
        return [Finding("worker", "warn", "worker-unasked")]
    if not workers.seats:
        if workers.loading:
            return [Finding("worker", "warn", "worker-loading")]
        wanted = Finding("worker", "no-go", "worker-none")
        return [wanted if workers.wanted else Finding("worker", "warn", "worker-off")]
    carried = sum(seat.carried for seat in workers.seats)
    free = sum(max(0, seat.room) for seat in workers.seats) + min(carried, rehearsing)
    values = {"workers": len(workers.seats), "free": free, "wanted": len(channels)}
    enough = meeting.phase == "open" or free >= len(channels)
    findings = [Finding("worker", "go" if enough else "no-go", "worker-enough" if enough else "worker-few", values)]
    for channel in channels:
        if not any(seat.hears(channel.language or channel.id) for seat in workers.seats):
            findings.append(Finding("worker", "warn", "worker-language", {"channel": channel.id}))
    return findings


def _recording_room(folder: Path) -> Room:
    """Look where the recording goes: its folder may be on a disk of its own."""
    media = folder / "media"
    seen = room(folder)
    return room(media) if seen.writable and media.is_dir() else seen


def _rehearsing(house: House, meeting_id: str) -> int:
    """Count the channels of a meeting's rehearsals that run."""
    return sum(len(one.created.channels) for one in house.rehearsals(meeting_id) if one.phase == "open")


def judge_clock(house: House, now_ms: int, *, kept: bool | None) -> Finding:
    """Judge whether the clock can be right: not before this release, nor before the newest fact, and kept in step."""
    newest = max((at for meeting in house.meetings.values() for at in _instants(meeting)), default=0)
    if now_ms < max(newest, RELEASED_MS):
        return Finding("clock", "no-go", "clock-behind")
    if kept is None:
        return Finding("clock", "warn", "clock-unknown")
    return Finding("clock", "go", "clock-kept") if kept else Finding("clock", "warn", "clock-free")


def _instants(meeting: Meeting) -> list[int]:
    """Return when things happened to a meeting: its planned start is none of them."""
    instants = (meeting.created.created_ms, meeting.opened_ms, meeting.closed_ms, meeting.block_began_ms)
    return [at for at in instants if at is not None]


def _gigabytes(size: float) -> float:
    """Return GB, as disks are sold."""
    return round(size / 1e9, 1) if size >= 1e8 else round(size / 1e9, 3)
