"""Write files that survive a crash, and copy with a digest. Files are for their owner alone."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20


def replace(path: Path, content: bytes) -> None:
    """Put the whole content in one durable step."""
    fresh = path.with_name(path.name + "~")
    with private(fresh) as file:
        file.write(content)
        flush(file)
    fresh.replace(path)
    sync_folder(path.parent)


def private(path: Path) -> BinaryIO:
    """Open a file that nobody else can read, empty."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def copy(source: Path, target: Path, size: int | None = None) -> tuple[str, int]:
    """Copy the first `size` bytes, all without it; return their SHA-256 in hex, and how many they are. Durable."""
    digest, copied = hashlib.sha256(), 0
    with source.open("rb") as here, private(target) as there:
        while chunk := here.read(CHUNK if size is None else min(CHUNK, size - copied)):
            digest.update(chunk)
            there.write(chunk)
            copied += len(chunk)
        flush(there)
    return digest.hexdigest(), copied


def sha256(path: Path) -> str:
    """Return the digest of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush(file: BinaryIO) -> None:
    """Return when the bytes are on the disk."""
    file.flush()
    os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Make a folder for its owner alone, durably; one that is there is no error."""
    if not path.is_dir():
        path.mkdir(parents=True, mode=0o700, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Return when the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
