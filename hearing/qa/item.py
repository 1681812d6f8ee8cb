"""One item's life as a fold: received, accepted or declined, published or routed, answered, withdrawn.

Pure: times and versions come in as arguments, and every `body` is sealed before it gets here. An item's version is the
position of the last record of its subject. hearing.qa.decisions says what may happen to it.
"""

from collections.abc import Sequence

import msgspec

from hearing.access import Actor
from hearing.desk_events import (
    ACT_SETTLES_MS,
    CEILINGS,
    ActUndone,
    Ceiling,
    CeilingLowered,
    DeskEvent,
    ItemAccepted,
    ItemAnswered,
    ItemDeclined,
    ItemNoted,
    ItemPublished,
    ItemReceived,
    ItemRouted,
    ItemTurned,
    ItemUnpublished,
    ItemWithdrawn,
    SenderAsked,
    SenderReplied,
    Turn,
)
from hearing.qa.acts import State

MOST_SAID = 200


class Stage(msgspec.Struct, frozen=True):
    """Where staff have brought an item. `position` is the version of the act that did; 0: nobody has acted.

    `published` and `answered` are the acts in force, `published_at` and `answered_at` their positions; `answers` counts
    the answers so far, those that were replaced too.
    """

    state: State = "received"
    position: int = 0
    at_ms: int = 0
    actor: Actor | None = None
    declined: ItemDeclined | None = None
    routed_to: tuple[str, ...] = ()
    published: ItemPublished | None = None
    published_at: int = 0
    answered: ItemAnswered | None = None
    answered_at: int = 0
    answers: int = 0


class Said(msgspec.Struct, frozen=True):
    """A note, a question to the sender or a reply: the event, whose body is sealed."""

    event: ItemNoted | SenderAsked | SenderReplied
    position: int


class Item(msgspec.Struct, frozen=True):
    """An item, as the log tells it. `earlier` are the stages that undoing would lead back to."""

    received: ItemReceived
    version: int
    ceiling: Ceiling
    stage: Stage = Stage()
    earlier: tuple[Stage, ...] = ()
    withdrawn: bool = False
    turn: Turn = "queued"
    turn_position: int = 0
    turns: int = 0
    said: tuple[Said, ...] = ()

    @property
    def id(self) -> str:
        return self.received.item

    @property
    def state(self) -> State:
        return "withdrawn" if self.withdrawn else self.stage.state

    @property
    def awaits_reply(self) -> bool:
        """Whether staff asked the sender something that was not answered."""
        talk = [said.event for said in self.said if not isinstance(said.event, ItemNoted)]
        return not self.withdrawn and bool(talk) and isinstance(talk[-1], SenderAsked)


def rank(ceiling: Ceiling) -> int:
    """Return how much a ceiling lets be seen; more is higher."""
    return CEILINGS.index(ceiling)


def settled(item: Item, now_ms: int) -> Stage:
    """Return the newest stage that can be undone no more: what participants, members and the public are told."""
    stages = [*item.earlier, item.stage]
    return next((stage for stage in reversed(stages) if stage.at_ms + ACT_SETTLES_MS <= now_ms), stages[0])


def settles_ms(item: Item, now_ms: int) -> int | None:
    """Return when the last act settles; None where it has."""
    due = item.stage.at_ms + ACT_SETTLES_MS
    return due if item.stage.position and due > now_ms and not item.withdrawn else None


def apply(item: Item | None, event: DeskEvent | None, position: int) -> Item | None:
    """Fold one event of this item's subject in; a repeated, unknown or late one changes nothing."""
    if isinstance(event, ItemReceived) and item is None:
        return Item(event, position, event.ceiling)
    if item is None or event is None or position <= item.version or item.withdrawn:
        return item
    changed = _staged(item, event, position) or _beside(item, event, position)
    return msgspec.structs.replace(changed, version=position) if changed else item


def _staged(item: Item, event: DeskEvent, position: int) -> Item | None:  # noqa: PLR0911 - one line per event
    """Fold an act that undoing can take back."""
    match event:
        case ItemAccepted():
            return _step(item, event, position, state="accepted", declined=None)
        case ItemDeclined():
            return _step(item, event, position, state="declined", declined=event, routed_to=())
        case ItemPublished():
            return _step(item, event, position, state="published", published=event, published_at=position)
        case ItemRouted():
            return _step(item, event, position, state="routed", routed_to=event.to)
        case ItemAnswered():
            answers = item.stage.answers + 1
            return _step(item, event, position, state="answered", answered=event, answered_at=position, answers=answers)
        case ActUndone(act=act) if act == item.stage.position and item.earlier:
            return msgspec.structs.replace(item, stage=item.earlier[-1], earlier=item.earlier[:-1])
        case _:
            return None


def _beside(item: Item, event: DeskEvent, position: int) -> Item | None:  # noqa: PLR0911 - one line per event
    """Fold what holds at once and stays."""
    match event:
        case CeilingLowered(ceiling=ceiling):
            return _narrowed(msgspec.structs.replace(item, ceiling=min(ceiling, item.ceiling, key=rank)))
        case ItemUnpublished():
            return _unpublished(item)
        case ItemTurned(turn=turn):
            return msgspec.structs.replace(item, turn=turn, turn_position=position, turns=item.turns + 1)
        case ItemNoted() | SenderAsked() | SenderReplied():
            said = (*item.said, Said(event, position))[-MOST_SAID:]
            return msgspec.structs.replace(item, said=said)
        case ItemWithdrawn():
            return msgspec.structs.replace(item, withdrawn=True, earlier=())
        case ActUndone():
            return item
        case _:
            return None


def _step(item: Item, event: DeskEvent, position: int, **changes: object) -> Item:
    """Go on from the stage there is, and keep the stages that are not settled by then, and the one below them."""
    assert isinstance(event, ItemAccepted | ItemDeclined | ItemPublished | ItemRouted | ItemAnswered)  # noqa: S101
    stage = msgspec.structs.replace(item.stage, position=position, at_ms=event.at_ms, actor=event.actor, **changes)
    return msgspec.structs.replace(item, stage=stage, earlier=_kept((*item.earlier, item.stage), event.at_ms))


def _kept(stages: Sequence[Stage], at_ms: int) -> tuple[Stage, ...]:
    done = [n for n, stage in enumerate(stages) if stage.at_ms + ACT_SETTLES_MS <= at_ms]
    return tuple(stages[done[-1] if done else 0 :])


def _narrowed(item: Item) -> Item:
    """Take what its sender does not let be seen any more out of the public view, and away from the members."""
    published = item.stage.published
    if published and rank(item.ceiling) < rank("public-theme" if published.theme else "public-text"):
        item = _unpublished(item)
    if item.stage.routed_to and rank(item.ceiling) < rank("committee"):
        state: State = "accepted" if item.stage.state == "routed" else item.stage.state
        stage = msgspec.structs.replace(item.stage, state=state, position=0, routed_to=())
        return msgspec.structs.replace(item, stage=stage, earlier=())
    return item


def _unpublished(item: Item) -> Item:
    """Go back to before it was published, and keep what it was answered; no undoing leads past this."""
    before: State = "routed" if item.stage.routed_to else "accepted"
    state: State = "answered" if item.stage.answered else before
    stage = msgspec.structs.replace(item.stage, state=state, position=0, published=None, published_at=0)
    return msgspec.structs.replace(item, stage=stage, earlier=(), turn="queued", turns=0)
