"""Carry out redactions: erase words, sound and picture wherever this server keeps them, however often it is killed.

A redaction is asked for by one durable record, from which on nobody is shown what it takes out. The rest can be
repeated: what is left is said anew, the records that held the words are erased, silence is written into the recording,
and when nothing is left anywhere a last record says so.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial

from hearing import redaction
from hearing.attend import patiently
from hearing.board.base import Board
from hearing.errors import HearingError, NotFound, Refused
from hearing.events import (
    REDACTIONS,
    Cut,
    PassageRedacted,
    RedactionEnded,
    RedactionEvent,
    WordsRedacted,
    encode,
    public_stream,
)
from hearing.log.base import Log
from hearing.meeting import House
from hearing.qa import revisions
from hearing.redaction import Account, Wanted
from hearing.store.base import Store
from hearing.stream import past
from hearing.stream.erasure import Look, StillThere, erase_picture, erase_sound, recorded
from hearing.stream.lanes import PICTURE, channel_of, sound_rendition
from hearing.stream.past import Past

logger = logging.getLogger(__name__)

_BATCH = 512
"""Records folded at a time: others have their turn in between."""

_KNOWN = 8
_AT_ONCE = 500
"""So many segments are said anew in one append."""

Forget = Callable[[str, tuple[Cut, ...], int], Awaitable[None]]
"""Returns when nothing else of this process keeps what goes; the public stream says at a position what is left."""


class Redactor:
    """Takes redactions, and carries out what is pending when it starts. `now_ms` gives UTC milliseconds."""

    def __init__(
        self,
        log: Log,
        store: Store,
        board: Board,
        *,
        house: Callable[[], House],
        forget: Forget,
        now_ms: Callable[[], int],
    ) -> None:
        self._log = log
        self._store = store
        self._board = board
        self._house = house
        self._forget = forget
        self._now_ms = now_ms
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()  # bounded by what staff ask
        self._ended: dict[tuple[str, str], asyncio.Event] = {}
        self._turn = asyncio.Lock()
        self._accounts: OrderedDict[str, Account] = OrderedDict()
        self._stuck: dict[tuple[str, str], tuple[Cut, ...]] = {}

    async def run(self) -> None:
        """Carry out what is pending and what is asked for, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(patiently(self._resume))
            while True:
                meeting, one = await self._queue.get()
                group.create_task(self._carry_out(meeting, one), name=f"redact {meeting}")

    async def ask(self, meeting: str, wanted: Wanted) -> int:
        """Take a redaction: on return it is durable, and what it takes out is hidden. Return its position.

        Raises Refused for what cannot be, NotFound for a meeting that is not there.
        """
        redaction.check(wanted)
        if self._house().meeting(meeting).phase == "planned":
            raise Refused("Nothing was said in this meeting yet.")
        event = PassageRedacted(
            wanted.redaction, wanted.basis, wanted.cuts, self._now_ms(), wanted.picture, wanted.margin_ms
        )
        position = await self._say(meeting, event, "asked")
        for channel in {cut.channel for cut in wanted.cuts}:
            await self._board.remove(f"draft:{meeting}:{channel}")
        logger.info("redaction_asked meeting=%s redaction=%s basis=%s", meeting, wanted.redaction, wanted.basis)
        self._queue.put_nowait((meeting, wanted.redaction))
        return position

    async def carry_out_alone(self, meeting: str, one: str) -> bool:
        """Carry it out where no server runs; False where words or sound of it may still come when one does.

        Raises StillThere where the disk refuses: the account says which sound or picture that is.
        """
        account = await self.account(meeting)
        playing = (await past.read_on(self._log, meeting, Past())).playing
        if playing or not (one in account.told or redaction.ready(account.said, account.asked[one].cuts)):
            return False
        if one not in account.ended:
            await self._erase(meeting, one)
        return True

    async def ended(self, meeting: str, one: str) -> None:
        """Wait until a redaction that was asked for is carried out."""
        await self._ended.setdefault((meeting, one), asyncio.Event()).wait()

    async def account(self, meeting: str) -> Account:
        """Return what the meeting's stream says, and of its redactions. It is shared, and grows."""
        epoch = await self._log.epoch(public_stream(meeting))
        known = self._accounts.get(meeting)
        if known is None or known.epoch != epoch:
            known = self._accounts[meeting] = Account(epoch=epoch)
        self._accounts.move_to_end(meeting)
        while len(self._accounts) > _KNOWN:
            self._accounts.popitem(last=False)
        known.stuck = {one: cuts for (of, one), cuts in self._stuck.items() if of == meeting}
        return await read_on(self._log, meeting, known)

    async def _resume(self) -> None:
        """Take up what a server that was killed left. Only a stream that has redactions is read."""
        for meeting in self._house().meetings:
            if await self._log.head(public_stream(meeting), REDACTIONS):
                for one in (await self.account(meeting)).pending:
                    logger.info("redaction_resumed meeting=%s redaction=%s", meeting, one)
                    self._queue.put_nowait((meeting, one))

    async def _carry_out(self, meeting: str, one: str) -> None:
        account = await patiently(lambda: self._until_ready(meeting, one))
        if one in account.asked and one not in account.ended:
            try:
                await patiently(lambda: self._erase(meeting, one))
            except NotFound:  # a rehearsal that was purged meanwhile
                logger.warning("redaction_overtaken meeting=%s redaction=%s", meeting, one)
            except HearingError as error:  # it stays hidden, and pending; the meeting goes on
                logger.error("redaction_failed meeting=%s redaction=%s code=%s", meeting, one, error.code)  # noqa: TRY400
                return
        self._ended.setdefault((meeting, one), asyncio.Event()).set()

    async def _until_ready(self, meeting: str, one: str) -> Account:
        """Wait until every word that goes has its time; it is hidden meanwhile."""
        account = await self.account(meeting)
        while one in account.asked and one not in account.told:
            if redaction.ready(account.said, account.asked[one].cuts):
                break
            await self._log.wait(public_stream(meeting), account.position)
            await read_on(self._log, meeting, account)
        return account

    async def _erase(self, meeting: str, one: str) -> None:
        """Erase all of it. A repeat goes on where the one before came to."""
        async with self._turn:
            account = await self._tell(meeting, one)
        for position in account.told[one]:
            await self._log.erase(public_stream(meeting), position)
        await revisions.forget(self._log, meeting, account.cuts[one])
        changed, stuck = await self._erase_all_media(meeting, account.asked[one], account.cuts[one])
        if (meeting, one) not in self._stuck:  # a repeat that waits for the disk has done this
            await self._forget(meeting, account.cuts[one], account.position)
        if stuck:
            self._stuck[meeting, one] = tuple(Cut(still.channel, still.t0, still.t1) for still in stuck)
            raise stuck[0]
        self._stuck.pop((meeting, one), None)
        if meeting in self._house().meetings:  # a rehearsal may have been purged meanwhile
            await self._say(meeting, RedactionEnded(one, self._now_ms()), "ended")
        logger.info(
            "redaction_ended meeting=%s redaction=%s records=%d segments=%d",
            meeting,
            one,
            len(account.told[one]),
            changed,
        )

    async def _tell(self, meeting: str, one: str) -> Account:
        """Say what is left, and which records are to be dropped; a correction that came in between is one of them."""
        account = await self.account(meeting)
        if one not in account.asked:
            raise NotFound("There is no such redaction.")
        if one not in account.told:
            whole = account
            if account.kept.get(one):  # a server died while it said what is left: the same again, from the beginning
                whole = await read_on(self._log, meeting, Account(without=one))
            plan = redaction.plan(whole.said, account.asked[one], whole.entries)
            words = WordsRedacted(one, tuple(account.held(one, plan.segments)), plan.cuts)
            bodies = [encode(event) for event in (*plan.kept, words)]
            for first in range(0, len(bodies), _AT_ONCE):
                part, key = bodies[first : first + _AT_ONCE], f"redaction {one} words {first}"
                await self._log.append(public_stream(meeting), part, key=key)
            await read_on(self._log, meeting, account)
        while missed := account.missed(one):
            await self._say(meeting, WordsRedacted(one, tuple(missed), account.cuts[one]), f"missed {missed[-1]}")
            await read_on(self._log, meeting, account)
        return account

    async def _erase_all_media(
        self, meeting: str, event: PassageRedacted, cuts: tuple[Cut, ...]
    ) -> tuple[int, list[StillThere]]:
        """Erase sound and picture of every cut; return how many segments that changed, and what is still there."""
        look = partial(past.read_on, self._log, meeting, Past())
        changed, stuck = 0, []
        for cut in cuts:
            t0, t1 = max(0, cut.t0 - event.margin_ms), cut.t1 + event.margin_ms
            for rendition in (sound_rendition(cut.channel), PICTURE)[: 2 if event.picture else 1]:
                await recorded(self._store, meeting, rendition, t1, look)
                try:
                    changed += await self._erase_media(meeting, rendition, (t0, t1), look)
                except StillThere as error:
                    logger.error(  # noqa: TRY400 - the disk's own words are no news here
                        "redaction_unfinished meeting=%s redaction=%s rendition=%s t0=%d t1=%d",
                        meeting,
                        event.redaction,
                        rendition,
                        error.t0,
                        error.t1,
                    )
                    stuck.append(error)
        return changed, stuck

    async def _erase_media(self, meeting: str, rendition: str, span: tuple[int, int], look: Look) -> int:
        async with self._turn:  # a segment is read, changed and put back
            channel = channel_of(rendition)
            if channel is None:
                return await erase_picture(self._store, meeting, *span, look=look)
            return await erase_sound(self._store, meeting, channel, *span, look=look)

    async def _say(self, meeting: str, event: RedactionEvent, what: str) -> int:
        stream, key = public_stream(meeting), f"redaction {event.redaction} {what}"
        subject = REDACTIONS if what in {"asked", "ended"} else None
        return await self._log.append(stream, [encode(event)], subject=subject, key=key)


async def read_on(log: Log, meeting: str, account: Account) -> Account:
    """Fold what has come since, and return the same object."""
    while records := await log.read(public_stream(meeting), account.position, _BATCH):
        for record in records:
            if record.position > account.position:  # others may have read on meanwhile
                redaction.follow(account, record)
    return account
