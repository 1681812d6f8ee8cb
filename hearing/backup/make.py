"""Make a backup: the log as it is at one moment, then the media, of which only what is new is copied."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from hearing import __version__, durable
from hearing.backup import copying, ledger, manifest
from hearing.backup.ledger import Destroyed, Ledger
from hearing.backup.manifest import LEDGER, LOG, MEDIA, Kept, Manifest
from hearing.errors import NotFound, Refused, Unavailable
from hearing.home import marked

_LISTS = (".jsonl", ".json")
"""Files that name others: read first, so that what they name is there when it is read."""

_OPEN = "~"  # ends the name of a file that is not whole yet


class Made(msgspec.Struct, frozen=True):
    """What a backup came to: bytes and files in all, and of those what was copied now."""

    id: str
    files: int
    size: int
    copied_files: int
    copied_size: int
    dropped: tuple[str, ...] = ()


def make(data: Path, place: Path, *, now_ms: int, keep: int) -> Made:
    """Add a backup of a data folder to a place, and forget all but the newest `keep`. Blocks.

    Raises Refused for a place inside the folder or with something else in it, NotFound where there is no data,
    Unavailable where a disk refuses or the log is damaged: then the backups there were are as they were.
    """
    _check(data, place)
    with _held(place):
        try:
            return _Making(data, place, now_ms).run(keep)
        except OSError as error:
            raise Unavailable(
                f"The backup could not be made ({error.strerror}). Check both disks and their room."
            ) from error


def note(data: Path, place: Path, *, now_ms: int) -> Ledger:
    """Bring the list of what was taken back up to now, without a backup. Raises as `make` does."""
    _check(data, place)
    with _held(place):
        return _noted(data / LOG, place, now_ms)


def _check(data: Path, place: Path) -> None:
    """Raise Refused for a place where backups cannot go, NotFound where there is nothing to keep."""
    if marked(data):
        raise Refused(
            "The log of this data folder lies in Redis, and this copies files. Keep three things together: a copy of "
            "Redis's own files (BGREWRITEAOF, then its folder), this data folder without vault.db, and the vault apart."
        )
    here, there = data.resolve(), place.resolve()
    if there.is_relative_to(here) or here.is_relative_to(there):
        raise Refused(
            "A backup does not lie in the data folder, nor around it: one disk would take both. Name another."
        )
    if not (data / LOG).is_file():
        raise NotFound("There is no data in this folder. Name the right one with --data FOLDER.")
    try:
        used = place.exists() and any(place.iterdir()) and not (place / "objects").is_dir()
    except OSError as error:
        raise Refused(f"The folder for the backup cannot be used ({error.strerror}). Name another.") from error
    if used:
        raise Refused("The folder for the backup holds something else. Name an empty one, or one with backups.")


class _Making:
    """One run of a backup."""

    def __init__(self, data: Path, place: Path, now_ms: int) -> None:
        self._data = data
        self._place = place
        self._now_ms = now_ms
        self._known: dict[str, Kept] = {}
        self._copied_files = self._copied_size = 0

    def run(self, keep: int) -> Made:
        before = manifest.ids(self._place)
        last = manifest.readable(self._place, before[-1]) if before else None
        self._known = {kept.name: kept for kept in last.files} if last else {}
        log, streams = self._log()
        files = (log, *(kept for name in self._names() if (kept := self._file(name))))
        self._note_destroyed(last, files)
        name = _id(self._now_ms, before)
        made = Manifest(manifest.FORMAT, __version__, self._now_ms, files, streams)
        manifest.write(self._place, name, made)
        dropped = prune(self._place, keep)
        return Made(name, len(files), made.size, self._copied_files, self._copied_size, dropped)

    def _log(self) -> tuple[Kept, tuple[manifest.Stream, ...]]:
        fresh = self._fresh()
        copying.copy_database(self._data / LOG, fresh)
        streams = copying.check_log(fresh)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        size = fresh.stat().st_size
        self._count(size)
        return Kept(LOG, size, self._take(fresh, durable.sha256(fresh)), 0), streams

    def _names(self) -> list[str]:
        media = self._data / MEDIA
        found = [path for path in media.rglob("*") if path.is_file() and not path.name.endswith(_OPEN)]
        names = [MEDIA + path.relative_to(media).as_posix() for path in found]
        return sorted(names, key=lambda name: (not name.endswith(_LISTS), name))

    def _file(self, name: str) -> Kept | None:
        """Keep a media file; one that grows, as far as it is now. None where it has just been erased."""
        try:
            found = (self._data / name).stat()
            known = self._known.get(name)
            if known and self._is_same(known, found):
                return known
            fresh = self._fresh()
            sha256, size = durable.copy(self._data / name, fresh, found.st_size)
        except FileNotFoundError:
            return None
        self._count(size)
        return Kept(name, size, self._take(fresh, sha256), found.st_mtime_ns)

    def _is_same(self, known: Kept, found: os.stat_result) -> bool:
        same = (known.size, known.mtime_ns) == (found.st_size, found.st_mtime_ns)
        return same and manifest.object_path(self._place, known.sha256).is_file()

    def _fresh(self) -> Path:
        folder = self._place / "objects" / "new"
        durable.make_folder(folder)
        return folder / "part"

    def _take(self, fresh: Path, sha256: str) -> str:
        """Give bytes their name."""
        there = manifest.object_path(self._place, sha256)
        durable.make_folder(there.parent)
        fresh.replace(there)
        durable.sync_folder(there.parent)
        return sha256

    def _count(self, size: int) -> None:
        self._copied_files += 1
        self._copied_size += size

    def _note_destroyed(self, last: Manifest | None, files: tuple[Kept, ...]) -> None:
        """Note which media are no more what they were: a file that grew is the same one, further on."""
        now = {kept.name: kept for kept in files}
        known = _noted(manifest.object_path(self._place, files[0].sha256), self._place, self._now_ms)
        for kept in last.files[1:] if last else ():
            found = now.get(kept.name)
            if found is None or (found.sha256 != kept.sha256 and found.size <= kept.size):
                known.destroyed.add(Destroyed(kept.name, kept.sha256))
        ledger.save(self._place / LEDGER, known)


def _id(now_ms: int, before: list[str]) -> str:
    """Name a backup by its second in UTC; never as one that is there, nor before it where the clock went back."""
    name = f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y%m%dT%H%M%SZ}"
    if before and name <= before[-1]:
        after = datetime.strptime(before[-1], "%Y%m%dT%H%M%SZ") + timedelta(seconds=1)  # noqa: DTZ007 - UTC by its name
        return f"{after:%Y%m%dT%H%M%SZ}"
    return name


def prune(place: Path, keep: int) -> tuple[str, ...]:
    """Forget all but the newest `keep` backups, and the bytes that none of those needs.

    While the list of one is damaged no bytes go: nobody knows which ones it needs.
    """
    known = manifest.ids(place)
    dropped = tuple(known[:-keep]) if keep else ()
    for name in dropped:
        manifest.remove(place, name)
    left = [manifest.readable(place, name) for name in manifest.ids(place)]
    needed = {kept.sha256 for one in left if one for kept in one.files}
    for path in list(manifest.objects(place)) if None not in left else ():
        if path.name not in needed:
            path.unlink()
    return dropped


def _noted(log: Path, place: Path, now_ms: int) -> Ledger:
    known = ledger.load(place / LEDGER)
    with copying.reading(log) as database:
        known.join(ledger.collect(database, now_ms))
    ledger.save(place / LEDGER, known)
    return known


@contextmanager
def _held(place: Path) -> Iterator[None]:
    """Be the only one that writes there. Raises Unavailable while another is, or where nobody can."""
    os.umask(0o077)
    try:
        durable.make_folder(place / "objects")
        lock = (place / ".lock").open("wb")
    except OSError as error:
        raise Unavailable(f"The folder for the backup cannot be written ({error.strerror}).") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Unavailable("Another backup is being made there. Wait for it to end.") from error
        yield
