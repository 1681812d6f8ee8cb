"""Everything a desk's stream says, folded: its items, its notices, and what was placed where. Pure."""

import msgspec

from hearing.desk_events import (
    ACT_SETTLES_MS,
    CallClosed,
    CorrectionMade,
    DeskEvent,
    Displaced,
    GlossaryWritten,
    ItemPublished,
    NamesListed,
    NoticePosted,
    NoticeWithdrawn,
    PassageActed,
    Placed,
    TurnActed,
    decode_desk,
)
from hearing.log.base import Record
from hearing.qa import item as items
from hearing.qa.item import Item


class Notice(msgspec.Struct, frozen=True):
    """A notice or a call for information. Its version is the position of its last record."""

    posted: NoticePosted
    position: int
    version: int
    withdrawn: bool = False
    closed: bool = False

    @property
    def id(self) -> str:
        return self.posted.notice

    def settled(self, now_ms: int) -> bool:
        """Tell whether it can be seen outside the desk."""
        return not self.withdrawn and self.posted.at_ms + ACT_SETTLES_MS <= now_ms


class DeskState(msgspec.Struct):
    """Grows in place: read it without awaiting in between.

    `placed` maps the position of an act to the meeting whose public stream it went to; `acts` maps an item or notice
    to those of its acts that could be placed; `passages` a passage of what was said to what was last done with it;
    `lists` the subject of a meeting's list of names, or of its glossary, to what stands and its version. `to_forget`
    holds what was withdrawn and whose key may be there still.
    """

    position: int = 0
    items: dict[str, Item] = {}
    notices: dict[str, Notice] = {}
    placed: dict[int, str] = {}
    acts: dict[str, list[int]] = {}
    passages: dict[str, PassageActed] = {}
    lists: dict[str, tuple[NamesListed | GlossaryWritten, int]] = {}
    to_forget: set[str] = set()


def follow(state: DeskState, record: Record) -> None:
    """Fold the next record in; one that was folded already changes nothing."""
    if record.position <= state.position:
        return
    state.position = record.position
    event = decode_desk(record.body)
    match event:
        case None | TurnActed() | CorrectionMade():
            pass
        case NamesListed() | GlossaryWritten():
            state.lists[record.subject] = event, record.position
        case Placed():
            state.placed[event.version] = event.meeting
        case Displaced():
            state.placed.pop(event.version, None)
        case PassageActed():
            known = state.passages.get(event.hidden)
            if known is None or known.act != "redact":  # who asked for that stays who asked
                state.passages[event.hidden] = event
        case NoticePosted() | NoticeWithdrawn() | CallClosed():
            _notice(state, event, record.position)
        case _:
            _item(state, event, record.position)


def _notice(state: DeskState, event: NoticePosted | NoticeWithdrawn | CallClosed, position: int) -> None:
    held = state.notices.get(event.notice)
    match event:
        case NoticePosted() if held is None:
            state.notices[event.notice] = Notice(event, position, position)
            state.acts[event.notice] = [position]
        case NoticeWithdrawn() if held:
            state.notices[held.id] = msgspec.structs.replace(held, withdrawn=True, version=position)
            state.to_forget.add(held.id)
        case CallClosed() if held:
            state.notices[held.id] = msgspec.structs.replace(held, closed=True, version=position)
        case _:
            pass


def _item(state: DeskState, event: DeskEvent, position: int) -> None:
    key: str = getattr(event, "item", "")
    folded = items.apply(state.items.get(key), event, position)
    if folded is None:
        return
    state.items[key] = folded
    if folded.withdrawn:
        state.to_forget.add(key)
    if isinstance(event, ItemPublished):
        state.acts.setdefault(key, []).append(position)
