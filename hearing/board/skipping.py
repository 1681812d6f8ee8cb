"""A board for what may be missed: while it is away, nothing is put on it, and who wanted to goes on."""

from collections.abc import AsyncIterator
from contextlib import suppress

from hearing.board.base import Board
from hearing.errors import Unavailable


class Skipping:
    """Wraps a board. A put or a removal that it could not take is skipped: its value dies by itself, or comes again."""

    def __init__(self, board: Board) -> None:
        self._board = board

    async def put(self, name: str, value: bytes, lifetime_s: float) -> None:
        """Set a value, or skip it."""
        with suppress(Unavailable):
            await self._board.put(name, value, lifetime_s)

    async def claim(self, name: str, value: bytes, lifetime_s: float) -> bytes:
        """Claim a name. Raises Unavailable: a claim is not skipped."""
        return await self._board.claim(name, value, lifetime_s)

    async def remove(self, name: str) -> None:
        """Forget a value, or leave it to its lifetime."""
        with suppress(Unavailable):
            await self._board.remove(name)

    async def get(self, name: str) -> bytes | None:
        """Return the value. Raises Unavailable."""
        return await self._board.get(name)

    async def names(self, prefix: str) -> list[str]:
        """Return the names. Raises Unavailable."""
        return await self._board.names(prefix)

    def watch(self, prefix: str) -> AsyncIterator[tuple[str, bytes | None]]:
        """Yield the values and what changes."""
        return self._board.watch(prefix)
