"""Fetch a speech model from the hub, once, and keep the sums of its files: afterwards no network is needed."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from hearing.durable import sha256, sync_folder
from hearing.errors import Refused, Unavailable
from hearing.transcribe.models import BASE, BASE_SUMS, SUMS, kept_folder, verify

_SMALL = 64 << 20
"""What is larger is never kept in git itself."""


class Fetched(msgspec.Struct, frozen=True):
    """Where a model lies now, and which commit of the hub's it is."""

    folder: Path
    commit: str


def fetch(name: str, environ: Mapping[str, str]) -> Fetched:
    """Fetch a size, or a hub's `owner/name`, either with `@revision`, to where `find` looks, in place of what is there.

    Raises Refused for a file that is not what the hub says it is, or `base` not what was published; Unavailable.
    """
    target = kept_folder(name, environ)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as place:
            snapshot = _download(name, Path(place))
            _put(_taken(snapshot, Path(place) / "model", name), target)
    except OSError as error:
        raise Unavailable(
            f"The model cache cannot be written ({error.strerror}). Set HEARING_CACHE to a folder with room for it."
        ) from error
    return Fetched(target, snapshot.name)


def _download(name: str, place: Path) -> Path:
    """Download into a cache of its own, where each file is a link to one named by what the hub says of it."""
    from faster_whisper.utils import download_model  # noqa: PLC0415 - it loads the hub's client
    from huggingface_hub import errors  # noqa: PLC0415

    broken: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]  # of whichever HTTP client it uses
    size, _, revision = name.partition("@")
    try:
        return Path(download_model(size, cache_dir=str(place), revision=revision or None))
    except (OSError, ValueError, broken, errors.XetDownloadError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise Unavailable(
            f"The model {name!r} could not be fetched: {said.rstrip('.')}. Check its name, the network and the room in "
            "the model cache, and try again."
        ) from error


def _taken(snapshot: Path, whole: Path, name: str) -> Path:
    """Move what was downloaded into one folder, with its sums, once each file is what it must be."""
    whole.mkdir()
    sums: dict[str, str] = {}
    for link in sorted(snapshot.iterdir()):
        blob = link.resolve()
        sums[link.name] = sha256(blob)
        if blob.name not in (sums[link.name], _git_name(blob)):
            raise Refused(f"{link.name} of the model did not come as the hub says it is. Fetch it again.")
        os.replace(blob, whole / link.name)
    if name == BASE:
        verify(whole, BASE_SUMS)
    (whole / SUMS).write_text("".join(f"{kept}  {file}\n" for file, kept in sums.items()), "utf-8")
    return whole


def _git_name(path: Path) -> str:
    """Return git's name of a file, by which the hub knows a small one (git-hash-object(1))."""
    content = path.read_bytes() if path.stat().st_size < _SMALL else b""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _put(whole: Path, target: Path) -> None:
    """Put a folder in the place of another."""
    if target.exists():
        shutil.rmtree(target)
    whole.rename(target)
    sync_folder(target.parent)
