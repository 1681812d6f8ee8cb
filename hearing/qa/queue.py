"""The question queue as moderators filter it."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from hearing.desk_events import Ceiling, Kind, SenderReplied, SourceClass
from hearing.qa.acts import State
from hearing.qa.desk import Desk
from hearing.qa.item import Item
from hearing.qa.vault import Vault
from hearing.qa.views import ItemView, item_views

MOST = 300


class Filters(msgspec.Struct, frozen=True, omit_defaults=True):
    """Empty: all. `words` finds text in any case; `mine` those this invitation claims; `skip` and `limit` page."""

    states: tuple[State, ...] = ()
    kinds: tuple[Kind, ...] = ()
    languages: tuple[str, ...] = ()
    source_classes: tuple[SourceClass, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    blocks: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    replied: bool = False
    free: bool = False
    mine: str = ""
    words: str = ""
    skip: int = 0
    limit: int = 50


class Queue(msgspec.Struct, frozen=True):
    """`items` are one page of the `total` that pass; `states` and `languages` count all. `position` is the desk's."""

    items: list[ItemView]
    total: int
    states: dict[State, int]
    languages: dict[str, int]
    position: int


async def select(desk: Desk, vault: Vault, filters: Filters, now_ms: int, claimed: Mapping[str, str]) -> Queue:
    """Return one page of what passes, oldest first."""
    state = desk.state
    position = state.position
    everything = list(state.items.values())
    passing = [item for item in everything if _passes(item, filters, claimed.get(item.id, ""))]
    first, last = max(0, filters.skip), max(0, filters.skip) + max(1, min(filters.limit, MOST))
    if filters.words.strip():
        opened = await item_views(desk, vault, passing, now_ms, claimed)
        words = filters.words.casefold().strip()
        found = [view for view in opened if words in f"{view.text}\n{view.name}\n{view.public_text}".casefold()]
        total, page = len(found), found[first:last]
    else:
        total, page = len(passing), await item_views(desk, vault, passing[first:last], now_ms, claimed)
    return Queue(
        page,
        total,
        dict(Counter(item.state for item in everything)),
        dict(Counter(item.received.language for item in everything if not item.withdrawn)),
        position,
    )


def _passes(item: Item, filters: Filters, claimed_by: str) -> bool:
    received = item.received
    choices: tuple[tuple[tuple[str, ...], str], ...] = (
        (filters.states, item.state),
        (filters.kinds, received.kind),
        (filters.languages, received.language),
        (filters.source_classes, received.source_class),
        (filters.ceilings, item.ceiling),
        (filters.blocks, received.block),
        (filters.calls, received.call),
    )
    if any(wanted and found not in wanted for wanted, found in choices):
        return False
    if (filters.free and claimed_by) or (filters.mine and claimed_by != filters.mine):
        return False
    return not filters.replied or any(isinstance(said.event, SenderReplied) for said in item.said)
