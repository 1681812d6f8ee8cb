"""What staff, members and senders are shown of items: opened here, for as long as an answer takes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import msgspec

from hearing.access import Actor
from hearing.desk_events import ACT_SETTLES_MS, Ceiling, ItemNoted, Kind, Reason, SenderAsked, SourceClass, Turn
from hearing.events import Wording
from hearing.qa import item as items
from hearing.qa.acts import State
from hearing.qa.desk import Desk
from hearing.qa.fold import Notice
from hearing.qa.intake import read_content
from hearing.qa.item import Item
from hearing.qa.vault import Sealed, Vault


class Line(msgspec.Struct, frozen=True):
    """A note of staff, a question to the sender, or a reply."""

    kind: Literal["note", "asked", "replied"]
    text: str
    actor: Actor | None = None
    at_ms: int | None = None


class ItemView(msgspec.Struct, frozen=True):
    """An item as moderators see it. `bucket` is the beginning of the five minutes in which it came, UTC ms.

    `readable` is False once it was withdrawn. `undo_until_ms`: its last act, by `decided_by`, can be undone till then.
    `public`: staff published it; it is seen outside once that act settled and a meeting is there to show it in.
    `supporters`: how many readers want the answer too.
    """

    item: str
    version: int
    state: State
    kind: Kind
    language: str
    source_class: SourceClass
    ceiling: Ceiling
    bucket: int
    text: str
    name: str
    block: str
    meeting: str
    call: str
    readable: bool
    reason: Reason | None
    explanation: str
    routed_to: tuple[str, ...]
    public: bool
    public_text: str
    theme: bool
    turn: Turn
    answer_meeting: str
    answer_segments: tuple[str, ...]
    answer_text: str
    lines: tuple[Line, ...]
    awaits_reply: bool
    decided_by: Actor | None
    undo_until_ms: int | None
    claimed_by: str
    supporters: int = 0


class RoutedView(msgspec.Struct, frozen=True):
    """An item as a member sees it: never above the ceiling, without time or order of arrival."""

    item: str
    kind: Kind
    language: str
    source_class: SourceClass
    block: str
    text: str
    name: str
    answered: bool


class NoticeView(msgspec.Struct, frozen=True):
    """A notice or call as the desk sees it. `withdrawable_unseen_until_ms`: taken away before, nobody sees it."""

    notice: str
    version: int
    texts: tuple[Wording, ...]
    call: bool
    block: str
    withdrawn: bool
    closed: bool
    at_ms: int
    replies: int
    unseen_until_ms: int | None


_wordings = msgspec.json.Decoder(tuple[Wording, ...])


async def item_views(
    desk: Desk, vault: Vault, wanted: Sequence[Item], now_ms: int, claimed: Mapping[str, str]
) -> list[ItemView]:
    """Open items for moderators."""
    texts = await _Texts.of(desk, vault, [(item.id, body) for item in wanted for body in _bodies(item)])
    return [_item_view(item, texts, now_ms, claimed.get(item.id, "")) for item in wanted]


async def routed_views(desk: Desk, vault: Vault, invites: Collection[str], now_ms: int) -> list[RoutedView]:
    """Open what is routed to a member, by any of these invitations.

    Sorted by block and id, so that the order tells nothing of when it came.
    """
    wanted = [item for item in desk.state.items.values() if _reads(item, invites, now_ms)]
    wanted.sort(key=lambda item: (item.received.block, item.id))
    texts = await _Texts.of(desk, vault, [(item.id, item.received.body) for item in wanted])
    return [_routed_view(item, texts, now_ms) for item in wanted]


async def notice_views(desk: Desk, vault: Vault, now_ms: int) -> list[NoticeView]:
    """Open the notices and calls that were not taken away, newest first."""
    kept = [notice for notice in reversed(desk.state.notices.values()) if not notice.withdrawn]
    sealed = [Sealed(desk.key_name(notice.id), notice.posted.body) for notice in kept]
    calls = [item.received.call for item in desk.state.items.values() if not item.withdrawn]
    opened = await vault.open_all(sealed)
    return [
        _notice_view(notice, body, calls.count(notice.id), now_ms) for notice, body in zip(kept, opened, strict=True)
    ]


class _Texts:
    """Opened bodies, by what they were sealed as."""

    def __init__(self, opened: Mapping[str, bytes | None]) -> None:
        self._opened = opened

    @classmethod
    async def of(cls, desk: Desk, vault: Vault, wanted: Sequence[tuple[str, str]]) -> "_Texts":
        bodies = [(key, body) for key, body in wanted if body]
        opened = await vault.open_all([Sealed(desk.key_name(key), body) for key, body in bodies])
        return cls({body: plain for (_, body), plain in zip(bodies, opened, strict=True)})

    def content(self, body: str) -> tuple[str, str]:
        plain = self._opened.get(body)
        content = read_content(plain) if plain else None
        return (content.text, content.name) if content else ("", "")

    def text(self, body: str) -> str:
        return (self._opened.get(body) or b"").decode()


def _bodies(item: Item) -> list[str]:
    stage = item.stage
    acts = (stage.declined, stage.published, stage.answered)
    return [item.received.body, *(act.body for act in acts if act), *(said.event.body for said in item.said)]


def _item_view(item: Item, texts: _Texts, now_ms: int, claimed_by: str) -> ItemView:
    received, stage = item.received, item.stage
    text, name = texts.content(received.body)
    published, answered, declined = stage.published, stage.answered, stage.declined
    return ItemView(
        item=item.id,
        version=item.version,
        state=item.state,
        kind=received.kind,
        language=received.language,
        source_class=received.source_class,
        ceiling=item.ceiling,
        bucket=received.bucket,
        text=text,
        name=name,
        block=received.block,
        meeting=received.meeting,
        call=received.call,
        readable=bool(text),
        reason=declined.reason if declined else None,
        explanation=texts.text(declined.body) if declined else "",
        routed_to=stage.routed_to,
        public=bool(published) and not item.withdrawn,
        public_text=(texts.text(published.body) or text) if published else "",
        theme=bool(published and published.theme),
        turn=item.turn,
        answer_meeting=answered.meeting if answered else "",
        answer_segments=answered.segments if answered else (),
        answer_text=texts.text(answered.body) if answered else "",
        lines=tuple(_line(said, texts) for said in item.said),
        awaits_reply=item.awaits_reply,
        decided_by=stage.actor,
        undo_until_ms=items.settles_ms(item, now_ms),
        claimed_by=claimed_by,
    )


def _line(said: items.Said, texts: _Texts) -> Line:
    text = texts.text(said.event.body)
    match said.event:
        case ItemNoted(actor=actor, at_ms=at_ms):
            return Line("note", text, actor, at_ms)
        case SenderAsked(actor=actor, at_ms=at_ms):
            return Line("asked", text, actor, at_ms)
        case _:
            return Line("replied", text)


def _reads(item: Item, invites: Collection[str], now_ms: int) -> bool:
    """Tell whether a member may read it: routed, settled, and its sender's ceiling lets them."""
    if item.withdrawn or items.rank(item.ceiling) < items.rank("committee"):
        return False
    to = set(items.settled(item, now_ms).routed_to) & set(item.stage.routed_to)
    return bool(to & {"committee", *invites})


def _routed_view(item: Item, texts: _Texts, now_ms: int) -> RoutedView:
    received = item.received
    text, name = texts.content(received.body)
    return RoutedView(
        item.id,
        received.kind,
        received.language,
        received.source_class,
        received.block,
        text,
        name,
        items.settled(item, now_ms).state == "answered",
    )


def _notice_view(notice: Notice, body: bytes | None, replies: int, now_ms: int) -> NoticeView:
    posted = notice.posted
    return NoticeView(
        notice=notice.id,
        version=notice.version,
        texts=_wordings.decode(body) if body else (),
        call=posted.call,
        block=posted.block,
        withdrawn=notice.withdrawn,
        closed=notice.closed,
        at_ms=posted.at_ms,
        replies=replies if posted.call else 0,
        unseen_until_ms=None if notice.settled(now_ms) else posted.at_ms + ACT_SETTLES_MS,
    )
