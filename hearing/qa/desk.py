"""One dialogue's desk: its fold, kept current, and the acts upon it, each on the version that was seen."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable, Sequence

import msgspec

from hearing.access import Actor
from hearing.desk_events import (
    CallClosed,
    DeskEvent,
    ItemEvent,
    NoticePosted,
    NoticeWithdrawn,
    bucket_of,
    desk_stream,
    encode_desk,
    item_subject,
    notice_subject,
)
from hearing.errors import Conflict, Gone, NotFound, Refused
from hearing.events import Wording
from hearing.log.base import Log
from hearing.qa import decisions
from hearing.qa.acts import Act
from hearing.qa.fold import DeskState, Notice, follow
from hearing.qa.item import Item
from hearing.qa.profile import Rules
from hearing.qa.vault import Vault

MOST_BODY = 8_000
MOST_WORDING = 1_000
_TRIES = 8
_NOTICE = re.compile(r"[0-9a-f]{16}")


class Stale(Conflict):
    """Somebody else decided first; `current` is the item as it is now."""

    def __init__(self, current: Item) -> None:
        super().__init__("Somebody else changed this in the meantime. Look at it again and decide again.")
        self.current = current


class Desk:
    """`lock` is held from reading the state to the answer of the append, by staff's acts and by the publisher:

    nothing is undone between the publisher's look and its append.
    """

    def __init__(self, dialogue: str, *, log: Log, vault: Vault, now_ms: Callable[[], int]) -> None:
        self.dialogue = dialogue
        self.stream = desk_stream(dialogue)
        self.state = DeskState()
        self.lock = asyncio.Lock()
        self._log = log
        self._vault = vault
        self._now_ms = now_ms

    def key_name(self, item_id: str) -> str:
        """Name the vault's key of an item or a notice."""
        return f"{self.dialogue}/{item_id}"

    async def refresh(self) -> DeskState:
        """Fold what has come since, and return the state."""
        while records := await self._log.read(self.stream, self.state.position, 4096):
            for record in records:
                follow(self.state, record)
        return self.state

    async def finish_withdrawals(self) -> None:
        """Destroy the keys that a server which died, or a vault that was busy, left behind. Raises Unavailable."""
        for key in list((await self.refresh()).to_forget):
            if not await self._vault.destroyed(self.key_name(key)):
                await self._vault.destroy(self.key_name(key))
            self.state.to_forget.discard(key)

    async def item(self, item_id: str) -> Item:
        """Return an item as it is now. Raises NotFound."""
        return self._item(await self.refresh(), item_id)

    async def record(
        self, events: Sequence[DeskEvent], subject: str, *, expect: int | None = None, key: str | None = None
    ) -> int:
        """Append events of one subject and fold them. Raises Conflict as the log does."""
        position = await self._log.append(
            self.stream, [encode_desk(event) for event in events], subject=subject, expect=expect, key=key
        )
        await self.refresh()
        return position

    async def decide(
        self, item_id: str, expected: int, act: Act, *, actor: Actor, rules: Rules, at_ms: int | None = None
    ) -> Item:
        """Decide an act, of now or `at_ms`, on the version that was seen. What is so already changes nothing.

        Raises Stale with the current item where somebody was first; Gone, Conflict or Refused as the item does.
        """
        sealed = await self._sealed(item_id, act)
        when = self._now_ms() if at_ms is None else at_ms
        return await self._on_version(
            item_id, expected, lambda item: decisions.decide(item, sealed, actor=actor, at_ms=when, rules=rules)
        )

    async def undo(self, item_id: str, expected: int, actor: Actor) -> Item:
        """Take the last act back, within ten seconds of it. Raises Stale, Conflict, Refused, Gone."""
        return await self._on_version(
            item_id, expected, lambda item: decisions.undo(item, actor=actor, at_ms=self._now_ms())
        )

    async def withdraw(self, item_id: str) -> Item:
        """Withdraw for its sender, whatever staff do meanwhile; returns when the key is destroyed."""
        item = await self._at_once(item_id, decisions.withdraw)
        await self._forget(item_id)
        return item

    async def lower(self, item_id: str, item_lowered: Callable[[Item], list[ItemEvent]]) -> Item:
        """Let its sender narrow who sees it."""
        return await self._at_once(item_id, item_lowered)

    async def reply(self, item_id: str, text: str) -> Item:
        """Record what its sender answers to a question of staff."""
        self._item(await self.refresh(), item_id)
        body = await self._vault.seal(self.key_name(item_id), _checked(text).encode())
        return await self._at_once(item_id, lambda item: decisions.reply(item, body, bucket_of(self._now_ms())))

    async def post(
        self, texts: Sequence[Wording], actor: Actor, *, call: bool = False, block: str = "", notice: str | None = None
    ) -> Notice:
        """Post a notice, or with `call` a call for information; the public sees it ten seconds later.

        `notice` is its id, where it was chosen beforehand: the same again is the same one. Raises Conflict where
        something else was posted under it, Gone where that was taken away.
        """
        _check_wordings(texts)
        notice = notice or secrets.token_hex(8)
        if not _NOTICE.fullmatch(notice):
            raise Refused("A notice's id has 16 hexadecimal digits.")
        content = msgspec.json.encode(list(texts))
        async with self.lock:
            if notice not in (await self.refresh()).notices:
                body = await self._vault.seal(self.key_name(notice), content)
                event = NoticePosted(notice, actor, self._now_ms(), body, call, block)
                with contextlib.suppress(Conflict):  # posted by another server meanwhile
                    await self.record([event], notice_subject(notice), expect=0)
            return await self._posted(self._notice(await self.refresh(), notice), content, call=call, block=block)

    async def take_away(self, notice_id: str, actor: Actor) -> Notice:
        """Withdraw a notice; twice is once."""
        async with self.lock:
            notice = self._notice(await self.refresh(), notice_id)
            if not notice.withdrawn:
                event = NoticeWithdrawn(notice_id, actor, self._now_ms())
                await self.record([event], notice_subject(notice_id))
        await self._forget(notice_id)
        return self._notice(self.state, notice_id)

    async def close_call(self, notice_id: str, actor: Actor) -> Notice:
        """Close a call for information; it stays readable."""
        async with self.lock:
            notice = self._notice(await self.refresh(), notice_id)
            if not notice.posted.call:
                raise Refused("This is a notice, not a call for information.")
            if not notice.closed and not notice.withdrawn:
                await self.record([CallClosed(notice_id, actor, self._now_ms())], notice_subject(notice_id))
        return self._notice(self.state, notice_id)

    async def _posted(self, notice: Notice, content: bytes, *, call: bool, block: str) -> Notice:
        """Return the notice if this is what was posted. Raises Conflict, Gone."""
        if notice.withdrawn:
            raise Gone("This notice was taken away. Write another one.")
        posted = notice.posted
        before = await self._vault.open(self.key_name(notice.id), posted.body)
        if (before, posted.call, posted.block) != (content, call, block):
            raise Conflict("Something else was posted under this id already. Take a new one.")
        return notice

    async def _forget(self, key: str) -> None:
        await self._vault.destroy(self.key_name(key))
        self.state.to_forget.discard(key)

    async def _on_version(self, item_id: str, expected: int, decide: Callable[[Item], list[ItemEvent]]) -> Item:
        async with self.lock:
            item = self._item(await self.refresh(), item_id)
            if item.version != expected and (item.withdrawn or _would_change(item, decide)):
                raise Stale(item)
            if events := decide(item):
                try:
                    await self.record(events, item_subject(item_id), expect=expected)
                except Conflict:
                    raise Stale(self._item(await self.refresh(), item_id)) from None
            return self._item(self.state, item_id)

    async def _at_once(self, item_id: str, decide: Callable[[Item], list[ItemEvent]]) -> Item:
        """Decide for a sender, who never waits for staff: on whatever version there is."""
        async with self.lock:
            for _ in range(_TRIES):
                item = self._item(await self.refresh(), item_id)
                events = decide(item)
                if not events:
                    return item
                try:
                    await self.record(events, item_subject(item_id), expect=item.version)
                except Conflict:
                    continue
                return self._item(self.state, item_id)
        raise Conflict("This is being changed by others. Try again.")

    async def _sealed(self, item_id: str, act: Act) -> Act:
        """Return the act with its text as ciphertext under the item's key."""
        text: str = getattr(act, "body", "")
        if not text.strip():
            return act
        self._item(await self.refresh(), item_id)
        body = await self._vault.seal(self.key_name(item_id), _checked(text).encode())
        return msgspec.structs.replace(act, body=body)

    def _item(self, state: DeskState, item_id: str) -> Item:
        if item_id not in state.items:
            raise NotFound("There is nothing of this id here.")
        return state.items[item_id]

    def _notice(self, state: DeskState, notice_id: str) -> Notice:
        if notice_id not in state.notices:
            raise NotFound("There is no notice of this id here.")
        return state.notices[notice_id]


def _would_change(item: Item, decide: Callable[[Item], list[ItemEvent]]) -> bool:
    try:
        return bool(decide(item))
    except (Conflict, Refused):
        return True


def _checked(text: str) -> str:
    if len(text) > MOST_BODY:
        raise Refused(f"This is too long: {MOST_BODY} characters at the most.")
    return text


def _check_wordings(texts: Sequence[Wording]) -> None:
    if not 1 <= len(texts) <= 12 or len({wording.language for wording in texts}) < len(texts):
        raise Refused("A notice has 1 to 12 wordings, one for a language.")
    if any(not 1 <= len(wording.text.strip()) <= MOST_WORDING for wording in texts):
        raise Refused(f"Each wording of a notice has 1 to {MOST_WORDING} characters.")
