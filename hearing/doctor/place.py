"""The data folder and its disk: whose it is, whether it keeps what it is given, and how many hours it has room for."""

import fcntl
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from hearing.backup.copying import check_log
from hearing.doctor.report import Seen
from hearing.errors import HearingError
from hearing.machine import room
from hearing.readiness import PICTURE_BYTES_PER_S, SOUND_BYTES_PER_S

_NETWORK = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "fuse.sshfs",
    "fuse.s3fs",
)
_PASSING = {"tmpfs": "in memory", "ramfs": "in memory", "overlay": "in the container's own layer"}
_LEAST_H, _ENOUGH_H = 4, 24
_LARGE = 200_000_000
"""Reading more than this would hold up, for seconds, what a running server erases."""


def look(folder: Path, channels: int) -> list[Seen]:
    """Look at the folder of a server that records so many channels."""
    made = folder.is_dir()
    seen = room(folder if made else _there(folder))
    if not seen.writable or seen.free is None:
        who = f"chown -R $(id -un) {folder}" if made else f"mkdir -p {folder}"
        return [Seen("folder", "no-go", "folder-refuses", f"{folder} cannot be written by this user", who)]
    place = folder if made else _there(folder)
    return [_folder(folder, made), *_file_system(place), _disk(seen.free, channels), *_log(folder)]


def file_system(path: Path, mounts: str) -> str:
    """Return the type of the file system that a path lies on, by the lines of /proc/self/mountinfo (proc(5))."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].encode().decode("unicode_escape"))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind


def keeps_locks(folder: Path) -> bool:
    """Tell whether a lock on a file there keeps a second one out, and SQLite has its write-ahead log there."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place, "probe")
        with path.open("wb") as first, path.open("wb") as second:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                pass
            else:
                return False
        with closing(sqlite3.connect(Path(place, "probe.db"))) as database:
            return bool(database.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal")


def _folder(folder: Path, made: bool) -> Seen:
    if not made:
        return Seen("folder", "go", "folder-new", f"{folder} is made at the first start")
    mode = folder.stat().st_mode
    if mode & 0o077:
        text = f"{folder} can be read by others on this machine"
        return Seen("folder", "warn", "folder-open", text, f"chmod 700 {folder}")
    return Seen("folder", "go", "folder", f"{folder}, for its owner alone")


def _file_system(place: Path) -> list[Seen]:
    try:
        kind = file_system(place.resolve(), Path("/proc/self/mountinfo").read_text("utf-8"))
    except (OSError, IndexError):
        kind = ""
    try:
        kept = keeps_locks(place)
    except (OSError, sqlite3.Error):
        kept = False
    if not kept:
        text = f"its file system ({kind or 'unknown'}) does not keep locks: two servers could write at once"
        return [Seen("folder", "no-go", "folder-locks", text, "--data FOLDER on a disk of this machine")]
    if kind in _NETWORK:
        text = f"it lies on a network ({kind}): a lost link stops the log, and fsync may promise too much"
        return [Seen("folder", "warn", "folder-network", text, "--data FOLDER on a disk of this machine")]
    if kind in _PASSING:
        text = f"it lies {_PASSING[kind]} ({kind}): gone with the next restart"
        return [Seen("folder", "warn", "folder-passing", text, "--data FOLDER on a disk or a volume")]
    return []


def _disk(free: int, channels: int) -> Seen:
    per_hour = (PICTURE_BYTES_PER_S + SOUND_BYTES_PER_S * channels) * 3600
    hours = free / per_hour
    text = f"{free / 1e9:.0f} GB free: about {hours:.0f} h of a picture and {channels} channels"
    if hours < _LEAST_H:
        return Seen(
            "disk", "no-go", "disk-little", text, f"make room, or --data FOLDER elsewhere: {_LEAST_H} h at the least"
        )
    if hours < _ENOUGH_H:
        return Seen("disk", "warn", "disk-tight", text, "make room before the next week of meetings")
    return Seen("disk", "go", "disk-enough", text)


def _log(folder: Path) -> list[Seen]:
    log = folder / "log.db"
    if not log.is_file():
        return []
    if (size := log.stat().st_size) > _LARGE:
        return [Seen("log", "go", "log-large", f"{size / 1e9:.1f} GB; not read through: hearing backup does that")]
    try:
        known = check_log(log)
    except HearingError as error:
        return [Seen("log", "no-go", "log-damaged", str(error), f"hearing restore OUT --data NEW --since {folder}")]
    records = sum(one.head for one in known)
    return [Seen("log", "go", "log", f"holds together: {records} records in {len(known)} streams")]


def _there(folder: Path) -> Path:
    """Return the nearest folder above one that is not there yet."""
    return next((one for one in folder.resolve().parents if one.is_dir()), Path(os.sep))
