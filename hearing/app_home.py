"""A home: it relays, takes in, publishes, and serves readers. The only server of a data folder, or one of several."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from hearing import readiness
from hearing.app_parts import Server, opened_parts
from hearing.archive.index import Index
from hearing.board.skipping import Skipping
from hearing.briefing import Briefing
from hearing.config import Config
from hearing.events import Cut, public_stream
from hearing.finding import Finding
from hearing.home import Claim, Turns, this_process
from hearing.house import HouseKeeper
from hearing.listen import listening
from hearing.log.base import Log
from hearing.meeting import Meeting
from hearing.now import utc_ms
from hearing.readiness import Workers
from hearing.redacting import Forget, Redactor
from hearing.seams import Seams
from hearing.sources import Sources, rules_of
from hearing.staffdesk import Checking, StaffDesk
from hearing.transcribe.dispatch import Dispatch

_LOADING_S = 120.0
"""So long a worker of this machine that was just started may take to load its model."""


@asynccontextmanager
async def home(
    config: Config, seams: Seams, claim: Claim | None
) -> AsyncIterator[tuple[Server, list[Awaitable[None]]]]:
    """Listen as a home while the context lives; yield the server, and the work that it does."""
    async with opened_parts(config, seams, is_home=True) as parts:
        log, keeper, office, dispatch = parts.log, parts.keeper, parts.office, parts.dispatch
        turns = Turns(parts.board, this_process(config.folder), _always) if claim else None
        attendant = parts.attendant(turns)
        redactor = Redactor(
            log,
            parts.store,
            Skipping(parts.board),
            house=keeper.house,
            forget=_forgetting(keeper, log, dispatch, parts.index),
            now_ms=utc_ms,
        )
        own_token = secrets.token_urlsafe(32)
        app = parts.site(
            StaffDesk(
                keeper,
                parts.staff_token,
                attendant,
                _checking(config, keeper, dispatch),
                own=own_token,
                redactor=redactor,
                sources=Sources(rules_of(config), config.media),
                now_ms=utc_ms,
            )
        )
        async with listening(config, app, own_token) as addresses:
            work: list[Awaitable[None]] = [attendant.run(), dispatch.run(), office.run(), redactor.run()]
            work.append(parts.feeder.run(keeper.changed))
            work.append(Briefing(keeper, log=log, office=office, dispatch=dispatch).run())
            if config.local_worker:
                work.append(parts.keep_worker(addresses))
            if claim:
                claim.url = config.peer_url or addresses.inner_url
                work.append(claim.keep())
            yield parts.server(addresses.url), work


def _checking(config: Config, keeper: HouseKeeper, dispatch: Dispatch) -> Checking:
    """Return the check of a meeting by this server; one at a time, for each opens a source."""
    started_s = time.monotonic()
    turn = asyncio.Lock()

    async def check(meeting: Meeting) -> list[Finding]:
        async with turn:
            loading = config.local_worker and time.monotonic() - started_s < _LOADING_S
            workers = Workers(dispatch.workers.seats, config.local_worker, loading)
            return await readiness.check(
                meeting,
                house=keeper.house(),
                folder=config.folder,
                workers=workers,
                now_ms=utc_ms(),
                rules=rules_of(config),
            )

    return check


def _forgetting(keeper: HouseKeeper, log: Log, dispatch: Dispatch, index: Index) -> Forget:
    """Return what makes workers' channels and the search index let go of what was redacted."""

    async def forget(meeting: str, cuts: tuple[Cut, ...], position: int) -> None:
        await dispatch.redact(meeting, cuts)
        if meeting in keeper.house().public().meetings:  # rehearsals are not searched
            await index.through(meeting, await log.epoch(public_stream(meeting)), position)

    return forget


async def _always(_meeting: Meeting) -> bool:
    return True
