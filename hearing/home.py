"""Servers that share one Redis: the home, whose data folder holds vault and recordings, and the edges, which read.

The first folder that serves on an empty Redis becomes the home for good: moving the home is moving its folder.
"""

import asyncio
import hashlib
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import msgspec

from hearing.board.base import Board
from hearing.config import PEER
from hearing.errors import Conflict, Refused, Unavailable
from hearing.log.base import Log

STREAM = "home"
"""The log's stream that says which folder is the home."""

LIFETIME_S = 6.0
_BEAT_S = 1.5
_LOOK_S = 0.2
_CLAIM = "home:claim"
_ADDRESS = "home:address"
_MARK = "redis.json"


class Mark(msgspec.Struct, frozen=True):
    """What a data folder says whose log lies in Redis: the name of this folder among all that share it."""

    folder: str


def marked(folder: Path) -> bool:
    """Tell whether the log of a data folder lies in Redis."""
    return (folder / _MARK).is_file()


def check_own_log(folder: Path) -> None:
    """Raise Refused for a folder whose log lies in Redis, where one of its own is wanted."""
    if marked(folder):
        raise Refused(
            "The log of this data folder lies in Redis. Act while its server runs, start it with: hearing serve "
            "--redis URL; or name another folder with --data."
        )


def mark(folder: Path) -> str:
    """Mark a folder that this process holds, if it is not yet, and return its name.

    Raises Refused for one with a log of its own, which Redis would not know.
    """
    if (folder / "log.db").exists():
        raise Refused(
            "This data folder holds a log of its own (log.db), and none is moved into Redis. Name a new folder with "
            "--data, or serve this one without --redis."
        )
    path, fresh = folder / _MARK, folder / f"{_MARK}.new"
    try:
        if not path.is_file():
            fresh.write_bytes(msgspec.json.encode(Mark(secrets.token_hex(16))))
            fresh.replace(path)
        return msgspec.json.decode(path.read_bytes(), type=Mark).folder
    except OSError as error:
        raise Unavailable(f"The data folder cannot be written ({error.strerror}). Check its disk.") from error
    except msgspec.DecodeError as error:
        raise Unavailable(f"{_MARK} in the data folder is damaged. Put it back from a copy of the folder.") from error


async def is_home(log: Log, name: str) -> bool:
    """Tell whether the folder of this name is the home; of those that ask a new Redis at once, one is."""
    while True:
        records = await log.read(STREAM, 0, 4096)
        if records:
            return msgspec.json.decode(records[-1].body, type=Mark).folder == name
        try:
            await log.append(STREAM, [msgspec.json.encode(Mark(name))], expect=0)
        except Conflict:
            continue
        return True


def this_process(folder: Path) -> bytes:
    """Name what holds a folder: the same for the next process on it, another for one on a copy of it."""
    held = (folder / "serve.lock").stat()
    return hashlib.sha256(f"{socket.gethostname()} {held.st_dev} {held.st_ino}".encode()).hexdigest()[:32].encode()


class Claim:
    """The right to act as the home; it dies with its holder, within LIFETIME_S. `url` is where edges reach it."""

    def __init__(self, board: Board, folder: Path) -> None:
        self._board = board
        self._mine = this_process(folder)
        self.url = ""

    async def take(self) -> None:
        """Become the home. Raises Unavailable while a server on a copy of this folder is."""
        until = asyncio.get_running_loop().time() + 2 * LIFETIME_S
        while await self._renewed() != self._mine:
            if asyncio.get_running_loop().time() > until:
                raise Unavailable(
                    "Another server runs on this Redis with a copy of this data folder. Only one may hold the vault: "
                    "stop that one first, or serve from an empty folder to help it with readers."
                )
            await asyncio.sleep(_LOOK_S)

    async def keep(self) -> None:
        """Stay the home until cancelled: while Redis is away nobody else can be. Raises Unavailable if another is."""
        while True:
            try:
                held = await self._renewed()
                if self.url:
                    await self._board.put(_ADDRESS, self.url.encode(), LIFETIME_S)
            except Unavailable:
                held = self._mine
            if held != self._mine:
                raise Unavailable("Another server took over with a copy of this data folder. This one stops.")
            await asyncio.sleep(_BEAT_S)

    async def give_back(self) -> None:
        """Let the next one begin at once."""
        try:
            if await self._board.claim(_CLAIM, self._mine, 0) == self._mine:
                await self._board.remove(_ADDRESS)
        except Unavailable:
            return  # it dies by itself

    async def _renewed(self) -> bytes:
        return await self._board.claim(_CLAIM, self._mine, LIFETIME_S)


class Whereabouts:
    """Where the home is reached, as it says itself on the board; '' while it is not there."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.url = ""

    async def run(self) -> None:
        """Follow it until cancelled."""
        watch = self._board.watch(_ADDRESS)
        assert isinstance(watch, AsyncGenerator)  # noqa: S101 - what every board makes
        async with aclosing(watch):
            async for _, value in watch:
                said = value.decode() if value else ""
                self.url = said if PEER.fullmatch(said) else ""
