"""The seam for media bytes. One contract suite runs on every implementation."""

from typing import Protocol


class Store(Protocol):
    """Bytes by name and range. A name is `/`-separated parts of a-z, A-Z, 0-9, '.', '_' and '-'; never '..'."""

    async def append(self, name: str, chunk: bytes) -> int:
        """Add bytes at the end, making the name if need be; return its size now. Not durable until `sync`."""
        ...

    async def replace(self, name: str, content: bytes) -> None:
        """Put the whole content in one step, durably: a reader sees the old or the new."""
        ...

    async def sync(self, name: str) -> None:
        """Return when what was appended to the name survives a crash. Raises NotFound, Unavailable."""
        ...

    async def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Return bytes start..end (end exclusive, the whole rest without it). Raises NotFound."""
        ...

    async def size(self, name: str) -> int | None:
        """Return the size in bytes, None where there is no such name."""
        ...

    async def truncate(self, name: str, size: int) -> None:
        """Drop what stands after `size` bytes. Raises NotFound."""
        ...

    async def names(self, prefix: str) -> list[str]:
        """Return the names under a prefix that ends in `/`, sorted."""
        ...

    async def erase(self, prefix: str) -> None:
        """Forget every name under a prefix that ends in `/`, and what was left half written there; durably.

        A prefix under which there is nothing is no error. Raises Unavailable where some of it could not be forgotten.
        """
        ...

    async def delete(self, name: str) -> None:
        """Forget a name and its bytes; a name that is not there is no error."""
        ...
