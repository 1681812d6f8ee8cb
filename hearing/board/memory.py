"""The board of one machine: a dict, and a wake-up for those who watch."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

import msgspec

from hearing.errors import Refused

MOST_NAMES = 20_000
_MAX_VALUE = 64 * 1024
_MAX_NAME = 256


class _Value(msgspec.Struct, frozen=True):
    value: bytes
    dies: float
    version: int


def check_put(name: str, value: bytes) -> None:
    """Raise Refused for what no board holds."""
    if not 1 <= len(name) <= _MAX_NAME or any("\ud800" <= character <= "\udfff" for character in name):
        raise Refused(f"A name on the board has 1 to {_MAX_NAME} characters.")
    if len(value) > _MAX_VALUE:
        raise Refused("A value on the board holds at most 64 KiB.")


class MemoryBoard:
    """Forgets everything on exit. `now` gives seconds that only grow; it holds at most `most` names."""

    def __init__(self, now: Callable[[], float] = time.monotonic, most: int = MOST_NAMES) -> None:
        self._now = now
        self._most = most
        self._values: dict[str, _Value] = {}
        self._version = 0
        self._changes: dict[str, asyncio.Event] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        names = list(self._values)
        self._values.clear()
        for name in names:
            self._wake(name)

    async def put(self, name: str, value: bytes, lifetime_s: float) -> None:
        """Set a value. Raises Refused for one over 64 KiB, a name over 256 characters, or where the board is full."""
        check_put(name, value)
        if name not in self._values and len(self._values) >= self._most:
            self._bury()
            if len(self._values) >= self._most:
                raise Refused("The board is full.")
        self._version += 1
        self._values[name] = _Value(value, self._now() + lifetime_s, self._version)
        self._wake(name)

    async def claim(self, name: str, value: bytes, lifetime_s: float) -> bytes:
        """Set a value where no other is there; return the one that stands."""
        held = await self.get(name)
        if held is not None and held != value:
            return held
        await self.put(name, value, lifetime_s)
        return value

    async def remove(self, name: str) -> None:
        """Forget a value before its time."""
        if self._values.pop(name, None):
            self._wake(name)

    async def get(self, name: str) -> bytes | None:
        """Return the value, or None."""
        held = self._values.get(name)
        return held.value if held and held.dies > self._now() else None

    async def names(self, prefix: str) -> list[str]:
        """Return the names that hold a value now, sorted."""
        return sorted(self._living(prefix))

    async def watch(self, prefix: str) -> AsyncIterator[tuple[str, bytes | None]]:
        """Yield the values under the prefix, then what changes, forever."""
        seen: dict[str, int] = {}
        while True:
            changed = self._changes.setdefault(prefix, asyncio.Event())
            living = self._living(prefix)
            for name in [name for name in seen if name not in living]:
                del seen[name]
                yield name, None
            for name, held in living.items():
                if seen.get(name) != held.version:
                    seen[name] = held.version
                    yield name, held.value
            await self._until(changed, living)

    async def _until(self, changed: asyncio.Event, living: dict[str, _Value]) -> None:
        """Wait for a change, or for the next of these values to die."""
        soonest = min((held.dies for held in living.values()), default=None)
        try:
            async with asyncio.timeout(None if soonest is None else max(0.001, soonest - self._now())):
                await changed.wait()
        except TimeoutError:
            self._bury()

    def _living(self, prefix: str) -> dict[str, _Value]:
        now = self._now()
        return {name: held for name, held in self._values.items() if name.startswith(prefix) and held.dies > now}

    def _bury(self) -> None:
        now = self._now()
        for name in [name for name, held in self._values.items() if held.dies <= now]:
            del self._values[name]

    def _wake(self, name: str) -> None:
        """Wake those who watch the name, and nobody else."""
        for prefix in [prefix for prefix in self._changes if name.startswith(prefix)]:
            self._changes.pop(prefix).set()
