"""A site with question queues: an open dialogue, a confidential one, people with seats, a clock that is set."""

import contextlib
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec

from hearing.access import Capability, Role
from hearing.board.memory import MemoryBoard
from hearing.log.memory import MemoryLog
from hearing.qa.office import Office
from hearing.transcribe.typed import Hand
from tests.site.serving import MEETING, ZERO_MS, Serving, hold_meeting, meeting, serving

BRIEFING = "briefing"
OPEN, QUIET = "brief", "arl"
"""The dialogues: the open one of meeting `briefing`, the confidential one of meeting `arlandia`."""

_STAFF = Capability("staff", "")


class Clock:
    """UTC milliseconds, moved by hand; `settle` lets ten seconds pass."""

    def __init__(self) -> None:
        self.ms = ZERO_MS + 3_600_000

    def __call__(self) -> int:
        return self.ms

    def settle(self) -> None:
        """Let all acts so far become final."""
        self.ms += 10_000


class Desk(msgspec.Struct):
    """The site with its office."""

    site: Serving
    office: Office
    clock: Clock

    async def seat(self, role: Role, dialogue: str = OPEN, label: str = "") -> str:
        """Return a new invitation's token."""
        return await self.office.invite(_STAFF, dialogue, role, label)

    async def settle(self) -> None:
        """Let ten seconds pass, and what is due be published."""
        self.clock.settle()
        for dialogue in (OPEN, QUIET):
            room = await self.office._desks.of(dialogue)
            await room.publisher.step()


@contextlib.asynccontextmanager
async def desk(hand: Hand | None = None) -> AsyncIterator[Desk]:
    """Serve it. `hand` is how captioners hold a channel."""
    clock = Clock()
    log = MemoryLog()
    with tempfile.TemporaryDirectory() as folder:
        vault, key = Path(folder) / "data" / "vault.db", Path(folder) / "state" / "kek"
        vault.parent.mkdir()
        async with (
            log,
            MemoryBoard() as board,
            Office(log, board, vault=vault, key_file=key, now_ms=clock) as office,
            serving(log=log, office=office, now_ms=clock, hand=hand) as site,
        ):
            await hold_meeting(site)
            await site.keeper.create(meeting(BRIEFING, dialogue=OPEN, title="Briefing on Arlandia", profile="open"))
            await site.keeper.open(BRIEFING)
            yield Desk(site, office, clock)


@contextlib.asynccontextmanager
async def browser_of(running: Desk, role: Role | None = None, dialogue: str = OPEN) -> AsyncIterator[httpx.AsyncClient]:
    """Be a browser, with a seat or without."""
    async with httpx.AsyncClient(base_url=running.site.url, timeout=60, follow_redirects=True) as client:
        if role:
            await take_seat(client, await running.seat(role, dialogue, role), dialogue)
        yield client


async def take_seat(client: httpx.AsyncClient, token: str, dialogue: str = OPEN) -> httpx.Response:
    """Accept an invitation as the page does, in two steps."""
    path = f"/staff/{dialogue}/accept"
    asked = await client.post(path, data={"invite": token})
    return await client.post(path, data=fields(asked.text))


def fields(page: str, within: str = "") -> dict[str, str]:
    """Return the hidden fields of a page, or of the form whose markup holds some text."""
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    form = next((one for one in forms if within in one), "") if within else page
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return dict(found)


__all__ = ["BRIEFING", "MEETING", "OPEN", "QUIET", "Clock", "Desk", "browser_of", "desk", "fields", "take_seat"]
