"""The key-encryption key: 32 bytes in a file of mode 0600, outside the data folder, so that no backup holds both."""

import hashlib
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hearing.durable import sync_folder
from hearing.errors import Refused, Unavailable

_BYTES = 32


def default_key_file(folder: Path, environ: Mapping[str, str]) -> Path:
    """Return where the key of a data folder is kept unless settings say otherwise."""
    state = Path(environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "/")) / ".local" / "state")
    return state / "hearing" / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32] / "kek"


def key_of(path: Path, folder: Path, *, may_make: bool) -> bytes:
    """Return the key in this file, made where there is none and `may_make`.

    Raises Refused where the file lies in the data folder or others can read it, Unavailable where it is missing or
    damaged.
    """
    if path.resolve().is_relative_to(folder.resolve()):
        raise Refused("The key file must not lie in the data folder: a copy of the folder would hold the key too.")
    try:
        return _read(path)
    except FileNotFoundError:
        if not may_make:
            raise Unavailable(
                "The key file of this data folder is missing; nothing that was sent can be read without it. Put it "
                "back where it was, or name it with the setting key_file."
            ) from None
    except OSError as error:
        raise Unavailable(f"The key file cannot be read ({error.strerror}). Check who owns it.") from error
    try:
        _make(path)
        return _read(path)
    except OSError as error:
        raise Unavailable(f"The key file cannot be made ({error.strerror}). Check the setting key_file.") from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077 and not _is_credential(path):
            raise Refused("Others on this machine can read the key file. Make it yours alone: chmod 600.")
        text = file.read(4 * _BYTES)
    with suppress(ValueError):
        key = bytes.fromhex(text.decode("ascii"))
        if len(key) == _BYTES:
            return key
    raise Unavailable("The key file is damaged. Put back the one that was made with this data folder.")


def _is_credential(path: Path) -> bool:
    """Tell whether the service manager gives it to this process alone: by an ACL, which the mode bits show as a group.

    systemd.exec(5), LoadCredential=.
    """
    place = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(place) and path.resolve().parent == Path(place).resolve()


def _make(path: Path) -> None:
    """Write it whole and durable under another name first: half a key would lock everything in."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(part)
    finally:
        part.unlink()
    sync_folder(path.parent)
    sync_folder(path.parent.parent)
