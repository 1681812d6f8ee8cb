"""What a decision is answered with, where it is not simply the item."""

from collections.abc import Awaitable

import msgspec

from hearing.errors import Conflict, HearingError
from hearing.qa.views import ItemView


class Changed(Conflict):
    """Somebody else decided first; `current` is the item as it is now, for the 409 that the page shows."""

    def __init__(self, current: ItemView) -> None:
        super().__init__("Somebody else changed this in the meantime. Look at it again and decide again.")
        self.current = current


class Wanted(msgspec.Struct, frozen=True):
    """One item of a bulk decision, on the version that was seen."""

    item: str
    version: int


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a bulk decision did to one item. `code` is `ok`, or the error's; `current` is the item by then."""

    item: str
    code: str
    text: str = ""
    current: ItemView | None = None


async def outcome_of(wanted: Wanted, deciding: Awaitable[ItemView]) -> Outcome:
    """Return what became of one item of many; only what callers can act on is caught."""
    try:
        return Outcome(wanted.item, "ok", current=await deciding)
    except Changed as changed:
        return Outcome(wanted.item, changed.code, str(changed), changed.current)
    except HearingError as error:
        return Outcome(wanted.item, error.code, str(error))
