"""From the desk to the public stream: what staff published, once it cannot be undone, and nothing else.

The publisher compares what should be public with what was placed, and makes up the difference: after a restart it does
the same. A public record holds no item id, position or time of the desk. Its id and its idempotency key are HMACs under
a key of the dialogue that is never served. What becomes public at one time comes in the order of such HMACs: in the
order of the queue it would tell who sent first.
"""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

import msgspec

from hearing.desk_events import ACT_SETTLES_MS, Displaced, ItemAnswered, ItemPublished, Placed
from hearing.errors import Gone, HearingError, Unavailable
from hearing.events import (
    CallEnded,
    NoticePublished,
    PublicEvent,
    QuestionAnswered,
    QuestionPublished,
    QuestionTurned,
    Wording,
    encode,
    public_stream,
)
from hearing.house_events import HOUSE
from hearing.log.base import Log
from hearing.qa import removal
from hearing.qa.desk import Desk
from hearing.qa.fold import Notice
from hearing.qa.intake import read_content
from hearing.qa.item import Item, Stage, rank, settled
from hearing.qa.profile import Rules
from hearing.qa.rooms import Rooms
from hearing.qa.vault import Vault

logger = logging.getLogger(__name__)

_RETRY_S = 1.0
_wordings = msgspec.json.Decoder(tuple[Wording, ...])


class Publisher:
    """Publishes for one dialogue. `step` does what is due; `run` does so whenever something is."""

    def __init__(self, desk: Desk, rooms: Rooms, *, log: Log, vault: Vault, now_ms: Callable[[], int]) -> None:
        self._desk = desk
        self._rooms = rooms
        self._log = log
        self._vault = vault
        self._now_ms = now_ms
        self._sent: set[str] = set()
        self._erasing: set[tuple[str, int]] = set()
        self._secret = b""
        self._seen = 0

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                wait_s = await self.step()
            except HearingError as error:
                logger.warning("publish_failed code=%s", error.code)
                wait_s = _RETRY_S
            await self._changed(wait_s)

    async def step(self) -> float | None:
        """Do all that is due now; return the seconds until something else is, None where nothing is foreseen.

        Raises Unavailable where a log cannot be written or old bytes are kept alive: call it again.
        """
        self._seen = (await self._rooms.refresh()).position
        self._secret = self._secret or await self._vault.secret(f"{self._desk.dialogue}/publish")
        async with self._desk.lock:
            state = await self._desk.refresh()
            now = self._now_ms()
            rules = self._rooms.rules(self._desk.dialogue)
            items = [state.items[key] for key in sorted(state.acts, key=self._digest) if key in state.items]
            work = [partial(self._item, item, rules, now) for item in items]
            work += [partial(self._notice, notice, now) for notice in state.notices.values()]
            await _each([*work, self._erase, self._desk.finish_withdrawals])
            return _soonest(self._due(), now)

    def public_ids(self) -> dict[str, str]:
        """Return the public id of every item that is placed; none before the first step."""
        state = self._desk.state
        placed = {key: [act for act in acts if act in state.placed] for key, acts in state.acts.items()}
        return {key: self._question(acts[-1]) for key, acts in placed.items() if acts and self._secret}

    async def _item(self, item: Item, rules: Rules, now: int) -> None:
        wanted = published_now(item, rules, now)
        placed = self._desk.state.placed
        for act in self._desk.state.acts.get(item.id, ()):
            if act in placed and (wanted is None or act != wanted[0]):
                await self._remove(act, self._question(act))
        if wanted is None:
            return
        act, published = wanted
        if not await self._show(item, act, published):
            return
        if item.turn_position > act or item.turn != "queued":
            event = QuestionTurned(self._question(act), item.turn, item.turns)
            await self._send(placed[act], event, f"turn {act} {item.turn_position}", here=True)
        stage = settled(item, now)
        if stage.answered and item.stage.answered and f"answer {act} {stage.answered_at}" not in self._sent:
            await self._answer(stage, stage.answered, act)

    async def _show(self, item: Item, act: int, published: ItemPublished) -> bool:
        """Send a question to where it was placed, or to the meeting that is open, or next; False where none is yet."""
        if f"question {act}" in self._sent:
            return True
        again = act in self._desk.state.placed
        meeting = await self._place(act)
        if meeting is None:
            return False
        content = read_content(await self._open(item.id, item.received.body))
        text = (await self._open(item.id, published.body)).decode() if published.body else content.text
        event = QuestionPublished(
            question=self._question(act),
            kind=item.received.kind,
            language=item.received.language,
            text="" if published.theme else text,
            theme=text if published.theme else "",
            name=content.name if published.named and not published.theme else "",
        )
        await self._send(meeting, event, f"question {act}")
        if not again:
            logger.debug("question_published dialogue=%s", self._desk.dialogue)
        return True

    async def _answer(self, stage: Stage, answered: ItemAnswered, act: int) -> None:
        """Send an answer in the place of those before it; `_erase` does away with the bytes of those."""
        text = (await self._open(answered.item, answered.body)).decode() if answered.body else ""
        event = QuestionAnswered(self._question(act), answered.meeting, answered.segments, text)
        meetings = [meeting.id for meeting in self._rooms.meetings(self._desk.dialogue)]
        meeting = answered.meeting if answered.meeting in meetings else self._desk.state.placed[act]
        what = f"answer {act} {stage.answered_at}"
        for one in meetings if stage.answers > 1 else ():
            replaced = await removal.tell_replaced(self._log, one, event, self._digest(f"replaced {what}"))
            self._erasing |= {(public_stream(one), at) for at in replaced}
        await self._append(public_stream(meeting), event, what)
        self._sent.add(what)

    async def _erase(self) -> None:
        """Erase what readers were told is gone; what a reader of the files keeps alive is tried again."""
        for stream, at in sorted(self._erasing):
            await self._log.erase(stream, at)
            self._erasing.discard((stream, at))

    async def _notice(self, notice: Notice, now: int) -> None:
        placed = self._desk.state.placed
        if notice.withdrawn:
            if notice.position in placed:
                await self._remove(notice.position, notice.id)
            return
        if not notice.settled(now):
            return
        meeting = await self._place(notice.position)
        if meeting is None:
            return
        if f"notice {notice.position}" not in self._sent:
            texts = _wordings.decode(await self._open(notice.id, notice.posted.body))
            event = NoticePublished(notice.id, texts, notice.posted.call, notice.posted.block)
            await self._send(meeting, event, f"notice {notice.position}")
        if notice.closed:
            await self._send(meeting, CallEnded(notice.id), f"closed {notice.position}")

    async def _place(self, act: int) -> str | None:
        """Return the meeting an act goes to, None where there is none yet.

        It is said before anything goes there, so that a successor sends it to the same place.
        """
        placed = self._desk.state.placed
        if act not in placed:
            meeting = self._rooms.current(self._desk.dialogue)
            if meeting is None:
                return None
            await self._desk.record([Placed(act, meeting.id)], f"placed:{act}", expect=0)
        return placed[act]

    async def _remove(self, act: int, public_id: str) -> None:
        meetings = [meeting.id for meeting in self._rooms.meetings(self._desk.dialogue)]
        for meeting in meetings:
            await removal.remove(self._log, meeting, public_id, self._digest(f"removed {act}"))
        await self._desk.record([Displaced(act)], f"placed:{act}")
        logger.debug("removed_from_public dialogue=%s", self._desk.dialogue)

    async def _send(self, meeting: str, event: PublicEvent, what: str, *, here: bool = False) -> None:
        """Append once; with `here` to the meeting that goes on, where there is one."""
        if what in self._sent:
            return
        current = self._rooms.current(self._desk.dialogue) if here else None
        stream = public_stream(current.id if current else meeting)
        await self._append(stream, event, what)
        self._sent.add(what)

    async def _append(self, stream: str, event: PublicEvent, what: str) -> None:
        await self._log.append(stream, [encode(event)], key=self._digest(what))

    async def _open(self, key: str, body: str) -> bytes:
        return await self._vault.open(self._desk.key_name(key), body)

    def _question(self, act: int) -> str:
        """Return the public id of what an act published."""
        return self._digest(f"id {act}")[:20]

    def _digest(self, what: str) -> str:
        return hmac.new(self._secret, what.encode(), hashlib.sha256).hexdigest()

    def _due(self) -> Iterator[int]:
        state = self._desk.state
        for item in [state.items[key] for key in state.acts if key in state.items]:
            if not item.withdrawn and item.stage.position:
                yield item.stage.at_ms + ACT_SETTLES_MS
                yield from (stage.at_ms + ACT_SETTLES_MS for stage in item.earlier)
        for notice in state.notices.values():
            if not notice.withdrawn:
                yield notice.posted.at_ms + ACT_SETTLES_MS

    async def _changed(self, wait_s: float | None) -> None:
        """Return when the desk or the house grows, or after so many seconds."""
        waits = (
            self._log.wait(self._desk.stream, self._desk.state.position),
            self._log.wait(HOUSE, self._seen),
        )
        tasks = [asyncio.ensure_future(one) for one in waits]
        try:
            await asyncio.wait(tasks, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done() and isinstance(task.exception(), Unavailable):
                    await asyncio.sleep(_RETRY_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def published_now(item: Item, rules: Rules, now_ms: int) -> tuple[int, ItemPublished] | None:
    """Return the act that makes an item public now, with its position; None where it is not, or not yet, or no more.

    Whatever the acts say, nothing goes above the ceiling that holds now.
    """
    if item.withdrawn or not rules.publishes or not item.stage.published:
        return None
    stage = settled(item, now_ms)
    if stage.published is None:
        return None
    needs = rank("public-theme" if stage.published.theme else "public-text")
    return (stage.published_at, stage.published) if rank(item.ceiling) >= needs else None


async def _each(work: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Do all of it: what fails for one item holds up no other. Raises the first failure at the end."""
    failed: list[HearingError] = []
    for one in work:
        try:
            await one()
        except Gone:  # its key was lost with a vault: nothing can be published any more, and never will be
            continue
        except HearingError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _soonest(due: Iterator[int], now_ms: int) -> float | None:
    ahead = [at for at in due if at > now_ms]
    return (min(ahead) - now_ms) / 1000 if ahead else None
