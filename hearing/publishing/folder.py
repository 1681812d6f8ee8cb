"""The folder of a published site: it lists what stands in it, changes file by whole file, and leaves strangers' files.

Everything is written beside the site first. Then each file takes its place in one step, what others lead to before what
leads to them, and last what is not part of the site any more goes. So who reads meanwhile finds whole pages, and no
link that leads nowhere. `manifest-sha256.txt` lists every file (`sha256sum -c` takes it), and tells what is ours to
remove: it is written before anything takes its place, so that a run that was cut short is finished by the next.
"""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from hearing.errors import Conflict, Refused, Unavailable

MANIFEST = "manifest-sha256.txt"
_STAGE = ".publishing"
_HEAD = "# Made by `hearing publish`, which removes the files that this list names and no others.\n"
_NAME = re.compile(r"(?:[\w-][\w.-]*/)*[\w-][\w.-]*", re.ASCII)
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({_NAME.pattern})", re.ASCII)
_FIRST = ("static/", "find/")
_LAST = re.compile(r"[^/]+(/[^/]+)?")


class Changes(msgspec.Struct):
    """What a run did, in files. `bytes` is the size of the site."""

    files: int = 0
    bytes: int = 0
    written: int = 0
    removed: int = 0


class Folder:
    """Use as a context manager. The site does not change before `commit`; without it nothing is left of a run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stage = path / _STAGE
        self._old: dict[str, str] = {}
        self._new: dict[str, str] = {}
        self._numbers = count()
        self._staged: dict[str, Path] = {}
        self._ours: set[Path] = {path}
        self._bytes = 0
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with _told(self._path):
            self._make_folder(self._path)
            with ExitStack() as opening:
                self._lock(opening)
                self._old = _listed(self._path)
                if not (self._path / MANIFEST).exists():
                    self._list({})
                opening.callback(shutil.rmtree, self._stage, ignore_errors=True)
                shutil.rmtree(self._stage, ignore_errors=True)
                self._stage.mkdir()
                self._closing = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None) -> None:
        self._closing.close()

    def put(self, name: str, content: bytes) -> None:
        """Hold a file ready. Raises Refused where somebody else's stands at its place."""
        with _told(self._path):
            self._check(name)
            self._note(name, hashlib.sha256(content).hexdigest(), len(content))
            target = self._path / name
            if name in self._old and target.is_file() and target.read_bytes() == content:
                return
            staged = self._next()
            staged.write_bytes(content)
            staged.chmod(0o644)
            self._staged[name] = staged

    async def put_parts(self, name: str, parts: AsyncIterator[bytes]) -> bool:
        """Hold a file ready that is too large for memory; without any part there is none, and False."""
        with _told(self._path):
            self._check(name)
            digest, size, staged = hashlib.sha256(), 0, self._next()
            with staged.open("wb") as file:
                async for part in parts:
                    digest.update(part)
                    size += file.write(part)
            staged.chmod(0o644)
            if size:
                self._note(name, digest.hexdigest(), size)
            if not size or self._stands(name):
                staged.unlink()
            else:
                self._staged[name] = staged
        return size > 0

    def commit(self) -> Changes:
        """Bring the site to what was put."""
        gone = [name for name in self._old if name not in self._new]
        with _told(self._path):
            if self._staged or gone:
                self._list({**self._old, **self._new})
            for name in sorted(self._staged, key=_turn):
                target = self._path / name
                self._make_folder(target.parent)
                self._staged[name].replace(target)
            for name in gone:
                self._remove(name)
            if self._old != self._new or not (self._path / MANIFEST).exists():
                self._list(self._new)
        return Changes(len(self._new), self._bytes, len(self._staged), len(gone))

    def _note(self, name: str, digest: str, size: int) -> None:
        self._new[name] = digest
        self._bytes += size

    def _stands(self, name: str) -> bool:
        """Tell whether the same bytes stand at its place already."""
        target = self._path / name
        if self._old.get(name) != self._new[name] or not target.is_file():
            return False
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self._new[name]

    def _next(self) -> Path:
        return self._stage / str(next(self._numbers))

    def _check(self, name: str) -> None:
        """What is no part of the site is not ours to replace, and no link leads us out of the folder."""
        if not _NAME.fullmatch(name):
            raise ValueError(name)
        target = self._path / name
        folders = [parent for parent in target.parents if parent not in self._ours and self._path in parent.parents]
        strange = [one for one in folders if one.is_symlink() or (one.exists() and not one.is_dir())]
        self._ours.update(folders)
        if not strange and name not in self._old and (target.exists() or target.is_symlink()):
            strange = [target]
        if strange or target.is_dir():
            where = (strange or [target])[0].relative_to(self._path)
            raise Refused(f"{where} in this folder is somebody else's. Move it away, or publish into another folder.")

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir()
            folder.chmod(0o755)

    def _remove(self, name: str) -> None:
        target = self._path / name
        if any(parent.is_symlink() for parent in target.parents if self._path in parent.parents):
            return
        target.unlink(missing_ok=True)
        for folder in target.parents:
            if folder == self._path:
                break
            with suppress(OSError):  # others' files are in it, or it is gone
                folder.rmdir()

    def _list(self, files: dict[str, str]) -> None:
        fresh = self._path / f"{MANIFEST}~"
        fresh.write_text(_HEAD + "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items())), "ascii")
        fresh.chmod(0o644)
        fresh.replace(self._path / MANIFEST)

    def _lock(self, opening: ExitStack) -> None:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        opening.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict("Somebody publishes into this folder just now. Wait until that is done.") from error


def _listed(path: Path) -> dict[str, str]:
    """Read what is ours. Raises Refused where the folder holds something, and no list that we made.

    Names that begin with a dot are never ours: the folder may be kept in a repository (`.git`).
    """
    try:
        text = (path / MANIFEST).read_text("ascii")
    except (FileNotFoundError, UnicodeDecodeError):
        text = ""
    if text.startswith(_HEAD):
        found = [_LINE.fullmatch(line) for line in text.splitlines()[1:]]
        if all(found):
            return {line[2]: line[1] for line in found if line}
        raise Refused(f"{MANIFEST} in this folder is damaged. Publish into an empty folder.")
    if any(not one.name.startswith(".") and one.name != f"{MANIFEST}~" for one in path.iterdir()):
        raise Refused("This folder holds files that `hearing publish` did not make. Name an empty or a new one.")
    return {}


def _turn(name: str) -> tuple[bool, bool, int, str]:
    """Order by what leads to what: styles and terms, passages, texts, meetings, and last the lists of meetings."""
    listing = not name.startswith(("m/", *_FIRST)) and _LAST.fullmatch(name) is not None
    return not name.startswith(_FIRST), listing, -name.count("/"), name


class _told:  # noqa: N801 - reads as a word of the language
    """Say what the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(e, OSError) and not isinstance(e, BlockingIOError):
            raise Unavailable(
                f"The folder {self._path.name} cannot be written ({e.strerror}). Choose another, or make room."
            ) from e
