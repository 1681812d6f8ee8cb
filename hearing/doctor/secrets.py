"""The files that hold secrets: there, readable by their owner alone, and outside the data folder."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from hearing.backup.copying import reading
from hearing.config import Config
from hearing.doctor.report import Seen
from hearing.errors import HearingError, Refused
from hearing.qa.key_file import default_key_file, key_of

_TOKEN = 32


def look(config: Config, environ: Mapping[str, str]) -> list[Seen]:
    """Look at the key file, and at the token files where there are some."""
    found = [_keys(config, environ)]
    for setting, name in (
        ("staff_token_file", config.staff_token_file),
        ("worker_token_file", config.worker_token_file),
    ):
        if name:
            found.append(_token(setting, Path(name)))
    return found


def _keys(config: Config, environ: Mapping[str, str]) -> Seen:
    path = Path(config.key_file) if config.key_file else default_key_file(config.folder, environ)
    there = path.exists()
    if not there and not _sealed(config.folder / "vault.db"):
        return _to_be_made(path, config.folder)
    try:
        key_of(path, config.folder, may_make=False)
    except Refused as error:
        mend = f"chmod 600 {path}" if "chmod" in str(error) else "key_file = a path outside the data folder"
        return Seen("keys", "no-go", "keys-exposed", str(error), mend)
    except HearingError as error:
        return Seen("keys", "no-go", "keys-missing", str(error), f"put the copy of it back: {path}")
    text = f"{path}, for its owner alone; no backup holds it"
    return Seen("keys", "go", "keys", text)


def _to_be_made(path: Path, folder: Path) -> Seen:
    if path.resolve().is_relative_to(folder.resolve()):
        text = "the key file would lie in the data folder, and in every copy of it"
        return Seen("keys", "no-go", "keys-exposed", text, "key_file = a path outside the data folder")
    above = next((one for one in path.parents if one.exists()), Path(os.sep))
    if not os.access(above, os.W_OK):
        text = f"{path} cannot be made: {above} is not this user's"
        return Seen("keys", "no-go", "keys-refused", text, "key_file = a path that this user may write")
    text = f"{path} is made at the first start: keep a copy of it elsewhere, not beside backups"
    return Seen("keys", "go", "keys-new", text)


def _token(setting: str, path: Path) -> Seen:
    try:
        text, mode = path.read_text("ascii").strip(), path.stat().st_mode
    except (OSError, UnicodeDecodeError):
        return Seen("keys", "no-go", "token-unreadable", f"{setting} names no readable file: {path}", _make(path))
    if len(text) < _TOKEN:
        return Seen("keys", "no-go", "token-short", f"{setting} holds less than {_TOKEN} characters", _make(path))
    if mode & 0o077:
        return Seen("keys", "warn", "token-open", f"others on this machine can read {setting}", f"chmod 600 {path}")
    return Seen("keys", "go", "token", f"{setting}: {path}, for its owner alone")


def _make(path: Path) -> str:
    return f"(umask 077; openssl rand -hex 32 > {path})"


def _sealed(vault: Path) -> bool:
    """Tell whether the vault holds keys that a key file must open."""
    try:
        with reading(vault) as database, closing(database.execute("SELECT EXISTS (SELECT 1 FROM keys)")) as rows:
            return bool(rows.fetchone()[0])
    except (HearingError, sqlite3.Error):
        return False
