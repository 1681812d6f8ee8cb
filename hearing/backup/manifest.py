"""What a backup holds: one line of digest and one of JSON, written last, so that a half-made backup is none."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hearing import durable
from hearing.errors import NotFound, Unavailable

FORMAT = 1
LOG = "log.db"
MEDIA = "media/"
LEDGER = "taken-back.jsonl"
_OBJECTS = "objects"
_ENDING = ".backup"
_ID = re.compile(r"\d{8}T\d{6}Z")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Kept(msgspec.Struct, frozen=True):
    """One file: its name in the data folder, and where its bytes are. `mtime_ns` tells whether it has changed since."""

    name: str
    size: int
    sha256: str
    mtime_ns: int


class Stream(msgspec.Struct, frozen=True):
    """How far a stream of the log goes; `chain` (hex) commits to every record of it."""

    stream: str
    head: int
    epoch: int
    chain: str


class Manifest(msgspec.Struct, frozen=True):
    """One backup: the log first, then the media. `made_ms` is UTC, in milliseconds since the Unix epoch."""

    format: int
    release: str
    made_ms: int
    files: tuple[Kept, ...]
    streams: tuple[Stream, ...]

    @property
    def size(self) -> int:
        """The bytes that it brings back."""
        return sum(kept.size for kept in self.files)

    def file(self, name: str) -> Kept | None:
        """Return a file by its name."""
        return next((kept for kept in self.files if kept.name == name), None)


_decoder = msgspec.json.Decoder(Manifest)


def object_path(place: Path, sha256: str) -> Path:
    """Return where bytes of this digest are kept."""
    return place / _OBJECTS / sha256[:2] / sha256


def objects(place: Path) -> Iterator[Path]:
    """Return all that is kept, and what a backup that was cut short left."""
    return (path for path in (place / _OBJECTS).glob("*/*") if path.is_file())


def ids(place: Path) -> list[str]:
    """Return the backups of a place, oldest first."""
    found = (path.name.removesuffix(_ENDING) for path in place.glob(f"*{_ENDING}"))
    return sorted(name for name in found if _ID.fullmatch(name))


def write(place: Path, name: str, manifest: Manifest) -> None:
    """Write it durably, in one step."""
    line = msgspec.json.encode(manifest)
    durable.replace(place / (name + _ENDING), hashlib.sha256(line).hexdigest().encode() + b"\n" + line + b"\n")


def remove(place: Path, name: str) -> None:
    """Forget a backup; the bytes that no other one needs go with `objects`."""
    (place / (name + _ENDING)).unlink()
    durable.sync_folder(place)


def read(place: Path, name: str) -> Manifest:
    """Read one. Raises NotFound, and Unavailable where it is damaged or of a later release."""
    try:
        digest, _, line = (place / (name + _ENDING)).read_bytes().partition(b"\n")
    except FileNotFoundError as error:
        raise NotFound(
            f"There is no backup {name} here. `hearing backup --verify OUT` lists those there are."
        ) from error
    except OSError as error:
        raise Unavailable(f"The backup {name} cannot be read ({error.strerror}).") from error
    line = line.rstrip(b"\n")
    if hashlib.sha256(line).hexdigest().encode() != digest:
        raise Unavailable(f"The list of the backup {name} is damaged. Use another one.")
    try:
        manifest = _decoder.decode(line)
    except msgspec.DecodeError as error:
        raise Unavailable(f"The backup {name} is of another release of hearing. Restore it with that one.") from error
    if manifest.format > FORMAT:
        raise Unavailable(f"The backup {name} is of a later release of hearing. Restore it with that one.")
    _check(name, manifest)
    return manifest


def readable(place: Path, name: str) -> Manifest | None:
    """Read one; None where it is damaged."""
    try:
        return read(place, name)
    except Unavailable:
        return None


def _check(name: str, manifest: Manifest) -> None:
    """Raise Unavailable for names that would lead out of a data folder: the list may be another's."""
    for kept in manifest.files:
        parts = kept.name.split("/")
        inside = kept.name == LOG or (kept.name.startswith(MEDIA) and all(part.strip(".") for part in parts))
        if not inside or "\0" in kept.name or not _SHA256.fullmatch(kept.sha256):
            raise Unavailable(f"The list of the backup {name} is not one that hearing wrote. Use another one.")
