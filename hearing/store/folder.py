"""Media bytes in a folder: one file a name, appended to and read by range."""

import asyncio
import errno
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from hearing.durable import sync_folder
from hearing.errors import NotFound, Refused, Unavailable

T = TypeVar("T")

_PART = re.compile(r"[A-Za-z0-9._-]{1,128}")
_THREADS = 4
_MAX_NAME = 512
_ERASE_TRIES = 8
_FRESH = "~"  # ends the name of a file that is not whole yet; no media name can hold it


class FolderStore:
    """Use as an async context manager. File work runs on threads of its own, so that a slow disk stops nobody else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store")
        self._replacing = threading.Lock()
        self._open = False

    async def __aenter__(self) -> Self:
        self._open = True
        await self._run(lambda: _make_root(self._path))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._open = False
        self._threads.shutdown(wait=True)

    async def append(self, name: str, chunk: bytes) -> int:
        """Add bytes at the end; return the size now."""
        path = self._file(name)
        return await self._run(lambda: _append(path, chunk))

    async def replace(self, name: str, content: bytes) -> None:
        """Put the whole content in one durable step."""
        path = self._file(name)

        def work() -> None:
            with self._replacing:  # two at once would write into the same fresh file
                _replace(path, content, self._path)

        await self._run(work)

    async def sync(self, name: str) -> None:
        """Make what was appended survive a crash."""
        path = self._file(name)
        await self._run(lambda: _sync(path, self._path))

    async def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Return bytes start..end."""
        if start < 0 or (end is not None and end < 0):
            raise Refused("Bytes are counted from 0.")
        path = self._file(name)
        return await self._run(lambda: _read(path, start, end))

    async def size(self, name: str) -> int | None:
        """Return the size, None where there is no such name."""
        path = self._file(name)
        return await self._run(lambda: path.stat().st_size if path.is_file() else None)

    async def truncate(self, name: str, size: int) -> None:
        """Drop what stands after `size` bytes; a name that is shorter stays as it is."""
        if size < 0:
            raise Refused("Bytes are counted from 0.")
        path = self._file(name)
        await self._run(lambda: _truncate(path, size))

    async def names(self, prefix: str) -> list[str]:
        """Return the names under a prefix that ends in `/`, sorted."""
        folder = self._file(prefix.rstrip("/")) if prefix else self._path
        return await self._run(lambda: sorted(_names(folder, self._path)))

    async def erase(self, prefix: str) -> None:
        """Forget everything under a prefix that ends in `/`, half-written files too."""
        folder = self._file(prefix.rstrip("/"))
        await self._run(lambda: _erase(folder))

    async def delete(self, name: str) -> None:
        """Forget a name and its bytes."""
        path = self._file(name)
        await self._run(lambda: _delete(path))

    def _file(self, name: str) -> Path:
        parts = name.split("/")
        if len(name) > _MAX_NAME or not all(_PART.fullmatch(part) and part.strip(".") for part in parts):
            raise Refused("A media name is parts of a-z, A-Z, 0-9, '.', '_' and '-', with '/' between them.")
        return self._path.joinpath(*parts)

    async def _run(self, work: Callable[[], T]) -> T:
        """Do file work on a thread. Raises NotFound for a missing file, Unavailable for a disk that refuses."""
        if not self._open:
            raise Unavailable("The media folder is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound("There are no media bytes of this name.") from error
        except OSError as error:
            raise Unavailable(f"The media folder cannot be used: {error.strerror}. Check its disk.") from error


def _append(path: Path, chunk: bytes) -> int:
    """Add the whole chunk, or leave the file as it was where the disk refuses."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(before)
            raise
        return before + len(chunk)


def _replace(path: Path, content: bytes, root: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + _FRESH)
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_folders(path, root)


def _truncate(path: Path, size: int) -> None:
    if path.stat().st_size > size:
        os.truncate(path, size)


def _delete(path: Path) -> None:
    """Forget the file for good: a name comes back after a crash where its folder was not flushed."""
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return
    sync_folder(path.parent)


def _erase(folder: Path) -> None:
    """Remove a folder for good; what is written there meanwhile goes too."""
    for _ in range(_ERASE_TRIES):
        if not folder.exists():
            break
        for found, _, files in os.walk(folder, topdown=False):
            for name in files:
                Path(found, name).unlink(missing_ok=True)
            sync_folder(Path(found))
            with suppress(OSError):  # not empty again: something was written just now
                Path(found).rmdir()
    if folder.exists():
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
    if folder.parent.is_dir():
        sync_folder(folder.parent)


def _make_root(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    sync_folder(root.parent)


def _sync(path: Path, root: Path) -> None:
    """Flush the file, and the folders its name lives in."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync_folders(path, root)


def _sync_folders(path: Path, root: Path) -> None:
    """Flush every folder between a file and the root, the root as well: a new name lives in its folder."""
    for folder in path.parents:
        sync_folder(folder)
        if folder == root:
            return


def _read(path: Path, start: int, end: int | None) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read() if end is None else file.read(max(0, end - start))


def _names(folder: Path, root: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(_FRESH))
    return [path.relative_to(root).as_posix() for path in files]
