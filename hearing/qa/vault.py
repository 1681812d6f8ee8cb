"""Where item keys live: a random key per name, wrapped by a key-encryption key kept outside the data folder.

Destroying a key is how a text is forgotten: in the append-only log, in its backups, everywhere its ciphertext went.
A key is durable before anything sealed with it is handed out, so that no text is ever stored that cannot be read.
"""

import asyncio
import base64
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hearing.errors import Gone, NotFound, Unavailable
from hearing.qa.key_file import key_of
from hearing.wal import BUSY_MS, checkpoint

T = TypeVar("T")

VERSION = 1
_NONCE = 12
_KEY = 32
_BLOCK = 256
_DESTROY_PAUSES_S = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
_CHECK = "/check"

# Rows are only added and overwritten in place, with as many bytes: SQLite leaves copies where it moves rows.
_SCHEMA = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = ON;
PRAGMA busy_timeout = {BUSY_MS};
CREATE TABLE IF NOT EXISTS keys (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, destroyed INTEGER NOT NULL, wrapped BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS keys_by_name ON keys (name);
PRAGMA user_version = {VERSION};
"""
_FIND = "SELECT destroyed, wrapped FROM keys WHERE name = ?"
_KEEP = "INSERT INTO keys (name, destroyed, wrapped) VALUES (?, 0, ?)"
_BURN = (
    "INSERT INTO keys (name, destroyed, wrapped) VALUES (?1, 1, zeroblob(?2))"
    " ON CONFLICT (name) DO UPDATE SET destroyed = 1, wrapped = zeroblob(length(wrapped))"
)
_COUNT = "SELECT count(*) FROM keys"


class Sealed(msgspec.Struct, frozen=True):
    """A ciphertext in base64 and the name of the key it needs."""

    name: str
    body: str


class Vault:
    """Use as an async context manager, by one process at a time. All work runs on one thread of its own."""

    def __init__(self, path: Path, key_file: Path) -> None:
        self._path = path
        self._key_file = key_file
        self._open = False
        self._swept = False

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vault")
        self._open = True
        try:
            await self._run(self._connect)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._open = False
        await asyncio.get_running_loop().run_in_executor(self._thread, self._database.close)
        self._thread.shutdown()

    async def seal(self, name: str, body: bytes) -> str:
        """Return the body as ciphertext, in base64. The key, made where there is none, is durable on return.

        Raises Gone where the key was destroyed, Unavailable where the vault cannot be written.
        """
        return await self._run(lambda: self._seal(name, body))

    async def open(self, name: str, sealed: str) -> bytes:
        """Return what was sealed. Raises Gone where the key was destroyed, NotFound where there never was one,

        Unavailable where the bytes are damaged.
        """
        return await self._run(lambda: self._unseal(name, sealed))

    async def open_all(self, wanted: Sequence[Sealed]) -> list[bytes | None]:
        """Open many at once; None for each that cannot be opened any more."""
        return await self._run(lambda: [self._try(one) for one in wanted])

    async def destroyed(self, name: str) -> bool:
        """Tell whether the key was destroyed, and its bytes are in no file."""
        return await self._run(lambda: self._is_destroyed(name))

    async def destroy(self, name: str) -> None:
        """Forget a key for good; a new one is never made under its name. Returns when its bytes are in no file.

        Raises Unavailable where another program keeps the old bytes alive: try again.
        """
        for pause_s in _DESTROY_PAUSES_S:
            await asyncio.sleep(pause_s)
            if await self._run(lambda: self._burn(name)):
                return
        raise Unavailable("Another program reads the vault and keeps old bytes alive. Close it, then try again.")

    async def secret(self, name: str) -> bytes:
        """Return a random key of 32 bytes that stays the same; made where there is none."""
        return await self._run(lambda: self._key(name, make=True))

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._open:
            raise Unavailable("The vault is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise Unavailable("The vault cannot be used now. Check the disk and who owns the data folder.") from error

    def _connect(self) -> None:
        self._database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            _check_version(self._database)
            self._database.executescript(_SCHEMA)
            fresh = self._database.execute(_COUNT).fetchone()[0] == 0
            self._kek = AESGCM(key_of(self._key_file, self._path.parent, may_make=fresh))
            self._key(_CHECK, make=True)  # a wrong key file is found now, not with the first text
        except BaseException:
            self._database.close()
            raise

    def _find(self, name: str) -> bytes | None:
        row = self._database.execute(_FIND, (name,)).fetchone()
        if row and row[0]:
            raise Gone("This was withdrawn, and its key is destroyed.")
        return bytes(row[1]) if row else None

    def _is_destroyed(self, name: str) -> bool:
        row = self._database.execute(_FIND, (name,)).fetchone()
        return bool(row and row[0]) and (self._swept or self._sweep())

    def _key(self, name: str, *, make: bool) -> bytes:
        wrapped = self._find(name)
        if wrapped is not None:
            return self._unwrap(name, wrapped)
        if not make:
            raise NotFound("There is no key of this name.")
        key, nonce = AESGCM.generate_key(_KEY * 8), os.urandom(_NONCE)
        self._database.execute(_KEEP, (name, nonce + self._kek.encrypt(nonce, key, name.encode())))
        return key

    def _unwrap(self, name: str, wrapped: bytes) -> bytes:
        try:
            return self._kek.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], name.encode())
        except InvalidTag as error:
            raise Unavailable(
                "The key file does not belong to this vault, or the vault is damaged. Put back the key file that was "
                "made with this data folder."
            ) from error

    def _seal(self, name: str, body: bytes) -> str:
        key, nonce = self._key(name, make=True), os.urandom(_NONCE)
        return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, _padded(body), name.encode())).decode("ascii")

    def _unseal(self, name: str, sealed: str) -> bytes:
        key = self._key(name, make=False)
        try:
            raw = base64.b64decode(sealed, validate=True)
            return _unpadded(AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], name.encode()))
        except (InvalidTag, ValueError) as error:
            raise Unavailable("What was sealed is damaged, or was sealed for something else.") from error

    def _try(self, wanted: Sealed) -> bytes | None:
        if not wanted.body:
            return None
        try:
            return self._unseal(wanted.name, wanted.body)
        except (Gone, NotFound, Unavailable):
            return None

    def _burn(self, name: str) -> bool:
        """Overwrite the key, then empty the write-ahead log that may hold it; False where somebody else reads it."""
        self._swept = False
        self._database.execute(_BURN, (name, _NONCE + _KEY + 16))
        return self._sweep()

    def _sweep(self) -> bool:
        """Move the write-ahead log into the database and empty it."""
        self._swept = checkpoint(self._database)
        return self._swept


def _check_version(database: sqlite3.Connection) -> None:
    if database.execute("PRAGMA user_version").fetchone()[0] > VERSION:
        raise Unavailable("This vault was written by a later release of hearing. Use that release, or a newer one.")


def _padded(body: bytes) -> bytes:
    """Fill up to whole blocks: how long a text is, to the character, would tell which public one it became."""
    return body + b"\x80" + bytes(-(len(body) + 1) % _BLOCK)


def _unpadded(body: bytes) -> bytes:
    return body.rstrip(b"\x00")[:-1]
