"""Servers that share one Redis: the home, whose data folder holds vault and recordings, and the edges, which read.

The first folder that serves on an empty Redis becomes the home for good: moving the home is moving its folder.
"""

import asyncio
import hashlib
import os
import secrets
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import msgspec

from hearing.board.base import Board
from hearing.config import PEER
from hearing.errors import Conflict, Refused, Unavailable
from hearing.log.base import Log
from hearing.meeting import Meeting

STREAM = "home"
"""The log's stream that says which folder is the home."""

LIFETIME_S = 6.0
_BEAT_S = 1.5
_LOOK_S = 0.2
_CLAIM = "home:claim"
_ADDRESS = "home:address"
_MARK = "redis.json"


class Mark(msgspec.Struct, frozen=True):
    """What a data folder says whose log lies in Redis: its name among all that share it, whether it is an edge's."""

    folder: str
    edge: bool = False


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


def mark(folder: Path) -> Mark:
    """Mark a folder that this process holds, if it is not yet, and return its mark.

    Raises Refused for one with a log of its own, which Redis would not know.
    """
    if (folder / "log.db").exists():
        raise Refused(
            "This data folder holds a log of its own (log.db), and none is moved into Redis. Name a new folder with "
            "--data, or serve this one without --redis."
        )
    if not marked(folder):
        _write(folder, Mark(secrets.token_hex(16)))
    try:
        return msgspec.json.decode((folder / _MARK).read_bytes(), type=Mark)
    except (OSError, msgspec.DecodeError) as error:
        raise Unavailable(f"{_MARK} in the data folder is damaged. Put it back from a copy of the folder.") from error


def _write(folder: Path, mark: Mark) -> None:
    path, fresh = folder / _MARK, folder / f"{_MARK}.new"
    try:
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(mark))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise Unavailable(f"The data folder cannot be written ({error.strerror}). Check its disk.") from error


async def is_home(log: Log, folder: Path) -> bool:
    """Tell whether this folder is the home; of those that ask a new Redis at once, one is.

    Raises Refused for the home of another Redis, Unavailable for an edge whose home has not been on this one.
    """
    own = mark(folder)
    while not (records := await log.read(STREAM, 0, 4096)):
        if own.edge:
            raise Unavailable("This Redis is empty, and this folder is an edge's. Start the home's server first.")
        with suppress(Conflict):
            await log.append(STREAM, [msgspec.json.encode(Mark(own.folder))], expect=0)
    if msgspec.json.decode(records[-1].body, type=Mark).folder == own.folder:
        return True
    if (folder / "vault.db").exists():
        raise Refused(
            "This data folder holds a vault, and another folder is the home of this Redis. Is it the right Redis? To "
            "serve as an edge, name a new folder with --data."
        )
    if not own.edge:
        _write(folder, Mark(own.folder, edge=True))
    return False


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
        until = asyncio.get_running_loop().time() + LIFETIME_S + _BEAT_S
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


class Turns:
    """Who relays which meeting: one server at a time, for as long as its claim on the board lives.

    `may` tells whether this server should: asked again and again, it must say so for `patience_s` without a break.
    `mine` names this server.
    """

    def __init__(
        self, board: Board, mine: bytes, may: Callable[[Meeting], Awaitable[bool]], *, patience_s: float = 0.0
    ) -> None:
        self._board = board
        self._mine = mine
        self._may = may
        self._patience_s = patience_s
        self.relayed: set[str] = set()

    @asynccontextmanager
    async def held(self, meeting: Meeting) -> AsyncIterator[asyncio.Event]:
        """Enter once the meeting is this server's to relay. The event is set when it is so no more."""
        name = f"relay:{meeting.id}"
        await self._take(name, meeting)
        over = asyncio.Event()
        keeping = asyncio.ensure_future(self._keep(name, meeting, over))
        self.relayed.add(meeting.id)
        try:
            yield over
        finally:
            self.relayed.discard(meeting.id)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            with suppress(Unavailable):  # it dies by itself
                await self._board.claim(name, self._mine, 0)

    async def _take(self, name: str, meeting: Meeting) -> None:
        since = None
        while True:
            now = asyncio.get_running_loop().time()
            try:
                since = (now if since is None else since) if await self._may(meeting) else None
                if since is not None and now - since >= self._patience_s:
                    if await self._board.claim(name, self._mine, LIFETIME_S) == self._mine:
                        return
                    since = None if self._patience_s else since
            except Unavailable:
                since = None
            await asyncio.sleep(_LOOK_S)

    async def _keep(self, name: str, meeting: Meeting, over: asyncio.Event) -> None:
        """Renew the claim. While Redis is away nobody else can claim it, so the meeting goes on."""
        while True:
            await asyncio.sleep(_BEAT_S)
            with suppress(Unavailable):
                held = await self._board.claim(name, self._mine, LIFETIME_S)
                if held != self._mine or not await self._may(meeting):
                    over.set()
                    return


class Whereabouts:
    """Where the home is reached, as it says itself on the board; '' while it is not there."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.url = ""

    async def away(self) -> bool:
        """Ask the board itself whether the home has died. Raises Unavailable where it does not answer."""
        return await self._board.get(_ADDRESS) is None

    async def run(self) -> None:
        """Follow it until cancelled."""
        watch = self._board.watch(_ADDRESS)
        assert isinstance(watch, AsyncGenerator)  # noqa: S101 - what every board makes
        async with aclosing(watch):
            async for _, value in watch:
                said = value.decode("ascii", "replace") if value else ""
                self.url = said if PEER.fullmatch(said) else ""
