"""Bring a backup back into an empty folder, verified first, with everything taken back that the ledger knows of."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from hearing import durable, wal
from hearing.backup import copying, ledger, manifest
from hearing.backup.ledger import Ledger
from hearing.backup.manifest import LEDGER, LOG, MEDIA, Kept, Manifest
from hearing.errors import NotFound, Refused, Unavailable
from hearing.log import tables

VAULT = "vault.db"
_STAGE = "restoring"
_EPOCHS = "UPDATE streams SET epoch = max(epoch + 1, ?)"
_HELD = (
    "SELECT count(*) FROM records WHERE stream GLOB 'desk:*' AND erased = 0"
    """ AND CAST(body AS TEXT) GLOB '{"type":"item.received"*'"""
)


class Restored(msgspec.Struct, frozen=True):
    """What came back: `taken_back` records were taken back again, `left_out` media files stay destroyed.

    `through_ms` is up to when it is known what was taken back; `items` are those whose texts need the vault.
    """

    id: str
    made_ms: int
    files: int
    size: int
    taken_back: int
    left_out: int
    through_ms: int
    items: int


def verify(place: Path, tell: Callable[[str], None]) -> int:
    """Read every byte of every backup in a place; return how many are whole. `tell` is told of each.

    Raises NotFound where there is none.
    """
    names = manifest.ids(place)
    if not names:
        raise NotFound("There is no backup in this folder. Make one with: hearing backup OUT --data FOLDER")
    seen: dict[str, str] = {}
    whole = 0
    for name in names:
        try:
            found = manifest.read(place, name)
            _verify_files(place, found, seen)
            _verify_log(place, found)
        except Unavailable as error:
            tell(f"{name}  DAMAGED  {error}")
        else:
            whole += 1
            tell(f"{name}  whole  {len(found.files)} files, {found.size / 1e6:.1f} MB, hearing {found.release}")
    return whole


def restore(
    place: Path,
    data: Path,
    *,
    now_ms: int,
    at: str = "",
    since: Path | None = None,
    vault: Path | None = None,
    without_vault: bool = False,
    all_media: bool = False,
) -> Restored:
    """Restore the newest backup, or the one named `at`. Blocks.

    `since` is another list of what was taken back, or the old data folder; `vault` the vault that belongs to it.
    With `all_media` files come back that later backups no longer found: for those that were lost by accident.
    Raises Refused for a folder that is not empty, Unavailable where a byte of the backup is not what it was: then
    nothing was written.
    """
    os.umask(0o077)
    known = manifest.ids(place)
    if not known:
        raise NotFound("There is no backup in this folder. Is it the one that `hearing backup` was given?")
    name = at or known[-1]
    found = manifest.read(place, name)
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise Refused("The folder to restore into is not empty. Name a new one with --data, so that nothing is lost.")
    taken = _taken(place, since, now_ms)
    _verify_files(place, found, {})
    _verify_log(place, found)
    items = _items(manifest.object_path(place, found.files[0].sha256))
    if items and not vault and not without_vault:
        raise Refused(
            f"Participants sent {items} items, and only the vault opens their texts; no backup holds it. Name the "
            "vault.db that was kept apart, or of the old data folder, with --vault FILE. Say --without-vault if it is "
            "lost: then nobody can ever read them, and the published ones leave the pages."
        )
    if vault and not vault.is_file():
        raise Refused("There is no file of the name that --vault gives.")
    try:
        return _Bringing(place, name, found, taken, all_media).run(data, vault, now_ms)
    except OSError as error:
        raise Unavailable(
            f"The backup could not be restored ({error.strerror}). Check the disk, empty the folder, and restore again."
        ) from error


def _items(log: Path) -> int:
    """Count the items whose texts need a vault."""
    with copying.reading(log) as database:
        return int(database.execute(_HELD).fetchone()[0])


class _Bringing(msgspec.Struct, frozen=True):
    """A verified backup, on its way into an empty folder. The log comes last: without it nothing is served."""

    place: Path
    name: str
    found: Manifest
    taken: Ledger
    all_media: bool

    def run(self, data: Path, vault: Path | None, now_ms: int) -> Restored:
        """Write all of it."""
        stage = data / _STAGE
        for folder in (data, stage, data / MEDIA):
            durable.make_folder(folder)
        wanted = self._wanted()
        for kept in wanted:
            _copy(self.place, kept, data / kept.name)
        _copy(self.place, self.found.files[0], stage / LOG)
        changed = _renew(stage / LOG, self.taken, now_ms)
        copying.check_log(stage / LOG)
        if vault:
            copying.copy_database(vault, data / VAULT)
        (stage / LOG).replace(data / LOG)
        for left in stage.iterdir():
            left.unlink()
        stage.rmdir()
        durable.sync_folder(data)
        return Restored(
            id=self.name,
            made_ms=self.found.made_ms,
            files=len(wanted) + 1,
            size=self.found.files[0].size + sum(kept.size for kept in wanted),
            taken_back=changed,
            left_out=len(self.found.files) - 1 - len(wanted),
            through_ms=self.taken.through_ms,
            items=_items(data / LOG),
        )

    def _wanted(self) -> list[Kept]:
        """Return the media to bring back: what was destroyed since as it is now, or not at all."""
        last = manifest.readable(self.place, manifest.ids(self.place)[-1])
        newest = {kept.name: kept for kept in last.files} if last else {}
        purged, wanted = ledger.purged(self.taken), list[Kept]()
        destroyed = set() if self.all_media else {(one.name, one.sha256) for one in self.taken.destroyed}
        for kept in self.found.files[1:]:
            if kept.name.split("/")[1] in purged:
                continue
            if (kept.name, kept.sha256) not in destroyed:
                wanted.append(kept)
            elif (now := newest.get(kept.name)) and (now.name, now.sha256) not in destroyed:
                wanted.append(now)
        return wanted


def _taken(place: Path, since: Path | None, now_ms: int) -> Ledger:
    known = ledger.load(place / LEDGER)
    if since and since.is_dir():
        with copying.reading(since / LOG) as database:
            known.join(ledger.collect(database, now_ms))
    elif since and not since.is_file():
        raise Refused("--since names the old data folder, or a copy of taken-back.jsonl. There is neither.")
    elif since:
        known.join(ledger.load(since))
    return known


def _renew(path: Path, taken: Ledger, now_ms: int) -> int:
    """Take back, and begin the next incarnation of every stream: cursors into what was lost must mean nothing."""
    database = tables.connect(path)
    try:
        changed = ledger.apply(database, taken)
        database.execute(_EPOCHS, (now_ms // 1000,))
        wal.checkpoint(database)
    finally:
        database.close()
    return changed


def _copy(place: Path, kept: Kept, target: Path) -> None:
    durable.make_folder(target.parent)
    sha256, _ = durable.copy(manifest.object_path(place, kept.sha256), target)
    if sha256 != kept.sha256:
        raise Unavailable(f"{kept.name} changed while it was being copied. Restore again.")
    durable.sync_folder(target.parent)


def _verify_files(place: Path, found: Manifest, seen: dict[str, str]) -> None:
    for kept in found.files:
        path = manifest.object_path(place, kept.sha256)
        if kept.sha256 not in seen:
            try:
                seen[kept.sha256] = durable.sha256(path)
            except OSError:
                seen[kept.sha256] = ""
        if seen[kept.sha256] != kept.sha256 or path.stat().st_size != kept.size:
            raise Unavailable(
                f"{kept.name} is missing or not what it was. Use another backup, or another copy of this."
            )


def _verify_log(place: Path, found: Manifest) -> None:
    log = found.file(LOG)
    if log is None or found.files[0] != log:
        raise Unavailable("The backup has no log. Use another one.")
    streams = copying.check_log(manifest.object_path(place, log.sha256))
    if streams != found.streams:
        raise Unavailable("The log is not the one that the backup lists. Use another one.")
