"""The seam for what is true now and need not be kept: drafts, presence, how late captions are.

One contract suite runs on every implementation.
"""

from collections.abc import AsyncIterator
from typing import Protocol


class Board(Protocol):
    """Latest value per name; each dies after its lifetime unless it is put again."""

    async def put(self, name: str, value: bytes, lifetime_s: float) -> None:
        """Set a value; watchers of its name see it."""
        ...

    async def claim(self, name: str, value: bytes, lifetime_s: float) -> bytes:
        """Set a value where there is none, or the same already: that lives on. Return the value that stands.

        Of many who claim a name at once one gets it. A lifetime of 0 gives a claim of one's own back.
        """
        ...

    async def remove(self, name: str) -> None:
        """Forget a value before its time; watchers see None."""
        ...

    async def get(self, name: str) -> bytes | None:
        """Return the value, or None where there is none or its lifetime is over."""
        ...

    async def names(self, prefix: str) -> list[str]:
        """Return the names under a prefix that hold a value now, sorted."""
        ...

    def watch(self, prefix: str) -> AsyncIterator[tuple[str, bytes | None]]:
        """Yield each value under the prefix, then each change, forever; None when a value dies or is removed.

        Only the latest value of a name counts: a slow watcher misses the ones between, never the last.
        """
        ...
