"""The whole app without a socket, and every route of it: what walks the route table goes through here."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from hearing.access import INVITED, Capability, Role
from hearing.archive.feeder import Feeder
from hearing.archive.index import Index
from hearing.archive.search import Search
from hearing.board.memory import MemoryBoard
from hearing.house import HouseKeeper
from hearing.log.memory import MemoryLog
from hearing.log.window import Windows
from hearing.qa import receipt
from hearing.qa.intake import Submission
from hearing.qa.office import Office
from hearing.site.app import build
from hearing.site.session import cookie_name
from hearing.store.folder import FolderStore
from hearing.transcribe.dispatch import Dispatch
from tests.site.desking import BRIEFING, OPEN, QUIET, Clock
from tests.site.serving import MEETING, TOKEN, Speaker, Staffing, meeting

HOST = "http://hearing.test"
SEATS = tuple(role for role in INVITED if role != "staff")
"""The roles that belong to one dialogue."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Step(msgspec.Struct, frozen=True):
    """One route with one method."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Whole(msgspec.Struct):
    """The app, what is behind it, and what the parameters of its routes stand for here."""

    app: ASGIApp
    site: Starlette
    office: Office
    clock: Clock
    log: MemoryLog
    known: dict[str, str]

    def steps(self) -> Iterator[Step]:
        """Return every route with every method."""
        for route in self.site.routes:
            if isinstance(route, Route):
                for method in sorted(route.methods or ()):
                    yield Step(method, route.path)

    def address(self, path: str) -> str:
        """Return an address under a route's path. Raises KeyError for a parameter that has no value here yet."""
        return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: self.known[found[1]], path)

    async def session(self, role: Role, dialogue: str) -> str:
        """Return the session of a new seat; staff have theirs in the house, the dialogue being empty."""
        return await self.office.accept_invite(await self.office.invite(Capability("staff", ""), dialogue, role))

    def client(self, session: str = "", bearer: str = "", house: str = "") -> httpx.AsyncClient:
        """Be a browser that shows a session to the dialogue and one to the house, and a program with this token."""
        names = [cookie_name(_Request(), place) for place in (self.known["dialogue"], "")]  # type: ignore[arg-type]
        cookies = {name: value for name, value in zip(names, (session, house), strict=True) if value}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=HOST,
            cookies=cookies,
            headers={"Authorization": f"Bearer {bearer}"} if bearer else None,
        )

    async def everybody(self) -> httpx.AsyncClient:
        """Be somebody who may do everything: a moderator of the open dialogue, staff of the house, with the token."""
        return self.client(await self.session("moderator", OPEN), TOKEN, await self.session("staff", ""))


class _Request:
    """As much of a request as names a cookie."""

    url = httpx.URL(HOST)
    headers: Mapping[str, str] = MappingProxyType({})


@contextlib.asynccontextmanager
async def whole(folder: Path) -> AsyncIterator[Whole]:
    """Build the app as `serve` does, over memory, with a meeting of each profile, an item and a notice."""
    clock = Clock()
    (folder / "data").mkdir()
    async with (
        MemoryLog() as log,
        FolderStore(folder / "media") as store,
        MemoryBoard() as board,
        Windows(log) as windows,
        Office(log, board, vault=folder / "data" / "vault.db", key_file=folder / "state" / "kek", now_ms=clock) as desk,
        Index(folder / "data" / "index.db") as index,
    ):
        keeper = await HouseKeeper(log, clock).start()
        app = build(
            log=log,
            windows=windows,
            board=board,
            store=store,
            house=keeper.house,
            staff=Staffing(keeper),
            office=desk,
            dispatch=Dispatch(log, board),
            worker_token="w" * 40,
            now_ms=clock,
            search=Search(index, keeper.house, Feeder(keeper.house, log, index)),
        )
        for made in (meeting(), meeting(BRIEFING, dialogue=OPEN, title="Briefing", profile="open")):
            await keeper.create(made)
            await keeper.open(made.meeting)
            await Speaker(log, made.meeting).begin()
        site = app._app  # type: ignore[attr-defined]
        yield Whole(app, site, desk, clock, log, await _known(desk))


async def _known(desk: Office) -> dict[str, str]:
    keys = receipt.keys(receipt.mint())
    await desk.submit(OPEN, keys, Submission("question", "What of the wells?", "en", "public-text"))
    return {
        "dialogue": OPEN,
        "meeting": BRIEFING,
        "item": keys.item,
        "act": "status",
        "notice": "0" * 16,
        "version": "0",
        "name": "hearing.css",
        "file": "en.vtt",
        "kind": "vtt",
        "segment": "0",
        "channel": "en",
        "rendition": "video",
        "msn": "0",
        "invite": "0" * 16,
    }


__all__ = ["BRIEFING", "MEETING", "OPEN", "QUIET", "READING", "SEATS", "Step", "Whole", "whole"]
