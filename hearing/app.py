"""Build the parts and connect them: the only place that does. One process serves a data folder."""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec

from hearing import readiness
from hearing.archive.feeder import Feeder
from hearing.archive.index import Index
from hearing.archive.search import Search
from hearing.attend import Attendant
from hearing.board.base import Board
from hearing.board.skipping import Skipping
from hearing.briefing import Briefing
from hearing.config import Config
from hearing.edgedesk import EdgeDesk
from hearing.erasing import erase_meeting
from hearing.errors import Refused, Unavailable
from hearing.events import Cut, public_stream
from hearing.finding import Finding
from hearing.home import Claim, Turns, Whereabouts, is_home, this_process
from hearing.house import HouseKeeper
from hearing.house_events import MeetingCreated
from hearing.listen import hold, listening
from hearing.log.base import Log
from hearing.log.redis import RedisLog
from hearing.log.window import Windows
from hearing.meeting import Meeting
from hearing.qa.key_file import default_key_file
from hearing.qa.office import Office
from hearing.readiness import Workers
from hearing.redacting import Forget, Redactor
from hearing.redaction import Account, Wanted
from hearing.seams import Seams, lost, opened
from hearing.site.app import build
from hearing.sources import Sources, rules_of
from hearing.standby import PATIENCE_S, Able, Standby
from hearing.store.folder import FolderStore
from hearing.transcribe.dispatch import Dispatch
from hearing.transcribe.local import keep_worker
from hearing.transcribe.typed import Hand

logger = logging.getLogger(__name__)


class Server(msgspec.Struct, frozen=True):
    """A running server. `url` is what people open; `workers` counts those connected; `stop` ends it when set."""

    url: str
    keeper: HouseKeeper
    office: Office
    workers: Callable[[], int]
    stop: asyncio.Event


Then = Callable[[Server], Awaitable[None]]
Checking = Callable[[Meeting], Awaitable[list[Finding]]]

_ERASE_S = 20.0
_REDACT_S = 10.0
_AGAIN_S = 0.5
_LEAVE_BY = (signal.SIGINT, signal.SIGTERM)
_LOADING_S = 120.0
"""So long a worker of this machine that was just started may take to load its model."""


class StaffDesk:
    """What staff may do over HTTP. The `own` token is this server's, dies with it, and stands in its data folder alone.

    So who bears that one acts on this machine, as the user who runs the server.
    """

    def __init__(
        self,
        keeper: HouseKeeper,
        token: str,
        attendant: Attendant,
        check: Checking,
        *,
        own: str,
        redactor: Redactor,
        sources: Sources,
    ) -> None:
        self._own = own
        self._redactor = redactor
        self._keeper = keeper
        self._token = token
        self._attendant = attendant
        self._check = check
        self._sources = sources

    def allows(self, token: str) -> bool:
        """Tell whether the bearer of the token is staff."""
        return secrets.compare_digest(token.encode(), self._token.encode()) or self.near(token)

    def near(self, token: str) -> bool:
        """Tell whether the bearer of the token acts on this machine."""
        return secrets.compare_digest(token.encode(), self._own.encode())

    def masked(self, source: str) -> str:
        """Return a source as staff may see it; taken back by create and change as the whole."""
        return self._sources.masked(source)

    def seen(self, created: MeetingCreated) -> str:
        """Return what names how a meeting is set up, and tells nothing of it."""
        return self._sources.seen(created)

    async def create(self, wanted: MeetingCreated, *, near: bool = False) -> None:
        """Create a meeting, stamped with the time now. Raises Refused for a source that cannot be relayed."""
        whole = self._sources.taken(wanted, self._keeper.house(), near=near)
        await self._keeper.create(msgspec.structs.replace(whole, created_ms=utc_ms()))

    async def change(self, wanted: MeetingCreated) -> None:
        """Set a meeting up anew. Raises Refused for a source that cannot be relayed."""
        await self._keeper.change(self._sources.taken(wanted, self._keeper.house()))

    async def begin_block(self, meeting: str, block: str) -> None:
        """Go on to a block of the agenda; an empty one ends the one before."""
        await self._keeper.begin_block(meeting, block)

    async def open(self, meeting: str) -> None:
        """Open a meeting."""
        await self._keeper.open(meeting)

    async def close(self, meeting: str) -> None:
        """Close a meeting."""
        await self._keeper.close(meeting)

    async def rehearse(self, meeting: str) -> str:
        """Rehearse a meeting; return the id of the rehearsal."""
        return await self._keeper.rehearse(meeting)

    async def purge(self, meeting: str) -> None:
        """Purge a rehearsal; on return its bytes are gone. Raises Unavailable where that takes longer."""
        await self._keeper.purge(meeting)
        try:
            async with asyncio.timeout(_ERASE_S):
                await self._attendant.erased(meeting)
        except TimeoutError as error:
            raise Unavailable(
                "It is purged, and nobody sees it any more; its bytes are still being erased. Close what else reads "
                "the data folder, and purge it again to see it done."
            ) from error

    async def account(self, meeting: str) -> Account:
        """Return what was said in a meeting, hidden or not, and what was taken out."""
        return await self._redactor.account(meeting)

    async def redact(self, meeting: str, wanted: Wanted) -> bool:
        """Take words and sound out of the record; False where that is not done yet, and only hidden."""
        await self._redactor.ask(meeting, wanted)
        try:
            async with asyncio.timeout(_REDACT_S):
                await self._redactor.ended(meeting, wanted.redaction)
        except TimeoutError:
            return False
        return True

    async def readiness(self, meeting: str) -> list[Finding]:
        """Check whether a meeting can open."""
        return await self._check(self._keeper.house().meeting(meeting))


def office_of(config: Config, log: Log, board: Board, *, holds_vault: bool = True) -> Office:
    """Make the office of a data folder's question queues; what was sent is readable with its key file only."""
    key_file = Path(config.key_file) if config.key_file else default_key_file(config.folder, os.environ)
    if not holds_vault:
        return Office(log, board, vault=config.folder / "vault.db", key_file=None, now_ms=utc_ms)
    return Office(log, board, vault=config.folder / "vault.db", key_file=key_file, now_ms=utc_ms)


def _checking(config: Config, keeper: HouseKeeper, dispatch: Dispatch) -> Checking:
    """Return the check of a meeting by this server; one at a time, for each opens a source."""
    started_s = time.monotonic()
    turn = asyncio.Lock()

    async def check(meeting: Meeting) -> list[Finding]:
        async with turn:
            loading = config.local_worker and time.monotonic() - started_s < _LOADING_S
            workers = Workers(dispatch.seats, config.local_worker, loading)
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


def utc_ms() -> int:
    """Return UTC in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


async def serve(config: Config, then: Then | None = None) -> None:
    """Serve until SIGINT or SIGTERM, or until `then`, called once all is up, sets `stop`.

    Begins again, and calls `then` again, where Redis lost records that this server had folded. Raises Unavailable where
    another server has the folder or the port, Refused for settings that cannot work.
    """
    with hold(config.folder):
        again = await _serve(config, then)
        while again:
            for number in _LEAVE_BY:  # what was asked to stop then has stopped
                asyncio.get_running_loop().remove_signal_handler(number)
            await asyncio.sleep(_AGAIN_S)
            try:
                again = await _serve(config, then)
            except* Unavailable:
                logger.warning("not_served_yet code=unavailable")


async def _serve(config: Config, then: Then | None) -> bool:
    """Serve; True where all of it has to be read anew."""
    async with opened(config, os.environ) as seams:
        if not config.redis:
            return await _serve_home(config, seams, then)
        if not await is_home(seams.log, config.folder):
            logger.info("role=edge: another data folder of this Redis is the home")
            return await _serve_edge(config, seams, then)
        claim = Claim(seams.board, config.folder)
        await claim.take()
        try:
            return await _serve_home(config, seams, then, claim)
        finally:
            await claim.give_back()


async def _serve_home(config: Config, seams: Seams, then: Then | None, claim: Claim | None = None) -> bool:
    """Do everything: relay, take in, publish, and serve readers."""
    log, board = seams.log, seams.board
    async with (
        FolderStore(config.folder / "media") as store,
        Windows(log) as windows,
        office_of(config, log, board) as office,
        Index(config.folder / "index.db") as index,
    ):
        keeper = await HouseKeeper(log, utc_ms).start()
        staff_token, own_token = _token(config.staff_token_file, "staff_token_file"), secrets.token_urlsafe(32)
        worker_token = _token(config.worker_token_file, "worker_token_file")
        dispatch = Dispatch(log, Skipping(board), _hand(config))
        attendant = Attendant(
            keeper,
            log=log,
            store=store,
            dispatch=dispatch,
            rules=rules_of(config),
            drain_s=config.drain_s,
            erase=partial(erase_meeting, log=log, store=store, board=board, forget=windows.forget),
            turns=Turns(board, this_process(config.folder), _always) if claim else None,
        )
        feeder = Feeder(keeper.house, log, index)
        redactor = Redactor(
            log,
            store,
            Skipping(board),
            house=keeper.house,
            forget=_forgetting(keeper, log, dispatch, index),
            now_ms=utc_ms,
        )
        app = build(
            log=log,
            windows=windows,
            board=board,
            store=store,
            house=keeper.house,
            staff=StaffDesk(
                keeper,
                staff_token,
                attendant,
                _checking(config, keeper, dispatch),
                own=own_token,
                redactor=redactor,
                sources=Sources(rules_of(config), config.media),
            ),
            office=office,
            dispatch=dispatch,
            worker_token=worker_token,
            now_ms=utc_ms,
            search=Search(index, keeper.house, feeder),
        )
        async with listening(config, app, own_token) as addresses:
            server = Server(addresses.url, keeper, office, lambda: dispatch.workers, asyncio.Event())
            work: list[Awaitable[None]] = [attendant.run(), dispatch.run(), office.run(), redactor.run()]
            work.append(feeder.run(keeper.changed))
            work.append(Briefing(keeper, log=log, office=office, dispatch=dispatch).run())
            if config.local_worker:
                work.append(keep_worker(addresses.inner_url, worker_token, config, workers=dispatch.named))
            if claim:
                claim.url = config.peer_url or addresses.inner_url
                work.append(claim.keep())
            return await _work(seams, server, work, then)


async def _serve_edge(config: Config, seams: Seams, then: Then | None) -> bool:
    """Serve readers of what the home records and says, and pass on what is sent; on standby, relay while it is away."""
    log, board = seams.log, seams.board
    async with (
        FolderStore(config.folder / "meanwhile") as store,
        Windows(log) as windows,
        office_of(config, log, board, holds_vault=False) as office,
        Index(config.folder / "index.db") as index,
    ):
        keeper = await HouseKeeper(log, utc_ms).start()
        staff_token = _token(config.staff_token_file, "staff_token_file")
        worker_token = _token(config.worker_token_file, "worker_token_file")
        dispatch = Dispatch(log, Skipping(board), takes_captions=False)
        whereabouts, rules = Whereabouts(board), rules_of(config)
        turns = Turns(board, this_process(config.folder), Able(whereabouts, rules), patience_s=PATIENCE_S)
        feeder = Feeder(keeper.house, log, index)
        app = build(
            log=log,
            windows=windows,
            board=board,
            store=store,
            house=keeper.house,
            staff=EdgeDesk(keeper, staff_token, Sources(rules, config.media)),
            office=office,
            dispatch=dispatch,
            worker_token=worker_token,
            now_ms=utc_ms,
            search=Search(index, keeper.house, feeder),
            home=lambda: whereabouts.url,
            relayed=turns.relayed if config.standby else None,
        )
        async with listening(config, app, staff_token) as addresses:
            server = Server(addresses.url, keeper, office, lambda: dispatch.workers, asyncio.Event())
            work: list[Awaitable[None]] = [whereabouts.run(), feeder.run(keeper.changed)]
            if config.standby:
                erase = partial(erase_meeting, log=log, store=store, board=board, forget=windows.forget)
                attendant = Attendant(
                    keeper,
                    log=log,
                    store=store,
                    dispatch=dispatch,
                    rules=rules,
                    drain_s=config.drain_s,
                    erase=erase,
                )
                work += [dispatch.run(), Standby(keeper, attendant, turns, store).run()]
            if config.standby and config.local_worker:
                work.append(keep_worker(addresses.inner_url, worker_token, config, workers=dispatch.named))
            return await _work(seams, server, work, then)


def _hand(config: Config) -> Hand:
    return Hand(round(config.caption_delay_s * 1000), config.caption_silence_s)


async def _always(_meeting: Meeting) -> bool:
    return True


async def _work(seams: Seams, server: Server, work: list[Awaitable[None]], then: Then | None) -> bool:
    """Do all the work until the server is stopped; True where it stops because records were lost."""
    again = False

    async def watch(redis: RedisLog) -> None:
        nonlocal again
        await lost(redis, server.keeper.house)
        again = True
        server.stop.set()

    if seams.redis:
        work.append(watch(seams.redis))
    if then:
        work.append(then(server))
    await _until_stopped(work, server.stop)
    return again


async def _until_stopped(work: list[Awaitable[None]], stop: asyncio.Event) -> None:
    """Run all of it until `stop` is set or a signal asks to leave; an error in one ends them all."""
    loop = asyncio.get_running_loop()
    for number in _LEAVE_BY:
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_run(part)) for part in work]
        await stop.wait()
        logger.info("leaving")
        await _cancel(tasks)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until all are gone: a task group of Python 3.11 that fails in the same moment forgets that it was."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=5.0)


async def _run(part: Awaitable[None]) -> None:
    await part


def _token(file: str, setting: str) -> str:
    """Return the token that was handed out, or one of this server's own."""
    if not file:
        return secrets.token_urlsafe(32)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        token = Path(file).read_text("ascii").strip()
        if len(token) >= 32:
            return token
    raise Refused(f"The setting {setting} must name a readable file that holds a token of 32 or more characters.")
