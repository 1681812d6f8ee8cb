"""What every server builds, a home as an edge: the same parts, in one place, so that neither goes without one."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
from starlette.types import ASGIApp

from hearing.archive.feeder import Feeder
from hearing.archive.index import Index
from hearing.archive.search import Search
from hearing.attend import Attendant
from hearing.board.base import Board
from hearing.board.skipping import Skipping
from hearing.config import Config
from hearing.erasing import erase_meeting
from hearing.errors import Refused
from hearing.home import Turns
from hearing.house import HouseKeeper
from hearing.listen import Addresses
from hearing.log.base import Log
from hearing.log.window import Windows
from hearing.now import utc_ms
from hearing.qa.key_file import default_key_file
from hearing.qa.office import Office
from hearing.seams import Seams
from hearing.site.api import Staff
from hearing.site.app import build
from hearing.sources import rules_of
from hearing.store.folder import FolderStore
from hearing.transcribe.dispatch import Dispatch
from hearing.transcribe.local import keep_worker
from hearing.transcribe.typed import Hand


class Server(msgspec.Struct, frozen=True):
    """A running server. `url` is what people open; `workers` counts those connected; `stop` ends it when set."""

    url: str
    keeper: HouseKeeper
    office: Office
    workers: Callable[[], int]
    stop: asyncio.Event


class Parts(msgspec.Struct, frozen=True):
    """The parts of one server, open. The tokens are those of its settings, or its own."""

    config: Config
    log: Log
    board: Board
    store: FolderStore
    windows: Windows
    office: Office
    index: Index
    keeper: HouseKeeper
    dispatch: Dispatch
    feeder: Feeder
    staff_token: str
    worker_token: str

    def attendant(self, turns: Turns | None = None) -> Attendant:
        """Make what relays meetings; with `turns`, those that are this server's to relay."""
        return Attendant(
            self.keeper,
            log=self.log,
            store=self.store,
            dispatch=self.dispatch,
            rules=rules_of(self.config),
            drain_s=self.config.drain_s,
            erase=partial(erase_meeting, log=self.log, store=self.store, board=self.board, forget=self.windows.forget),
            turns=turns,
        )

    def site(
        self, staff: Staff, *, home: Callable[[], str] | None = None, relayed: Collection[str] | None = None
    ) -> ASGIApp:
        """Make the site. `staff` is what staff may do here; `home` and `relayed` are an edge's."""
        return build(
            log=self.log,
            windows=self.windows,
            board=self.board,
            store=self.store,
            house=self.keeper.house,
            staff=staff,
            office=self.office,
            dispatch=self.dispatch,
            worker_token=self.worker_token,
            now_ms=utc_ms,
            search=Search(self.index, self.keeper.house, self.feeder),
            home=home,
            relayed=relayed,
        )

    def server(self, url: str) -> Server:
        """Tell of the server that these are parts of."""
        return Server(url, self.keeper, self.office, lambda: self.dispatch.workers.count, asyncio.Event())

    async def keep_worker(self, addresses: Addresses) -> None:
        """Run this machine's own worker, until cancelled."""
        named = self.dispatch.workers.named
        await keep_worker(addresses.inner_url, self.worker_token, self.config, workers=named)


@asynccontextmanager
async def opened_parts(config: Config, seams: Seams, *, is_home: bool) -> AsyncIterator[Parts]:
    """Open the parts of a server; an edge holds no vault, and keeps media until the home has them."""
    log, board = seams.log, seams.board
    async with (
        FolderStore(config.folder / ("media" if is_home else "meanwhile")) as store,
        Windows(log) as windows,
        office_of(config, log, board, holds_vault=is_home) as office,
        Index(config.folder / "index.db") as index,
    ):
        keeper = await HouseKeeper(log, utc_ms).start()
        yield Parts(
            config,
            log,
            board,
            store=store,
            windows=windows,
            office=office,
            index=index,
            keeper=keeper,
            dispatch=Dispatch(log, Skipping(board), _hand(config), takes_captions=is_home),
            feeder=Feeder(keeper.house, log, index),
            staff_token=_token(config.staff_token_file, "staff_token_file"),
            worker_token=_token(config.worker_token_file, "worker_token_file"),
        )


def office_of(config: Config, log: Log, board: Board, *, holds_vault: bool = True) -> Office:
    """Make the office of a data folder's question queues; what was sent is readable with its key file only."""
    key_file = Path(config.key_file) if config.key_file else default_key_file(config.folder, os.environ)
    if not holds_vault:
        return Office(log, board, vault=config.folder / "vault.db", key_file=None, now_ms=utc_ms)
    return Office(log, board, vault=config.folder / "vault.db", key_file=key_file, now_ms=utc_ms)


def _hand(config: Config) -> Hand:
    return Hand(round(config.caption_delay_s * 1000), config.caption_silence_s)


def _token(file: str, setting: str) -> str:
    """Return the token that was handed out, or one of this server's own."""
    if not file:
        return secrets.token_urlsafe(32)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        token = Path(file).read_text("ascii").strip()
        if len(token) >= 32:
            return token
    raise Refused(f"The setting {setting} must name a readable file that holds a token of 32 or more characters.")
