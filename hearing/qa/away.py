"""The vault as a server sees it that does not hold it: the public is read without, nothing is sealed or opened."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from hearing.errors import Unavailable
from hearing.qa.vault import Vault

T = TypeVar("T")


class AwayVault(Vault):
    """Use it as a vault: whatever needs a key is Unavailable. Keys that were to be destroyed are not here either."""

    def __init__(self) -> None:
        super().__init__(Path(), Path())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        return None

    async def destroyed(self, name: str) -> bool:
        """Tell that no key of this name is here."""
        return True

    async def _run(self, work: Callable[[], T]) -> T:
        raise Unavailable("What was sent is kept by another server, which does not answer. Try again in a minute.")
